// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limits

import (
	"math/rand/v2"
	"testing"
	"time"
	_ "time/tzdata" // zones, wherever the tests run
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestSpan(t *testing.T) {
	t.Parallel()
	fixed := func(d time.Duration) Window { return Window{Kind: Fixed, Length: d} }
	in := func(p Period, name string) Window { return Window{Kind: Calendar, Period: p, Zone: zone(t, name)} }
	tests := []struct {
		name           string
		window         Window
		at, start, end string
	}{
		{"fixed", fixed(time.Minute), "2026-03-04T05:06:07.5Z", "2026-03-04T05:06:00Z", "2026-03-04T05:07:00Z"},
		{"fixed at its beginning", fixed(time.Minute), "2026-03-04T05:06:00Z", "2026-03-04T05:06:00Z", "2026-03-04T05:07:00Z"},
		{"fixed before its end", fixed(time.Minute), "2026-03-04T05:06:59.999999Z", "2026-03-04T05:06:00Z", "2026-03-04T05:07:00Z"},
		{"fixed and odd", fixed(7 * time.Second), "1970-01-01T00:00:15Z", "1970-01-01T00:00:14Z", "1970-01-01T00:00:21Z"},
		{"fixed before the epoch", fixed(10 * time.Second), "1969-12-31T23:59:51Z", "1969-12-31T23:59:50Z", "1970-01-01T00:00:00Z"},
		{"fixed at a border before the epoch", fixed(10 * time.Second), "1969-12-31T23:59:50Z", "1969-12-31T23:59:50Z", "1970-01-01T00:00:00Z"},
		{"no zone", Window{Kind: Calendar, Period: Day}, "2026-03-04T23:30:00-05:00", "2026-03-05T00:00:00Z", "2026-03-06T00:00:00Z"},
		{"minute", in(Minute, "Asia/Kolkata"), "2026-03-04T05:06:07Z", "2026-03-04T05:06:00Z", "2026-03-04T05:07:00Z"},
		{"hour of a zone between hours", in(Hour, "Asia/Kolkata"), "2026-03-04T05:06:07Z", "2026-03-04T04:30:00Z", "2026-03-04T05:30:00Z"},
		{"hour of a zone between half hours", in(Hour, "Asia/Kathmandu"), "2026-03-04T05:06:07Z", "2026-03-04T04:15:00Z", "2026-03-04T05:15:00Z"},
		{"hour for the first time", in(Hour, "America/New_York"), "2026-11-01T01:30:00-04:00", "2026-11-01T01:00:00-04:00", "2026-11-01T01:00:00-05:00"},
		{"hour for the second time", in(Hour, "America/New_York"), "2026-11-01T01:30:00-05:00", "2026-11-01T01:00:00-05:00", "2026-11-01T02:00:00-05:00"},
		{"hour before one that is left out", in(Hour, "America/New_York"), "2026-03-08T01:30:00-05:00", "2026-03-08T01:00:00-05:00", "2026-03-08T03:00:00-04:00"},
		{"day of 23 hours", in(Day, "America/New_York"), "2026-03-08T12:00:00-04:00", "2026-03-08T00:00:00-05:00", "2026-03-09T00:00:00-04:00"},
		{"day of 25 hours", in(Day, "America/New_York"), "2026-11-01T00:00:00-04:00", "2026-11-01T00:00:00-04:00", "2026-11-02T00:00:00-05:00"},
		{"day that begins at one", in(Day, "America/Havana"), "2026-03-08T06:00:00-04:00", "2026-03-08T01:00:00-04:00", "2026-03-09T00:00:00-04:00"},
		{"day before one that begins at one", in(Day, "America/Havana"), "2026-03-07T23:30:00-05:00", "2026-03-07T00:00:00-05:00", "2026-03-08T00:00:00-05:00"},
		{"day that begins at one, east", in(Day, "Africa/Cairo"), "2026-04-24T02:00:00+03:00", "2026-04-24T01:00:00+03:00", "2026-04-25T00:00:00+03:00"},
		{"day before it, east", in(Day, "Africa/Cairo"), "2026-04-23T23:59:59+02:00", "2026-04-23T00:00:00+02:00", "2026-04-24T00:00:00+02:00"},
		{"day whose first hour comes twice, first", in(Day, "America/Havana"), "2026-11-01T00:30:00-04:00", "2026-11-01T00:00:00-04:00", "2026-11-02T00:00:00-05:00"},
		{"day whose first hour comes twice, second", in(Day, "America/Havana"), "2026-11-01T00:30:00-05:00", "2026-11-01T00:00:00-04:00", "2026-11-02T00:00:00-05:00"},
		{"day whose last hour comes twice", in(Day, "America/Santiago"), "2026-04-04T23:30:00-04:00", "2026-04-04T00:00:00-03:00", "2026-04-05T00:00:00-04:00"},
		{"month", in(Month, "Asia/Kolkata"), "2026-02-28T18:29:59Z", "2026-01-31T18:30:00Z", "2026-02-28T18:30:00Z"},
		{"month of a leap year", in(Month, "UTC"), "2028-02-29T23:59:59Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"},
		{"month in which clocks change", in(Month, "Europe/Berlin"), "2026-03-15T00:00:00Z", "2026-03-01T00:00:00+01:00", "2026-04-01T00:00:00+02:00"},
		{"December", in(Month, "UTC"), "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"},
		{"year", in(Year, "Asia/Kolkata"), "2026-12-31T18:30:00Z", "2026-12-31T18:30:00Z", "2027-12-31T18:30:00Z"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			at, err := time.Parse(time.RFC3339Nano, tt.at)
			if err != nil {
				t.Fatal(err)
			}
			start, end := tt.window.Span(at)
			wantStart, _ := time.Parse(time.RFC3339Nano, tt.start)
			wantEnd, _ := time.Parse(time.RFC3339Nano, tt.end)
			if !start.Equal(wantStart) || !end.Equal(wantEnd) {
				t.Errorf("Span(%s) = %s, %s; want %s, %s", tt.at, start, end, wantStart, wantEnd)
			}
		})
	}
}

// TestSpansFollowOneAnother walks through years of many zones: each moment is in its
// span, and where that ends the next begins.
func TestSpansFollowOneAnother(t *testing.T) {
	t.Parallel()
	names := []string{
		"UTC", "Asia/Kolkata", "America/New_York", "Europe/Berlin", "America/Havana", "Africa/Cairo", "Asia/Beirut",
		"America/Santiago", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Chatham", "Africa/Casablanca", "Asia/Kathmandu",
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(1, 2))
			for _, p := range []Period{Minute, Hour, Day, Month, Year} {
				w := Window{Kind: Calendar, Period: p, Zone: zone(t, name)}
				for range 2000 {
					at := time.UnixMicro(1_600_000_000_000_000 + r.Int64N(400_000_000_000_000))
					start, end := w.Span(at)
					if start.After(at) || !end.After(at) {
						t.Fatalf("%s of %s is from %s to %s", p, at, start, end)
					}
					if again, same := w.Span(end.Add(-time.Microsecond)); !same.Equal(end) || !again.Equal(start) && p != Hour {
						t.Fatalf("%s of %s is from %s to %s, and that before its end from %s to %s", p, at, start, end, again, same)
					}
					next, _ := w.Span(end)
					if !next.Equal(end) && p != Hour { // an hour is shorter where clocks are set by half of one
						t.Fatalf("%s after %s begins at %s", p, end, next)
					}
				}
			}
		})
	}
}

func TestPart(t *testing.T) {
	t.Parallel()
	for length, want := range map[time.Duration]time.Duration{
		time.Minute:                     time.Second,
		time.Second:                     16_667 * time.Microsecond,
		1001 * time.Millisecond:         16_684 * time.Microsecond,
		time.Hour:                       time.Minute,
		366 * 24 * time.Hour:            366 * 24 * time.Minute,
		61*time.Second + time.Second/50: 1_017 * time.Millisecond,
	} {
		w := Window{Kind: Sliding, Length: length}
		if got := w.Part(); got != want || got*Parts < length {
			t.Errorf("Part() of %s = %s, want %s", length, got, want)
		}
	}
}

func BenchmarkSpan(b *testing.B) {
	z, err := time.LoadLocation("America/New_York")
	if err != nil {
		b.Fatal(err)
	}
	w := Window{Kind: Calendar, Period: Month, Zone: z}
	at := time.Unix(1_780_000_000, 0)
	b.ReportAllocs()
	for b.Loop() {
		w.Span(at)
	}
}
