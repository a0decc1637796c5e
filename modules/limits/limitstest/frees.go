// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitstest

import (
	"fmt"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// passing returns rules of a limit whose windows are short enough to see them
// pass on a virtual clock.
func passing(limit int64) []*limits.Rule {
	return []*limits.Rule{
		sliding(limits.Requests, limit, time.Second),
		sliding(limits.Tokens, limit, time.Minute),
		sliding(limits.Cost, limit, 61*time.Second+time.Millisecond),
		sliding(limits.Cost, limit, 30*day),
		fixed(limits.Requests, limit, time.Second),
		fixed(limits.Tokens, limit, 90*time.Second),
		fixed(limits.Cost, limit, 7*day),
		calendar(limits.Requests, limit, limits.Minute, ""),
		calendar(limits.Requests, limit, limits.Hour, "Asia/Kolkata"),
		calendar(limits.Tokens, limit, limits.Day, "America/New_York"),
		calendar(limits.Cost, limit, limits.Month, "Asia/Kolkata"),
		calendar(limits.Cost, limit, limits.Year, "Australia/Lord_Howe"),
		bucket(limits.Requests, limit, 0, time.Second),
		bucket(limits.Tokens, limit, 0, time.Minute),
		bucket(limits.Cost, limit, 0, day),
		held(limit),
	}
}

// testFrees checks that a request passes after what it was told to wait, and not
// a millisecond before.
func testFrees(t *testing.T, o Opener) {
	for _, r := range passing(20) {
		if r.Unit == limits.Concurrent {
			continue
		}
		t.Run(r.ID(), func(t *testing.T) {
			for _, weight := range []int64{1, 2, 7, 20} {
				p := open(t, o)
				step := time.Duration(r.Window.Seconds()) * time.Second / 41
				// The limit comes to be used up bit by bit.
				for n := int64(0); n < 20; n += 2 {
					p.decide(on(r, "a", 2))
					p.clock.Advance(step + 1234*time.Microsecond)
				}
				d := p.decide(on(r, "a", weight))
				for i := 0; !d.Denied && i < 40; i++ {
					d = p.decide(on(r, "a", weight))
				}
				wait := d.Checks[0].Frees
				if !d.Denied || wait <= 0 || wait == limits.Never {
					t.Fatalf("cannot be used up: %s", describe(d.Checks))
				}
				p.clock.Advance(wait - time.Millisecond)
				p.deny(on(r, "a", weight))
				p.clock.Advance(time.Millisecond)
				p.admit(on(r, "a", weight))
			}
			testFreesSome(t, o, r)

			p := open(t, o)
			if d := p.deny(on(r, "a", 21)); d.Checks[0].Frees != limits.Never {
				t.Errorf("more than the limit frees in %s", d.Checks[0].Frees)
			}
			if d := p.admit(on(r, "a", 0)); d.Checks[0].Frees != 0 {
				t.Errorf("nothing frees in %s", d.Checks[0].Frees)
			}
		})
	}
}

// testFreesSome checks that less is used after what an admitted request was told,
// until nothing is.
func testFreesSome(t *testing.T, o Opener, r *limits.Rule) {
	t.Helper()
	p := open(t, o)
	p.admit(on(r, "b", 3))
	p.clock.Advance(time.Duration(r.Window.Seconds()) * time.Second / 50)
	p.admit(on(r, "b", 2))
	for i := 0; ; i++ {
		before := p.look(on(r, "b", 0))
		if before.Used == 0 {
			break
		}
		if before.Frees <= 0 || i > 10 {
			t.Errorf("%d used, frees in %s", before.Used, before.Frees)
			break
		}
		if before.Frees > time.Millisecond {
			p.clock.Advance(before.Frees - time.Millisecond)
			p.holds(on(r, "b", 0), before.Used)
			p.clock.Advance(time.Millisecond)
		} else {
			p.clock.Advance(before.Frees)
		}
		if after := p.look(on(r, "b", 0)); after.Used >= before.Used {
			t.Errorf("%d used, and %d after %s", before.Used, after.Used, before.Frees)
		}
	}
}

// testBorders checks, for spans, the microseconds around their borders, also where
// clocks are set forward or back and where months differ.
func testBorders(t *testing.T, o Opener) {
	fixedDay, fixedSecond := fixed(limits.Requests, 1, day), fixed(limits.Tokens, 1, time.Second)
	tests := []struct {
		rule       *limits.Rule
		from, till string // a span
	}{
		{fixedDay, "2026-03-04T00:00:00Z", "2026-03-05T00:00:00Z"},
		{fixedSecond, "2026-03-04T10:00:01Z", "2026-03-04T10:00:02Z"},
		{calendar(limits.Cost, 1, limits.Day, "America/New_York"), "2026-03-08T00:00:00-05:00", "2026-03-09T00:00:00-04:00"},
		{calendar(limits.Cost, 1, limits.Day, "America/New_York"), "2026-11-01T00:00:00-04:00", "2026-11-02T00:00:00-05:00"},
		{calendar(limits.Cost, 1, limits.Day, "Asia/Kolkata"), "2026-03-03T18:30:00Z", "2026-03-04T18:30:00Z"},
		{calendar(limits.Cost, 1, limits.Hour, "Asia/Kolkata"), "2026-03-03T18:30:00Z", "2026-03-03T19:30:00Z"},
		{calendar(limits.Cost, 1, limits.Hour, "Europe/Berlin"), "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"},
		{calendar(limits.Cost, 1, limits.Hour, "Europe/Berlin"), "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"},
		{calendar(limits.Cost, 1, limits.Month, ""), "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"},
		{calendar(limits.Cost, 1, limits.Month, "Europe/Berlin"), "2026-03-01T00:00:00+01:00", "2026-04-01T00:00:00+02:00"},
		{calendar(limits.Cost, 1, limits.Month, "Asia/Kolkata"), "2026-12-01T00:00:00+05:30", "2027-01-01T00:00:00+05:30"},
		{calendar(limits.Cost, 1, limits.Year, "Asia/Kolkata"), "2026-01-01T00:00:00+05:30", "2027-01-01T00:00:00+05:30"},
		{calendar(limits.Requests, 1, limits.Minute, ""), "2026-12-31T23:59:00Z", "2027-01-01T00:00:00Z"},
	}
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.rule.ID(), " ", tt.from), func(t *testing.T) {
			from, till := at(tt.from), at(tt.till)
			p := openAt(t, o, from.Add(-time.Microsecond))
			p.admit(on(tt.rule, "a", 1))
			if d := p.deny(on(tt.rule, "a", 1)); d.Checks[0].Frees > time.Millisecond {
				t.Errorf("frees in %s, a microsecond before the border", d.Checks[0].Frees)
			}
			p.clock.Set(from)
			d := p.admit(on(tt.rule, "a", 1))
			if got, want := d.Checks[0].Frees, till.Sub(from); got < want || got >= want+time.Millisecond {
				t.Errorf("frees in %s, want %s", got, want)
			}
			p.clock.Set(till.Add(-time.Microsecond))
			p.deny(on(tt.rule, "a", 1))
			p.clock.Set(till)
			p.admit(on(tt.rule, "a", 1))
		})
	}
}
