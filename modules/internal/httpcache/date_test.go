// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"testing"
	"time"
)

// RFC 9110 section 5.6.7.
func TestParseDate(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		name, text, want string
	}{
		{"preferred", "Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"},
		{"rfc 850 of the past", "Sunday, 06-Nov-94 08:49:37 GMT", "1994-11-06T08:49:37Z"},
		{"rfc 850 of the future", "Thursday, 18-Aug-50 02:01:18 GMT", "2050-08-18T02:01:18Z"},
		{"rfc 850 less than 50 years ahead", "Saturday, 01-Jun-75 00:00:00 GMT", "2075-06-01T00:00:00Z"},
		{"rfc 850 more than 50 years ahead", "Wednesday, 01-Jun-77 00:00:00 GMT", "1977-06-01T00:00:00Z"},
		{"asctime", "Sun Nov  6 08:49:37 1994", "1994-11-06T08:49:37Z"},
		{"other zone", "Sun, 06 Nov 1994 08:49:37 AEST", ""},
		{"two digits of a year", "Sun, 06 Nov 94 08:49:37 GMT", ""},
		{"zero", "0", ""},
		{"minus one", "-1", ""},
		{"empty", "", ""},
		{"wrong weekday", "Tue, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"},
		{"wrong weekday of another length", "Tuesday, 06-Nov-94 08:49:37 GMT", "1994-11-06T08:49:37Z"},
		{"other case of names", "sun, 06 NOV 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"},
		{"hour of one digit", "Sun, 06 Nov 1994 8:49:37 GMT", ""},
		{"hour of one digit behind a space", "Sun, 06 Nov 1994  8:49:37 GMT", ""},
		{"day of one digit", "Sun, 6 Nov 1994 08:49:37 GMT", ""},
		{"spaces", "Sun, 06  Nov  1994 08:49:37 GMT", ""},
		{"fraction of a second", "Sun, 06 Nov 1994 08:49:37.5 GMT", ""},
		{"rfc 850, hour of one digit", "Sunday, 06-Nov-94 8:49:37 GMT", ""},
		{"asctime, day not filled up", "Sun Nov 6 08:49:37 1994", ""},
		{"no such day", "Sun, 31 Feb 1994 08:49:37 GMT", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got, ok := parseDate(row.text, now)
			if ok != (row.want != "") || ok && got.Format(time.RFC3339) != row.want {
				t.Errorf("parseDate(%q) = %v, %v, want %q", row.text, got, ok, row.want)
			}
		})
	}
}

// RFC 9111 section 5.1, in the reading that reuses least.
func TestAgeOf(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		lines []string
		want  time.Duration
	}{
		{"absent", nil, 0},
		{"number", []string{" 30 "}, 30 * time.Second},
		{"beyond all bounds", []string{"99999999999999999999"}, maxDelta},
		{"word", []string{"abc"}, maxDelta},
		{"negative", []string{"-1"}, maxDelta},
		{"fraction", []string{"1.0"}, maxDelta},
		{"list", []string{"0, 0"}, maxDelta},
		{"two lines", []string{"0", "0"}, maxDelta},
		{"parameter", []string{"1;a=b"}, maxDelta},
		{"empty", []string{""}, maxDelta},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if got := ageOf(row.lines); got != row.want {
				t.Errorf("ageOf(%q) = %v, want %v", row.lines, got, row.want)
			}
		})
	}
}
