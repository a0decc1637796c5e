// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitstest

import (
	"slices"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// testSettle checks that what a request came to in the end replaces its weight.
func testSettle(t *testing.T, o Opener) {
	for _, r := range lasting(10) {
		if r.Unit == limits.Concurrent {
			continue
		}
		t.Run(r.ID(), func(t *testing.T) { testSettleRule(t, o, r) })
		// Beside something that reserves, requests are settled once as well.
		t.Run(r.ID()+" and held", func(t *testing.T) { testSettleRule(t, o, r, on(held(100), "in flight", 1)) })
	}
	t.Run("all checks", func(t *testing.T) { testSettleAll(t, o) })
	t.Run("copies", func(t *testing.T) { testSettleCopy(t, o) })
}

// testSettleRule settles decisions about one counter, and others beside it.
func testSettleRule(t *testing.T, o Opener, r *limits.Rule, beside ...limits.Check) {
	p := open(t, o)
	check := func(subject string, weight int64) []limits.Check {
		return append([]limits.Check{on(r, subject, weight)}, beside...)
	}
	again := func(d *limits.Decision, actual int64) {
		t.Helper()
		if d.Open() || d.Denied {
			p.settle(d, actual)
		}
	}
	a := p.admit(check("a", 7)...)
	p.deny(check("a", 4)...)
	p.settle(a, 2) // less
	p.holds(on(r, "a", 0), 2)
	b := p.admit(check("a", 8)...)
	p.settle(b, 8) // the same
	p.holds(on(r, "a", 0), 10)
	again(a, 0)
	again(b, 0)
	p.holds(on(r, "a", 0), 10)
	p.deny(check("a", 1)...)

	c := p.admit(check("b", 4)...)
	d := p.admit(check("b", 5)...)
	p.settle(c, 9) // more, and thereby more than the limit
	p.holds(on(r, "b", 0), 14)
	p.deny(check("b", 1)...)
	p.settle(d, 0) // released
	p.holds(on(r, "b", 0), 9)
	e := p.admit(check("b", 1)...)

	// What was denied has nothing to settle.
	f := p.deny(check("b", 5)...)
	p.settle(f, 0)
	p.holds(on(r, "b", 0), 10)
	again(f, 9)
	p.holds(on(r, "b", 0), 10)
	p.settle(e, 1)

	g := p.admit(check("c", 0)...) // it was thought to be free
	p.settle(g, 6)
	p.holds(on(r, "c", 0), 6)
	again(g, 9)
	p.holds(on(r, "c", 0), 6)
	for _, c := range beside {
		p.holds(c, 0)
	}
}

// testSettleAll settles decisions of many checks, to something else in each.
func testSettleAll(t *testing.T, o Opener) {
	p := open(t, o)
	rules := lasting(100)
	checks := make([]limits.Check, 0, len(rules)+3)
	for _, r := range rules {
		checks = append(checks, on(r, "a", 50))
	}
	checks = append(checks,
		on(soft(fixed(limits.Requests, 1, 183*day)), "a", 50),
		on(shadow(fixed(limits.Tokens, 1, 183*day)), "a", 50), // not counted
		on(shadow(fixed(limits.Cost, 90, 183*day)), "a", 50),
	)
	actual := func(i int) int64 { return int64(i * 7) }
	first := p.admit(slices.Clone(checks)...)
	p.deny(slices.Clone(checks[:1])[0], on(checks[1].Rule, "a", 51))
	for i := range first.Checks {
		first.Checks[i].Actual = actual(i)
	}
	for range 3 {
		p.settle(first)
		for i := range checks {
			want := actual(i)
			switch r := checks[i].Rule; {
			case r.Unit == limits.Concurrent, r.Shadow && r.Limit == 1:
				want = 0
			}
			p.holds(checks[i], want)
			if c := p.look(checks[i]); c.Reserved != 0 {
				t.Errorf("%s: %d reserved after settlement", c.Rule.ID(), c.Reserved)
			}
		}
	}
}

// testSettleCopy settles a copy of what was decided, as one does who writes
// decisions down, after the memory of the first was used for another.
func testSettleCopy(t *testing.T, o Opener) {
	p := open(t, o)
	tokens, slots := fixed(limits.Tokens, 100, 366*day), held(2)
	first := p.admit(on(tokens, "a", 60), on(slots, "a", 1))
	kept := limits.Decision{ID: first.ID, Checks: slices.Clone(first.Checks)}
	*first = limits.Decision{ID: limits.NewID(), Checks: append(first.Checks[:0], on(tokens, "b", 30), on(slots, "b", 1))}
	p.decideAs(first)
	p.settle(&kept, 11, 0)
	p.holds(on(tokens, "a", 0), 11)
	p.holds(on(slots, "a", 0), 0)
	p.holds(on(tokens, "b", 0), 30)
	p.holds(on(slots, "b", 0), 1)
	p.settle(first, 12, 0)
	p.settle(&kept, 80, 0)
	p.holds(on(tokens, "a", 0), 11)
	p.holds(on(tokens, "b", 0), 12)
	p.holds(on(slots, "b", 0), 0)
}

// testSettleLate settles after the window has passed, when the counter counts
// for others already.
func testSettleLate(t *testing.T, o Opener) {
	for _, r := range passing(100) {
		if r.Unit == limits.Concurrent {
			continue
		}
		t.Run(r.ID(), func(t *testing.T) {
			for _, actual := range []int64{0, 10, 90} {
				p := open(t, o)
				late := p.admit(on(r, "a", 40))
				p.clock.Advance(2*time.Duration(r.Window.Seconds())*time.Second + time.Second)
				p.holds(on(r, "a", 0), 0)
				p.admit(on(r, "a", 30))
				p.settle(late, actual)
				p.holds(on(r, "a", 0), 30)
				p.admit(on(r, "a", 70))
			}
			// While the window lasts, it is settled where it was counted: what
			// comes later frees later.
			p := open(t, o)
			if r.Window.Kind != limits.Sliding {
				return
			}
			early := p.admit(on(r, "a", 40))
			p.clock.Advance(r.Window.Length / 2)
			p.admit(on(r, "a", 30))
			p.settle(early, 60)
			p.holds(on(r, "a", 0), 90)
			p.clock.Advance(r.Window.Length/2 + 2*r.Window.Part())
			p.holds(on(r, "a", 0), 30)
		})
	}
}
