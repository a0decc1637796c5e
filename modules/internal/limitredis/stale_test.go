// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// TestOldCopiesLetNothingThrough has Redis forget what was counted last, and remember
// as much of before, which by now counts no more: after a failover, or a restart with
// an old file.
func TestOldCopiesLetNothingThrough(t *testing.T) {
	t.Parallel()
	for kind, gaps := range map[limits.Kind][2]time.Duration{
		limits.Sliding: {40 * time.Minute, 22 * time.Minute},
		limits.Bucket:  {0, 30 * time.Minute},
		limits.Fixed:   {0, time.Hour},
	} {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			stores, r, clock := still(t, 1, nil)
			s := stores[0]
			rule := &limits.Rule{Unit: limits.Cost, Limit: 1000, Window: limits.Window{Kind: kind, Length: time.Hour}}
			const key = "tollgate:{test|a" + suffixCounters
			settle(t, s, admit(t, s, on(rule, "a", 600)), 600)
			clock.Advance(gaps[0])
			settle(t, s, admit(t, s, on(rule, "a", 400)), 400)
			old := r.Do("GET", key)
			clock.Advance(gaps[1])
			var used int64
			for { // all that fits
				d := &limits.Decision{ID: limits.NewID(), Checks: []limits.Check{on(rule, "a", 50)}}
				if err := s.Decide(t.Context(), d); err != nil {
					t.Fatal(err)
				}
				used = d.Checks[0].Used
				if d.Denied {
					break
				}
				settle(t, s, d, 50)
			}
			r.Do("SET", key, old.(string))
			d := &limits.Decision{ID: limits.NewID(), Checks: []limits.Check{on(rule, "a", 50)}}
			if err := s.Decide(t.Context(), d); err != nil {
				t.Fatal(err)
			}
			if !d.Denied || d.Checks[0].Used < used {
				t.Errorf("denied %v, %d used, want at least %d", d.Denied, d.Checks[0].Used, used)
			}
			// Nor when what the old copy has passes out of the window.
			clock.Advance(40 * time.Minute)
			if kind == limits.Sliding {
				e := &limits.Decision{ID: limits.NewID(), Checks: []limits.Check{on(rule, "a", 400)}}
				if err := s.Decide(t.Context(), e); err != nil {
					t.Fatal(err)
				}
				if !e.Denied {
					t.Error("admitted when the old copy has passed, though what came later has not")
				}
			}
		})
	}
}
