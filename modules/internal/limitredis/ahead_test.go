// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/redistest"
	"github.com/caddy-gateway/tollgate/modules/limits"
)

// ahead returns stores that exchange what they have counted when they are told to.
func ahead(t testing.TB, n int) ([]*Store, *redistest.Server) {
	t.Helper()
	stores, r, _ := still(t, n, func(o *Options) { o.Sync = time.Hour })
	return stores, r
}

func exchangeAll(stores []*Store, checks ...limits.Check) {
	for range 2 { // who is told first learns of the others the second time
		for _, s := range stores {
			for _, c := range checks {
				s.ahead.note(s, &limits.Decision{Checks: []limits.Check{c}}, false)
			}
			s.exchange()
		}
	}
}

func TestSyncSharesCounts(t *testing.T) {
	t.Parallel()
	for _, r := range []*limits.Rule{
		{Unit: limits.Requests, Limit: 10, Window: limits.Window{Kind: limits.Sliding, Length: time.Hour}},
		{Unit: limits.Requests, Limit: 10, Window: limits.Window{Kind: limits.Fixed, Length: time.Hour}},
		{Unit: limits.Requests, Limit: 10, Window: limits.Window{Kind: limits.Calendar, Period: limits.Day}},
		{Unit: limits.Requests, Limit: 10, Window: limits.Window{Kind: limits.Bucket, Length: time.Hour}},
	} {
		t.Run(r.ID(), func(t *testing.T) {
			t.Parallel()
			stores, _ := ahead(t, 2)
			a, b := stores[0], stores[1]
			d := admit(t, a, on(r, "a", 6))
			e := admit(t, b, on(r, "a", 6)) // each does not know of the other
			exchangeAll(stores, on(r, "a", 0))
			for _, s := range stores {
				f := &limits.Decision{Checks: []limits.Check{on(r, "a", 1)}}
				if err := s.Decide(t.Context(), f); err != nil || !f.Denied || f.Checks[0].Used != 12 {
					t.Errorf("denied %v with %d used, error %v, want it denied with 12", f.Denied, f.Checks[0].Used, err)
				}
			}
			for _, x := range []struct {
				s *Store
				d *limits.Decision
			}{{a, d}, {b, e}} {
				x.d.Checks[0].Actual = 1
				x.s.Settle(x.d)
			}
			exchangeAll(stores, on(r, "a", 0))
			holds(t, a, on(r, "a", 0), 2, 0)
			if f := admit(t, a, on(r, "a", 8)); f.Checks[0].Used != 10 {
				t.Errorf("%d used, want 10", f.Checks[0].Used)
			}
		})
	}
}

func TestSyncDecidesHardLimitsInRedis(t *testing.T) {
	t.Parallel()
	stores, _ := ahead(t, 2)
	a, b := stores[0], stores[1]
	requests := window(limits.Sliding, time.Hour)
	d := admit(t, a, on(monthly, "a", 600), on(requests, "a", 1), on(held, "a", 1))
	e := &limits.Decision{ID: limits.NewID(), Checks: []limits.Check{on(requests, "a", 1), on(monthly, "a", 600)}}
	if err := b.Decide(t.Context(), e); err != nil || !e.Denied || !e.Checks[1].Exceeded || e.Checks[0].Exceeded {
		t.Errorf("denied %v, error %v, want it denied by the budget", e.Denied, err)
	}
	admit(t, b, on(held, "a", 2))
	exchangeAll(stores)
	holds(t, b, on(requests, "a", 0), 1, 0) // what was denied is not counted
	settle(t, a, d, 100)
	settle(t, a, d, 0) // settled before
	holds(t, b, on(monthly, "a", 0), 100, 0)
	holds(t, b, on(held, "a", 0), 2, 2)
	exchangeAll(stores)
	holds(t, b, on(requests, "a", 0), 100, 0)
}

func TestSyncSettlesOnce(t *testing.T) {
	t.Parallel()
	stores, _ := ahead(t, 1)
	s := stores[0]
	d := admit(t, s, on(tokens, "a", 500))
	for _, actual := range []int64{20, 700} {
		d.Checks[0].Actual = actual
		s.Settle(d)
	}
	exchangeAll(stores)
	holds(t, s, on(tokens, "a", 0), 20, 0)
}

func TestSyncTellsLaterWhatRedisMissed(t *testing.T) {
	t.Parallel()
	stores, r := ahead(t, 1)
	s := stores[0]
	requests := window(limits.Fixed, time.Hour)
	admit(t, s, on(requests, "a", 5))
	r.Kill()
	s.exchange()
	admit(t, s, on(requests, "a", 6))
	r.Restart(true)
	redistest.Eventually(t, "redis to be up", func() bool { s.exchange(); return s.ahead.idle() })
	holds(t, s, on(requests, "a", 0), 11, 0)
}

// TestSyncBound has all instances count as fast as they can. More than the limit is
// admitted by no more than what the others admit within two intervals.
func TestSyncBound(t *testing.T) {
	t.Parallel()
	const every, n = 20 * time.Millisecond, 4
	r := redistest.Start(t)
	stores := gateways(t, n, []string{r.URL()}, 0, func(o *Options) { o.Sync = every })
	rule := &limits.Rule{Unit: limits.Requests, Limit: 2000, Window: limits.Window{Kind: limits.Calendar, Period: limits.Year}}
	var admitted, denied atomic.Int64
	begin := time.Now()
	var wg sync.WaitGroup
	for _, s := range stores {
		wg.Go(func() {
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			for denied.Load() < 100*n && time.Since(begin) < 20*time.Second {
				<-tick.C
				d := limits.Decision{Checks: []limits.Check{on(rule, "a", 5)}}
				if err := s.Decide(t.Context(), &d); err != nil {
					t.Error(err)
				}
				if d.Denied {
					denied.Add(1)
				} else {
					admitted.Add(5)
				}
			}
		})
	}
	wg.Wait()
	rate := float64(admitted.Load()) / time.Since(begin).Seconds()
	t.Logf("%d of %d admitted, at %.0f a second", admitted.Load(), rule.Limit, rate)
	// An exchange may be late on a machine that is busy: half a second of all.
	if most := float64(rule.Limit) + 5000*n/2; float64(admitted.Load()) > most {
		t.Errorf("%d admitted, want at most %.0f", admitted.Load(), most)
	}
	if denied.Load() == 0 {
		t.Error("nothing was denied")
	}
}
