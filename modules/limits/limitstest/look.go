// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitstest

import (
	"context"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// testHeaders checks that headers tell the truth: if so much remains, so much
// passes.
func testHeaders(t *testing.T, o Opener) {
	for _, r := range lasting(12) {
		t.Run(r.ID(), func(t *testing.T) {
			p := open(t, o)
			for _, first := range []int64{0, 1, 5, 12} {
				subject := string(rune('a' + first))
				d := p.admit(on(r, subject, first))
				left := d.Checks[0].Remaining()
				if left != 12-first {
					t.Errorf("%d remaining after %d of 12", left, first)
				}
				for ; left > 0; left-- {
					d = p.admit(on(r, subject, 1))
					if got := d.Checks[0].Remaining(); got != left-1 {
						t.Errorf("%d remaining, want %d", got, left-1)
					}
				}
				p.deny(on(r, subject, 1))
			}
		})
	}
}

// testLook checks that looking tells what is there, and leaves it.
func testLook(t *testing.T, o Opener) {
	p := open(t, o)
	rules := lasting(10)
	checks := make([]limits.Check, 0, len(rules)+2)
	for _, r := range rules {
		checks = append(checks, on(r, "a", 0))
		p.admit(on(r, "a", 6))
		p.admit(on(r, "a", 4))
		if r.Unit != limits.Concurrent {
			p.settle(p.admit(on(soft(r), "a", 3)), 1)
		}
	}
	checks = append(checks, on(rules[0], "unseen", 0), on(rules[12], "unseen", 0))
	for i := range checks {
		checks[i].Weight = 1000 // looking asks for nothing
	}
	for range 3 {
		if err := p.s.Look(t.Context(), checks); err != nil {
			t.Fatalf("Look() error: %v", err)
		}
		for i := range checks {
			c := &checks[i]
			used, reserved := int64(11), int64(10)
			switch {
			case c.Key.Subject == "unseen":
				used, reserved = 0, 0
			case c.Rule.Unit == limits.Concurrent:
				used = 10
			case c.Rule.Unit == limits.Requests:
				reserved = 0
			}
			if c.Used != used || c.Reserved != reserved || c.Exceeded {
				t.Errorf("%s of %q: %d used, %d reserved, exceeded %v; want %d and %d", c.Rule.ID(), c.Key.Subject, c.Used, c.Reserved, c.Exceeded, used, reserved)
			}
			if know := used > 0 && c.Rule.Unit != limits.Concurrent; (c.Frees > 0) != know {
				t.Errorf("%s of %q: frees in %s", c.Rule.ID(), c.Key.Subject, wait(c.Frees))
			}
		}
	}
	if err := p.s.Look(t.Context(), nil); err != nil {
		t.Errorf("Look() at nothing: %v", err)
	}
}

// testReset checks that a counter can be set to nothing, and only that.
func testReset(t *testing.T, o Opener) {
	for _, r := range lasting(10) {
		if r.Unit == limits.Concurrent {
			continue
		}
		t.Run(r.ID(), func(t *testing.T) {
			p := open(t, o)
			other := fixed(limits.Requests, 10, 183*day)
			d := p.admit(on(r, "a", 6), on(other, "a", 1))
			p.settle(d, 6, 1)
			p.admit(on(r, "b", 10))
			p.deny(on(r, "a", 5))
			p.resets(on(r, "a", 0))
			p.holds(on(r, "a", 0), 0)
			p.holds(on(r, "b", 0), 10)
			p.holds(on(other, "a", 0), 1)
			if d.Open() {
				p.settle(d, 0, 0) // as before
			}
			p.holds(on(r, "a", 0), 0)
			p.holds(on(other, "a", 0), 1)
			p.admit(on(r, "a", 10))
			p.deny(on(r, "a", 1))
			p.resets(on(r, "a", 0), on(r, "b", 0), on(r, "unseen", 0), on(limited(r, 77), "c", 0))
			p.holds(on(r, "b", 0), 0)
			p.admit(on(r, "a", 10))
			p.resets()

			// What is open goes on. How much it is charged when it is settled after
			// all depends on the store: at most all of it.
			open := p.admit(on(r, "open", 6))
			p.resets(on(r, "open", 0))
			p.holds(on(r, "open", 0), 0)
			p.admit(on(r, "open", 2))
			p.settle(open, 5)
			if used := p.look(on(r, "open", 0)).Used; used < 1 || used > 7 {
				t.Errorf("%d used after a reset, 2 counted and 6 settled to 5", used)
			}
		})
	}
}

// testContexts checks that who is told that nobody waits any more counts nothing
// if it says that it has not decided.
func testContexts(t *testing.T, o Opener) {
	p := open(t, o)
	r := fixed(limits.Requests, 1000, 366*day)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	expired, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancel()
	want := int64(0)
	for range 5 {
		for _, ctx := range []context.Context{cancelled, expired, t.Context()} {
			d := &limits.Decision{ID: limits.NewID(), Checks: []limits.Check{on(r, "a", 1)}}
			err := p.s.Decide(ctx, d)
			if err == nil {
				want++
			}
			if err == nil && d.Denied || err != nil && ctx == t.Context() {
				t.Errorf("Decide() error %v, denied %v", err, d.Denied)
			}
			_ = p.s.Look(ctx, d.Checks) // it may do either, too
			p.holds(on(r, "a", 0), want)
		}
	}
	if err := p.s.Reset(cancelled, []limits.Check{on(r, "a", 0)}); err == nil {
		want = 0
	}
	p.holds(on(r, "a", 0), want)
	if err := p.s.Err(); err != nil {
		t.Errorf("impatient callers made the store ill: %v", err)
	}
}
