// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quotaspec

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// span is what stands behind the stroke of a limit.
type span struct {
	length time.Duration // 0 for a month or a year
	period limits.Period // if named
	named  bool          // a period of the calendar, written as its name
}

const day = 24 * time.Hour

const (
	minWindow = time.Second
	maxWindow = 366 * day
)

// parseSpan reads the name of a period, or a duration.
func parseSpan(text string) (span, error) {
	switch text {
	case "s", "sec", "second":
		return span{length: time.Second}, nil
	case "min", "minute":
		return span{time.Minute, limits.Minute, true}, nil
	case "h", "hour":
		return span{time.Hour, limits.Hour, true}, nil
	case "d", "day":
		return span{day, limits.Day, true}, nil
	case "month":
		return span{0, limits.Month, true}, nil
	case "year":
		return span{0, limits.Year, true}, nil
	case "m":
		return span{}, errors.New("m could be a minute or a month; write min or month")
	case "w", "week":
		return span{}, errors.New("weeks are written in days; write 7d")
	}
	length, ok := parseDuration(text)
	switch {
	case !ok:
		return span{}, fmt.Errorf("%q is not a window; write s, min, hour, day, month, year, or a duration such as 30s, 1h30m or 7d", text)
	case length < minWindow:
		return span{}, fmt.Errorf("a window of %s is too short; it must be at least %s", text, minWindow)
	case length > maxWindow:
		return span{}, fmt.Errorf("a window of %s is too long; it must be at most %dd", text, maxWindow/day)
	case length%time.Millisecond != 0:
		return span{}, fmt.Errorf("a window of %s is not in whole milliseconds", text)
	}
	return span{length: length}, nil
}

// parseDuration reads a duration as Go writes it, with days in front.
func parseDuration(text string) (time.Duration, bool) {
	var days int64
	if number, rest, ok := strings.Cut(text, "d"); ok {
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil || !isDigits(number) || n > int64(100*maxWindow/day) {
			return 0, false
		}
		if rest == "" {
			return time.Duration(n) * day, true
		}
		days, text = n, rest
	}
	if text == "" || text[0] < '0' || text[0] > '9' {
		return 0, false // a sign, or nothing
	}
	length, err := time.ParseDuration(text)
	if err != nil || length > 100*maxWindow {
		return 0, false
	}
	return time.Duration(days)*day + length, true
}

// window says how a span passes: as the item says, or as is usual for its unit.
func (it *Item) window(unit limits.Unit, s span) (limits.Window, error) {
	calendar := limits.Window{Kind: limits.Calendar, Period: s.period}
	kind := it.Window
	if kind == "" {
		switch {
		case it.Burst != "":
			kind = Bucket
		case s.named && (s.length == 0 || unit == limits.Cost):
			kind = Calendar
		default:
			kind = Sliding
		}
	}
	switch {
	case kind == Calendar && s.named:
		return calendar, nil
	case kind == Calendar:
		return calendar, errors.New("calendar windows are min, hour, day, month and year; write one of these, or sliding or fixed")
	case s.length == 0 && kind == Bucket:
		return calendar, errors.New("a bucket fills within a day at most; write a shorter window")
	case s.length == 0:
		days := "30d"
		if s.period == limits.Year {
			days = "365d"
		}
		return calendar, fmt.Errorf("a %s is of the calendar and cannot be %s; write %s, or leave %[2]s out", s.period, kind, days)
	}
	w := limits.Window{Kind: limits.Sliding, Length: s.length}
	switch kind {
	case Fixed:
		w.Kind = limits.Fixed
	case Bucket:
		w.Kind = limits.Bucket
	}
	return w, nil
}

// loadZone returns the time zone called name; UTC, as nil, if it is empty.
func loadZone(name string) (*time.Location, error) {
	if name == "" || name == "UTC" {
		return nil, nil
	}
	// Local is another zone on another machine.
	if name != "Local" && isZoneName(name) {
		if zone, err := time.LoadLocation(name); err == nil {
			return zone, nil
		}
	}
	return nil, fmt.Errorf("time zone %q is unknown; write one such as UTC, Asia/Kolkata or Europe/Berlin", name)
}

// isZoneName keeps names of counters, which zones are part of, safe in any store.
func isZoneName(name string) bool {
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("/_+-", rune(c)) {
			return false
		}
	}
	return len(name) <= 64
}
