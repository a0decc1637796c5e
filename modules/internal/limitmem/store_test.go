// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitmem

import (
	"context"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// clock is a clock that stands until it is moved.
type clock struct{ at time.Time }

func (c *clock) now() time.Time          { return c.at }
func (c *clock) advance(d time.Duration) { c.at = c.at.Add(d) }

func newClock() *clock {
	return &clock{at: time.Date(2026, time.March, 4, 5, 6, 7, 8_009_000, time.UTC)}
}

func mustDecide(t testing.TB, s *Store, d *limits.Decision) *limits.Decision {
	t.Helper()
	if err := s.Decide(context.Background(), d); err != nil {
		t.Fatalf("Decide() = %v", err)
	}
	return d
}

func usedOf(t testing.TB, s *Store, c limits.Check) int64 {
	t.Helper()
	checks := []limits.Check{c}
	if err := s.Look(context.Background(), checks); err != nil {
		t.Fatalf("Look() = %v", err)
	}
	return checks[0].Used
}

// TestLimit admits exactly the limit with windows of each kind.
func TestLimit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		rule  limits.Rule
		frees time.Duration // of the first denial
	}{
		{"sliding", limits.Rule{Window: limits.Window{Length: time.Minute}, Limit: 10}, 60*time.Second + 991_991*time.Microsecond},
		{"sliding money", limits.Rule{Unit: limits.Cost, Window: limits.Window{Length: time.Minute}, Limit: 10}, 60*time.Second + 991_991*time.Microsecond},
		{"fixed", limits.Rule{Window: limits.Window{Kind: limits.Fixed, Length: time.Minute}, Limit: 10}, 52*time.Second + 991_991*time.Microsecond},
		{"calendar", limits.Rule{Window: limits.Window{Kind: limits.Calendar, Period: limits.Hour}, Limit: 10}, 53*time.Minute + 52*time.Second + 991_991*time.Microsecond},
		{"bucket", limits.Rule{Window: limits.Window{Kind: limits.Bucket, Length: time.Second}, Limit: 2, Burst: 10}, 500*time.Millisecond - 9*time.Microsecond},
		{"held", limits.Rule{Unit: limits.Concurrent, Window: limits.Window{Kind: limits.Held}, Limit: 10}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newClock()
			s := New(Options{Clock: c.now})
			for n := range int64(10) {
				d := decisionOf("someone", &tt.rule)
				d.ID = limits.NewID()
				if mustDecide(t, s, d); d.Denied || d.Checks[0].Used != n+1 {
					t.Fatalf("decision %d: denied %v, used %d", n, d.Denied, d.Checks[0].Used)
				}
			}
			d := mustDecide(t, s, decisionOf("someone", &tt.rule))
			if !d.Denied || !d.Checks[0].Exceeded || d.Checks[0].Used != 10 || d.Checks[0].Frees != tt.frees {
				t.Errorf("decision beyond the limit: %+v, want it denied and to free in %s", d, tt.frees)
			}
			if tt.rule.Window.Kind == limits.Held {
				return
			}
			c.advance(tt.frees - time.Microsecond)
			if d := mustDecide(t, s, decisionOf("someone", &tt.rule)); !d.Denied {
				t.Error("admitted too early")
			}
			c.advance(time.Microsecond)
			if d := mustDecide(t, s, decisionOf("someone", &tt.rule)); d.Denied {
				t.Error("denied for too long")
			}
		})
	}
}

// TestSettleOnce counts what a reservation came to, once.
func TestSettleOnce(t *testing.T) {
	t.Parallel()
	s := New(Options{Clock: newClock().now})
	rule := &limits.Rule{Unit: limits.Tokens, Window: limits.Window{Length: time.Minute}, Limit: 1000}
	d := decisionOf("someone", rule)
	d.ID, d.Checks[0].Weight = limits.NewID(), 800
	mustDecide(t, s, d)
	checks := []limits.Check{d.Checks[0]}
	if err := s.Look(context.Background(), checks); err != nil || checks[0].Reserved != 800 {
		t.Errorf("Look() = %v, reserved %d, want 800", err, checks[0].Reserved)
	}
	d.Checks[0].Actual = 30
	for range 3 {
		s.Settle(d)
		if used := usedOf(t, s, d.Checks[0]); used != 30 {
			t.Fatalf("used = %d, want 30", used)
		}
	}
	other := *d
	other.ID = limits.NewID()
	s.Settle(&other)
	if used := usedOf(t, s, d.Checks[0]); used != 30 {
		t.Errorf("used = %d after a settlement of nothing, want 30", used)
	}
	if n := s.Stats().Open; n != 0 {
		t.Errorf("%d decisions are open, want none", n)
	}
}
