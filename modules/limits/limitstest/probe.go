// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitstest

import (
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// probe is a store under test.
type probe struct {
	t     testing.TB
	o     Opener
	s     limits.Store
	clock *Clock // nil in real time
}

// open opens a store, with a clock that stands at start if it takes one.
func open(t testing.TB, o Opener) *probe { return openAt(t, o, start) }

func openAt(t testing.TB, o Opener, at time.Time) *probe {
	t.Helper()
	p := &probe{t: t, o: o}
	if o.Virtual {
		p.clock = NewClock(at)
	}
	p.s = o.Open(t, p.clock)
	if err := p.s.Err(); err != nil {
		t.Fatalf("a fresh store is not in good health: %v", err)
	}
	return p
}

// gateways returns n probes whose stores share counters: one store n times if the
// store is that of one process.
func gateways(t testing.TB, o Opener, n int) []*probe {
	t.Helper()
	if o.Several == nil {
		p := open(t, o)
		return []*probe{p, p, p, p}[:n]
	}
	var clock *Clock
	if o.Virtual {
		clock = NewClock(start)
	}
	var probes []*probe
	for _, s := range o.Several(t, n, clock) {
		probes = append(probes, &probe{t: t, o: o, s: s, clock: clock})
	}
	return probes
}

// on returns a check of a rule for a subject.
func on(r *limits.Rule, subject string, weight int64) limits.Check {
	return limits.Check{Rule: r, Key: limits.Key{Level: "quota:test/consumer", Subject: subject}, Weight: weight}
}

// decide makes a decision, which has to be one in good health.
func (p *probe) decide(checks ...limits.Check) *limits.Decision {
	p.t.Helper()
	d := &limits.Decision{ID: limits.NewID(), Checks: checks}
	p.decideAs(d)
	return d
}

func (p *probe) decideAs(d *limits.Decision) {
	p.t.Helper()
	if err := p.s.Decide(p.t.Context(), d); err != nil {
		p.t.Fatalf("Decide() error: %v", err)
	}
	if d.Degraded || d.RetryAfter != 0 {
		p.t.Errorf("Decide() in good health: Degraded %v, RetryAfter %s", d.Degraded, d.RetryAfter)
	}
}

// admit makes a decision that has to admit.
func (p *probe) admit(checks ...limits.Check) *limits.Decision {
	p.t.Helper()
	d := p.decide(checks...)
	if d.Denied {
		p.t.Errorf("denied, want it admitted: %s", describe(d.Checks))
	}
	return d
}

// deny makes a decision that has to deny.
func (p *probe) deny(checks ...limits.Check) *limits.Decision {
	p.t.Helper()
	d := p.decide(checks...)
	if !d.Denied {
		p.t.Errorf("admitted, want it denied: %s", describe(d.Checks))
	}
	return d
}

// settle settles a decision to actual figures, and waits until that is done.
func (p *probe) settle(d *limits.Decision, actual ...int64) {
	p.t.Helper()
	for i, a := range actual {
		d.Checks[i].Actual = a
	}
	p.s.Settle(d)
	p.flush()
}

func (p *probe) flush() {
	if p.o.Flush != nil {
		p.o.Flush(p.s)
	}
}

// look looks at one counter.
func (p *probe) look(c limits.Check) limits.Check {
	p.t.Helper()
	checks := []limits.Check{c}
	if err := p.s.Look(p.t.Context(), checks); err != nil {
		p.t.Fatalf("Look() error: %v", err)
	}
	return checks[0]
}

// holds checks what the counter of a check holds.
func (p *probe) holds(c limits.Check, used int64) {
	p.t.Helper()
	if got := p.look(c).Used; got != used {
		p.t.Errorf("%s of %q: %d used, want %d", c.Rule.ID(), short(c.Key.Subject), got, used)
	}
}

// resets sets the counters of checks to nothing.
func (p *probe) resets(checks ...limits.Check) {
	p.t.Helper()
	if err := p.s.Reset(p.t.Context(), checks); err != nil {
		p.t.Fatalf("Reset() error: %v", err)
	}
}
