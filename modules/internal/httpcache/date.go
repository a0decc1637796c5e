// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"net/http"
	"strings"
	"time"
)

// parseDate reads an HTTP-date in any of the three forms of RFC 9110 section
// 5.6.7. A year of two digits that seems to lie more than 50 years ahead is one
// of the past.
func parseDate(s string, now time.Time) (time.Time, bool) {
	if t, ok := parseAs(http.TimeFormat, s); ok {
		return t, true
	}
	if t, ok := parseAs(rfc850, s); ok {
		century := now.Year() / 100 * 100
		year := century + t.Year()%100
		switch {
		case year > now.Year()+50:
			year -= 100
		case year < now.Year()-50:
			year += 100
		}
		return time.Date(year, t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC), true
	}
	return parseAs(time.ANSIC, s)
}

// parseAs reads a date that has exactly the given form. time.Parse takes further spaces,
// hours of one digit and fractions of seconds as well. That the weekday is the one of the
// date, and the case of names, are not looked at.
func parseAs(layout, s string) (time.Time, bool) {
	t, err := time.Parse(layout, s)
	if err != nil {
		return time.Time{}, false
	}
	var room [40]byte
	exact := t.AppendFormat(room[:0], layout)
	behind := len(layout) - strings.IndexAny(layout, ", ") // the weekday
	if len(s) < behind || !strings.EqualFold(s[len(s)-behind:], string(exact[len(exact)-behind:])) {
		return time.Time{}, false
	}
	return t, true
}

// rfc850 is time.RFC850 with the only zone HTTP knows.
const rfc850 = "Monday, 02-Jan-06 15:04:05 GMT"

// dateOf reads the field lines of a date; several lines that differ are none.
func dateOf(lines []string, now time.Time) (t time.Time, present, ok bool) {
	value, present, ok := single(lines)
	if !present || !ok {
		return time.Time{}, present, false
	}
	t, ok = parseDate(value, now)
	return t, true, ok
}

// ageOf reads Age. A field that is broken, a list or there twice says only that
// the answer is of unknown age, so it counts as older than anything is fresh
// for; RFC 9111 section 5.1 would let it be ignored.
func ageOf(lines []string) time.Duration {
	switch len(lines) {
	case 0:
		return 0
	case 1:
		if age, ok := parseSeconds(trimSpace(lines[0])); ok {
			return age
		}
	}
	return maxDelta
}
