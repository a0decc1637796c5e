// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	minutesPerDay  = 24 * 60
	minutesPerWeek = 7 * minutesPerDay
	maxWindows     = 16
)

// schedule says which window of a row is open at a minute of the week in a
// time zone: zero for none, else the number of the window from one.
type schedule struct {
	zone   *time.Location
	open   [minutesPerWeek]uint8
	except [maxWindows + 1][]int // days as yyyymmdd on which a window is shut
}

// window returns the number of the window that is open, or zero.
func (s *schedule) window(at time.Time) int {
	at = at.In(s.zone)
	hour, minute, _ := at.Clock()
	w := int(s.open[int(at.Weekday())*minutesPerDay+hour*60+minute])
	if w != 0 && len(s.except[w]) > 0 {
		year, month, day := at.Date()
		if slices.Contains(s.except[w], year*10000+int(month)*100+day) {
			return 0
		}
	}
	return w
}

// add enters the hours of window number w and refuses an overlap with another.
func (s *schedule) add(w int, days [7]bool, hours []span) error {
	for day, in := range days {
		if !in {
			continue
		}
		for _, h := range hours {
			for minute := h.start; minute < h.end; minute++ {
				slot := &s.open[(day*minutesPerDay+minute)%minutesPerWeek]
				if *slot != 0 {
					return fmt.Errorf("hours %s overlap with other hours", h)
				}
				*slot = uint8(w)
			}
		}
	}
	return nil
}

// span is a half-open range of minutes of a day; past midnight the end exceeds
// minutesPerDay.
type span struct {
	start, end int
}

// String returns the span as it is written in a file.
func (h span) String() string {
	end := h.end
	if end > minutesPerDay {
		end -= minutesPerDay
	}
	return fmt.Sprintf("%02d:%02d-%02d:%02d", h.start/60, h.start%60, end/60, end%60)
}

// parseSpan reads "01:00-04:00"; "24:00" is the end of the day.
func parseSpan(text string) (span, error) {
	from, to, ok := strings.Cut(text, "-")
	start, okStart := parseClock(from)
	end, okEnd := parseClock(to)
	if !ok || !okStart || !okEnd || start == minutesPerDay {
		return span{}, fmt.Errorf("%q is not a span of hours such as \"01:00-04:00\"", text)
	}
	if end == start {
		return span{}, fmt.Errorf("%q is empty; a whole day is \"00:00-24:00\"", text)
	}
	if end < start {
		end += minutesPerDay
	}
	return span{start, end}, nil
}

// parseClock reads "HH:MM" as minutes since midnight.
func parseClock(text string) (int, bool) {
	if len(text) != 5 || text[2] != ':' {
		return 0, false
	}
	hour, errHour := strconv.ParseUint(text[:2], 10, 8)
	minute, errMinute := strconv.ParseUint(text[3:], 10, 8)
	minutes := int(hour*60 + minute)
	return minutes, errHour == nil && errMinute == nil && minute < 60 && minutes <= minutesPerDay
}

var dayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// parseDays reads "mon-fri", "sat,sun" and the like. A range may wrap around
// the end of the week. Empty means every day.
func parseDays(text string) (days [7]bool, err error) {
	if text == "" {
		return [7]bool{true, true, true, true, true, true, true}, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, to := slices.Index(dayNames, first), slices.Index(dayNames, last)
		if from < 0 || to < 0 {
			return days, fmt.Errorf("%q is not a list of days such as \"mon-fri\" or \"sat,sun\"", text)
		}
		for day := from; ; day = (day + 1) % 7 {
			if days[day] {
				return days, fmt.Errorf("%q names %s twice", text, dayNames[day])
			}
			days[day] = true
			if day == to {
				break
			}
		}
	}
	return days, nil
}

// parseDate reads "2026-10-01" as midnight UTC of a day in a sensible range.
func parseDate(text string) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not a date such as \"2026-10-01\"", text)
	}
	return t, sensible(t)
}

// parseInstant reads an RFC 3339 time or a date.
func parseInstant(text string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.UTC(), sensible(t)
	}
	t, err := parseDate(text)
	if err != nil {
		return t, fmt.Errorf("%q is neither a date such as \"2026-10-01\" nor a time such as \"2026-08-16T16:00:00Z\" in the years 2020 to 2099", text)
	}
	return t, nil
}

func sensible(t time.Time) error {
	if y := t.Year(); y < 2020 || y > 2099 {
		return fmt.Errorf("year %d is outside of 2020 to 2099", y)
	}
	return nil
}
