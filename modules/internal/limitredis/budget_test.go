// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/redisconn"
	"github.com/caddy-gateway/tollgate/modules/internal/redistest"
	"github.com/caddy-gateway/tollgate/modules/limits"
)

// gateways returns stores that share a Redis, each with its own connection.
func gateways(t testing.TB, n int, urls []string, timeout time.Duration, change func(*Options)) (all []*Store) {
	t.Helper()
	for range n {
		o := Options{Conn: connect(t, redisconn.Options{URLs: urls, Timeout: timeout})}
		if change != nil {
			change(&o)
		}
		all = append(all, open(t, o))
	}
	return all
}

// TestBudgetsAreNeverExceeded has 1,000 requests in flight on three gateways, while
// Redis loses all that it knows.
func TestBudgetsAreNeverExceeded(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*redistest.Server){
		"undisturbed": func(*redistest.Server) {},
		"flushed":     func(r *redistest.Server) { r.Do("FLUSHALL") },
		"restarted":   func(r *redistest.Server) { r.Kill(); r.Restart(true) },
		"frozen":      func(r *redistest.Server) { r.Stop(); time.Sleep(300 * time.Millisecond); r.Cont() },
	}
	for name, disturb := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := redistest.Start(t)
			stores := gateways(t, 3, []string{r.URL()}, 200*time.Millisecond, nil)
			spendAll(t, stores, func() { disturb(r) })
		})
	}
}

// spendAll has 1,000 clients spend a budget of one dollar, and something happen when
// a third of it is spent.
func spendAll(t *testing.T, stores []*Store, disturb func()) {
	t.Helper()
	rule := &limits.Rule{Unit: limits.Cost, Limit: limits.NanoPerUSD, Window: limits.Window{Kind: limits.Calendar, Period: limits.Month}}
	var spent, admitted, denied, refused atomic.Int64
	var once sync.Once
	disturbed := make(chan struct{})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	for i := range 1000 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 2)) //nolint:gosec // Nothing to guess.
			s := stores[i%len(stores)]
			for ctx.Err() == nil {
				d := limits.Decision{ID: limits.NewID(), Checks: []limits.Check{{
					Rule: rule, Key: limits.Key{Level: "budget", Subject: "team"}, Weight: 1 + r.Int64N(2_000_000),
				}}}
				if err := s.Decide(ctx, &d); err != nil {
					if !errors.Is(err, limits.ErrUnavailable) && ctx.Err() == nil {
						t.Error(err)
					}
					refused.Add(1)
					select {
					case <-ctx.Done():
					case <-time.After(d.RetryAfter / 4):
					}
					continue
				}
				if d.Degraded {
					t.Error("a budget was decided without Redis")
				}
				if d.Denied {
					denied.Add(1)
					<-disturbed
					return
				}
				admitted.Add(1)
				c := &d.Checks[0]
				c.Actual = r.Int64N(c.Weight + 1)
				if spent.Add(c.Actual) > limits.NanoPerUSD/3 {
					once.Do(func() {
						disturb()
						close(disturbed)
					})
				}
				s.Settle(&d)
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		t.Errorf("the budget was not spent in time: %d admitted, %d denied, %d refused", admitted.Load(), denied.Load(), refused.Load())
	}
	t.Logf("%d admitted, %d refused, %.6f of 1 USD spent", admitted.Load(), refused.Load(), float64(spent.Load())/limits.NanoPerUSD)
	if over := spent.Load() - limits.NanoPerUSD; over > 0 {
		t.Errorf("overspent by %d nano-dollars", over)
	}
	settled(t, stores)
	look := []limits.Check{{Rule: rule, Key: limits.Key{Level: "budget", Subject: "team"}}}
	if err := stores[0].Look(t.Context(), look); err != nil {
		t.Fatal(err)
	}
	if look[0].Reserved != 0 {
		t.Errorf("%d is reserved when all is settled", look[0].Reserved)
	}
	if look[0].Used < spent.Load() {
		t.Errorf("redis has %d, want at least the %d that were spent", look[0].Used, spent.Load())
	}
}

// settled waits until nothing is left to settle.
func settled(t testing.TB, stores []*Store) {
	t.Helper()
	for _, s := range stores {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		s.Flush(ctx)
		cancel()
		if n := s.Stats().Pending; n > 0 {
			t.Errorf("%d settlements are left", n)
		}
	}
}
