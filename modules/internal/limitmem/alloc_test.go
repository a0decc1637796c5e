// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

//go:build !race

package limitmem

import (
	"context"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// TestNoAllocations decides about keys that come again, and about reservations. The
// race detector would empty the pools.
func TestNoAllocations(t *testing.T) {
	s := New(Options{})
	d := decisionOf("someone", threeWindows...)
	reserving := decisionOf("someone", &limits.Rule{Unit: limits.Tokens, Window: limits.Window{Length: time.Minute}, Limit: limits.MaxSliding})
	reserving.ID = limits.NewID()
	for range 3 {
		mustDecide(t, s, d)
		mustDecide(t, s, reserving)
		s.Settle(reserving)
	}
	if n := testing.AllocsPerRun(1000, func() { _ = s.Decide(context.Background(), d) }); n >= 1 {
		t.Errorf("%v allocations for a decision", n)
	}
	if n := testing.AllocsPerRun(1000, func() {
		_ = s.Decide(context.Background(), reserving)
		s.Settle(reserving)
	}); n >= 1 {
		t.Errorf("%v allocations for a reservation", n)
	}
}
