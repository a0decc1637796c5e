// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitstest

import (
	"testing"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// testHeld checks what is in flight.
func testHeld(t *testing.T, o Opener) {
	p := open(t, o)
	r := held(3)
	a, b := p.admit(on(r, "a", 1)), p.admit(on(r, "a", 1))
	p.deny(on(r, "a", 2))
	c := p.admit(on(r, "a", 1))
	full := p.deny(on(r, "a", 1))
	if f := full.Checks[0].Frees; f != 0 {
		t.Errorf("frees in %s, which nobody knows", f)
	}
	p.settle(full, 1) // it holds nothing
	p.holds(on(r, "a", 0), 3)
	p.admit(on(r, "b", 3))
	p.settle(b, 1)
	p.settle(b, 1)
	p.holds(on(r, "a", 0), 2)
	if l := p.look(on(r, "a", 0)); l.Reserved != 2 {
		t.Errorf("%d reserved, want all that is held", l.Reserved)
	}
	d := p.admit(on(r, "a", 1))
	p.deny(on(r, "a", 1))
	for _, d := range []*limits.Decision{a, c, d, a, c, d} {
		p.settle(d, 0)
	}
	p.holds(on(r, "a", 0), 0)
	p.holds(on(r, "b", 0), 3)

	// It ends wholly, whatever it is settled to.
	for _, actual := range []int64{0, 1, 2, 3, 100} {
		p.settle(p.admit(on(r, "a", 2)), actual)
		p.holds(on(r, "a", 0), 0)
	}
	// Denied by another limit, nothing is held.
	none := fixed(limits.Requests, 1, 366*day)
	p.deny(on(none, "x", 2), on(r, "a", 1))
	p.deny(on(r, "a", 1), on(none, "x", 2))
	p.holds(on(r, "a", 0), 0)
	p.admit(on(r, "a", 3))
}
