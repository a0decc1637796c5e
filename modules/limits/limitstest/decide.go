// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitstest

import (
	"fmt"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// testDecide walks through what a decision is, for every kind and unit.
func testDecide(t *testing.T, o Opener) {
	for _, r := range lasting(10) {
		t.Run(r.ID(), func(t *testing.T) {
			p := open(t, o)
			results := func(d *limits.Decision, exceeded bool, used int64) {
				t.Helper()
				if c := d.Checks[0]; c.Exceeded != exceeded || c.Used != used {
					t.Errorf("exceeded %v, %d used; want %v, %d", c.Exceeded, c.Used, exceeded, used)
				}
			}
			results(p.admit(on(r, "a", 0)), false, 0)
			results(p.deny(on(r, "a", 11)), true, 0)
			results(p.admit(on(r, "a", 4)), false, 4)
			results(p.admit(on(r, "a", 0)), false, 4)
			results(p.deny(on(r, "a", 7)), true, 4)
			results(p.admit(on(r, "a", 6)), false, 10)
			results(p.deny(on(r, "a", 1)), true, 10)
			results(p.admit(on(r, "a", 0)), false, 10)
			results(p.deny(on(r, "a", limits.MaxCount)), true, 10)
			results(p.admit(on(r, "b", 10)), false, 10)
			// A limit is no part of the identity.
			results(p.admit(on(limited(r, 15), "a", 5)), false, 15)
			results(p.deny(on(r, "a", 1)), true, 15)
			results(p.admit(on(r, "a", 0)), false, 15)
			results(p.deny(on(limited(r, 15), "a", 1)), true, 15)
		})
	}
	t.Run("nothing", func(t *testing.T) { open(t, o).admit() })
	t.Run("all or nothing", func(t *testing.T) { testAllOrNothing(t, o) })
}

// testAllOrNothing has each of many checks deny in turn, and looks for traces.
func testAllOrNothing(t *testing.T, o Opener) {
	p := open(t, o)
	rules := lasting(10)
	for denying := range rules {
		subject := fmt.Sprint("s", denying)
		p.admit(on(rules[denying], subject, 10))
		checks := make([]limits.Check, 0, len(rules))
		for _, r := range rules {
			checks = append(checks, on(r, subject, 3))
		}
		d := p.deny(checks...)
		for i := range d.Checks {
			c := &d.Checks[i]
			want := int64(0)
			if i == denying {
				want = 10
			}
			if !o.Recalled && c.Used != want || c.Exceeded != (i == denying) {
				t.Errorf("denied by %s, and %s says exceeded %v, %d used", rules[denying].ID(), c.Rule.ID(), c.Exceeded, c.Used)
			}
			p.holds(on(c.Rule, subject, 0), want)
		}
	}
	checks := make([]limits.Check, 0, len(rules))
	for _, r := range rules {
		checks = append(checks, on(r, "all", 3))
	}
	d := p.admit(checks...)
	for i := range d.Checks {
		if d.Checks[i].Used != 3 {
			t.Errorf("admitted, and %s says %d used", d.Checks[i].Rule.ID(), d.Checks[i].Used)
		}
		p.holds(on(d.Checks[i].Rule, "all", 0), 3)
	}
	// What is denied by several is exceeded in each.
	for _, i := range []int{1, 4, 8} {
		p.admit(on(rules[i], "all", 6))
	}
	for i := range checks {
		checks[i].Weight = 2
	}
	d = p.deny(checks...)
	for i := range d.Checks {
		if want := i == 1 || i == 4 || i == 8; d.Checks[i].Exceeded != want && !o.Recalled {
			t.Errorf("%s says exceeded %v, want %v", d.Checks[i].Rule.ID(), d.Checks[i].Exceeded, want)
		}
	}
}

// testSoftAndShadow checks what never denies.
func testSoftAndShadow(t *testing.T, o Opener) {
	for _, r := range lasting(10) {
		t.Run(r.ID(), func(t *testing.T) {
			p := open(t, o)
			for _, step := range []struct {
				rule     *limits.Rule
				weight   int64
				exceeded bool
				used     int64
			}{
				{shadow(r), 7, false, 7},
				{shadow(r), 4, true, 7}, // would have been denied, and is not counted
				{shadow(r), 3, false, 10},
				{shadow(r), 1, true, 10},
				{shadow(r), 0, false, 10},
				{soft(r), 0, false, 10},
				{soft(r), 4, true, 14},
				{soft(r), 25, true, 39},
				{soft(r), 0, false, 39},
				{shadow(r), 1, true, 39},
				{shadow(limited(r, 40)), 1, false, 40},
			} {
				d := p.admit(on(step.rule, "a", step.weight))
				if c := d.Checks[0]; c.Exceeded != step.exceeded || c.Used != step.used {
					t.Errorf("got %s\nwant exceeded %v, %d used", describe(d.Checks), step.exceeded, step.used)
				}
				p.holds(on(r, "a", 0), step.used)
			}
			p.deny(on(r, "a", 1))

			// Beside a rule that enforces they are counted as it decides.
			enforcing := fixed(limits.Requests, 1, 183*day)
			p.admit(on(enforcing, "b", 1), on(shadow(r), "b", 4), on(soft(r), "c", 40))
			p.holds(on(r, "b", 0), 4)
			p.holds(on(r, "c", 0), 40)
			p.deny(on(shadow(r), "b", 4), on(enforcing, "b", 1), on(soft(r), "c", 40))
			p.deny(on(enforcing, "b", 1), on(shadow(r), "b", 40), on(soft(r), "c", 1))
			p.holds(on(r, "b", 0), 4)
			p.holds(on(r, "c", 0), 40)
			p.holds(on(enforcing, "b", 0), 1)
			// Exceeded in the shadow, it is not counted though others are.
			d := p.admit(on(shadow(r), "b", 7), on(enforcing, "d", 1))
			p.holds(on(r, "b", 0), 4)
			p.settle(d, 3, 1)
			p.holds(on(r, "b", 0), 4)
			p.holds(on(enforcing, "d", 0), 1)
		})
	}
}
