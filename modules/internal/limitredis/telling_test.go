// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/redistest"
	"github.com/caddy-gateway/tollgate/modules/limits"
)

// TestNothingIsSettledBeforeAllHaveTold empties Redis. One gateway tells at once what it
// knows, and has much to settle; what another one knows, and tells a moment later, is
// not lost by that.
func TestNothingIsSettledBeforeAllHaveTold(t *testing.T) {
	t.Parallel()
	const early, late = 8, 1
	r := redistest.Start(t)
	stores := gateways(t, 2, []string{r.URL()}, 0, nil)
	rule := &limits.Rule{Unit: limits.Cost, Limit: 100, Window: limits.Window{Kind: limits.Calendar, Period: limits.Year}}
	admit := func(s *Store) (d limits.Decision) {
		redistest.Eventually(t, "a decision", func() bool {
			d = limits.Decision{ID: limits.NewID(), Checks: []limits.Check{{Rule: rule, Key: limits.Key{Level: "told", Subject: "all"}, Weight: 1}}}
			return s.Decide(t.Context(), &d) == nil
		})
		if d.Denied {
			t.Fatalf("denied: %+v", d)
		}
		return d
	}
	first, second := stores[0], stores[1]
	var open []limits.Decision
	for range early {
		open = append(open, admit(first))
	}
	for range late {
		admit(second)
	}
	epochs, others := first.Stats().Epochs, second.Stats().Epochs
	second.epoch.mu.Lock() // it is slow
	r.Do("FLUSHALL")
	redistest.Eventually(t, "the first gateway to tell", func() bool {
		return first.Stats().Epochs > epochs && first.epoch.token.Load() != nil
	})
	for i := range open {
		open[i].Checks[0].Actual = 1
		first.Settle(&open[i])
	}
	redistest.Eventually(t, "all to be settled, or to wait", func() bool {
		return first.Stats().Pending == 0 || first.epoch.telling() > 0
	})
	second.epoch.mu.Unlock()
	redistest.Eventually(t, "the second gateway to tell", func() bool {
		return second.Stats().Epochs > others && second.epoch.token.Load() != nil
	})
	flush(first)
	look := []limits.Check{{Rule: rule, Key: limits.Key{Level: "told", Subject: "all"}}}
	if err := first.Look(t.Context(), look); err != nil || look[0].Used != early+late {
		t.Errorf("%d are used, want %d (%v)", look[0].Used, early+late, err)
	}
}
