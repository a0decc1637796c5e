// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitstest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// crowd is how many goroutines ask at once.
const crowd = 64

// testConcurrent asks from many goroutines, of one store and of several that share
// their counters.
func testConcurrent(t *testing.T, o Opener) {
	counts := []int{1}
	if o.Several != nil {
		counts = append(counts, 4)
	}
	for _, n := range counts {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			for _, r := range lasting(300) {
				if r.Window.Kind == limits.Bucket && r.Limit == 1 || r.Unit == limits.InputTokens {
					continue // as others are
				}
				t.Run(r.ID(), func(t *testing.T) {
					testCrowd(t, gateways(t, o, n), r, func(*rand.Rand) int64 { return 1 })
					testCrowd(t, gateways(t, o, n), r, func(r *rand.Rand) int64 { return r.Int64N(40) })
				})
			}
			t.Run("two windows", func(t *testing.T) { testCrowdTwo(t, gateways(t, o, n)) })
			t.Run("crossing keys", func(t *testing.T) { testCrowdCrossing(t, gateways(t, o, n)) })
			t.Run("in flight", func(t *testing.T) { testCrowdHeld(t, gateways(t, o, n)) })
			t.Run("budget", func(t *testing.T) { testCrowdBudget(t, gateways(t, o, n)) })
		})
	}
}

// together runs f in a crowd, which begins at once, each with a gateway and a
// source of random numbers.
func together(probes []*probe, f func(p *probe, r *rand.Rand)) {
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for i := range crowd {
		wg.Go(func() {
			<-begin
			f(probes[i%len(probes)], rand.New(rand.NewPCG(7, uint64(i))))
		})
	}
	close(begin)
	wg.Wait()
}

// ask is decide for goroutines: it reports what fails and goes on.
func (p *probe) ask(checks ...limits.Check) *limits.Decision {
	p.t.Helper()
	d := &limits.Decision{ID: limits.NewID(), Checks: checks}
	if err := p.s.Decide(p.t.Context(), d); err != nil {
		p.t.Errorf("Decide() error: %v", err)
		d.Denied = true
	}
	return d
}

// testCrowd uses up one counter: as much as is counted is admitted, and of weights
// of one exactly the limit.
func testCrowd(t *testing.T, probes []*probe, r *limits.Rule, weight func(r *rand.Rand) int64) {
	t.Helper()
	var admitted, least atomic.Int64
	least.Store(limits.MaxCount) // the smallest weight that was denied
	together(probes, func(p *probe, random *rand.Rand) {
		for range 20 {
			w := weight(random)
			d := p.ask(on(r, "a", w))
			c := &d.Checks[0]
			if !d.Denied {
				admitted.Add(w)
				if c.Used > r.Capacity() {
					t.Errorf("admitted, with %d used of %d", c.Used, r.Capacity())
				}
				continue
			}
			if c.Used+w <= r.Capacity() {
				t.Errorf("weight %d denied, with %d used of %d", w, c.Used, r.Capacity())
			}
			for {
				l := least.Load()
				if w >= l || least.CompareAndSwap(l, w) {
					break
				}
			}
		}
	})
	total := admitted.Load()
	if total > r.Capacity() || total+least.Load() <= r.Capacity() {
		t.Errorf("%d admitted and %d denied, of %d", total, least.Load(), r.Capacity())
	}
	for _, p := range probes {
		p.holds(on(r, "a", 0), total)
	}
}

// testCrowdTwo asks against two windows, where what the one denies must not be
// counted in the other.
func testCrowdTwo(t *testing.T, probes []*probe) {
	t.Helper()
	second, minute := sliding(limits.Requests, 10, time.Second), sliding(limits.Requests, 15, day)
	var admitted atomic.Int64
	clock := probes[0].clock
	for range 3 {
		together(probes, func(p *probe, _ *rand.Rand) {
			for range 5 {
				if !p.ask(on(second, "a", 1), on(minute, "a", 1)).Denied {
					admitted.Add(1)
				}
			}
		})
		probes[0].holds(on(minute, "a", 0), admitted.Load())
		if clock != nil {
			if got := admitted.Load(); got != 10 && got != 15 {
				t.Errorf("%d admitted", got)
			}
			clock.Advance(1100 * time.Millisecond)
		}
	}
	if got := admitted.Load(); got > 15 {
		t.Errorf("%d admitted of 15", got)
	}
}

// testCrowdCrossing asks for pairs of keys in both orders, which must neither
// stand still nor count the one without the other.
func testCrowdCrossing(t *testing.T, probes []*probe) {
	t.Helper()
	r := fixed(limits.Requests, 200, 366*day)
	const keys = 5
	var counted [keys]atomic.Int64
	together(probes, func(p *probe, random *rand.Rand) {
		for range 40 {
			picked := random.Perm(keys)[:2+random.IntN(2)]
			checks := make([]limits.Check, 0, len(picked))
			for _, k := range picked {
				checks = append(checks, on(r, string(rune('a'+k)), 1+random.Int64N(3)))
			}
			if d := p.ask(checks...); !d.Denied {
				for i, k := range picked {
					counted[k].Add(d.Checks[i].Weight)
				}
			}
		}
	})
	for k := range keys {
		got := counted[k].Load()
		if got > r.Limit {
			t.Errorf("%d admitted of %d", got, r.Limit)
		}
		probes[0].holds(on(r, string(rune('a'+k)), 0), got)
	}
}

// testCrowdHeld holds and lets go, and watches how many hold at once.
func testCrowdHeld(t *testing.T, probes []*probe) {
	t.Helper()
	r := held(8)
	var holding, admitted atomic.Int64
	together(probes, func(p *probe, _ *rand.Rand) {
		for range 20 {
			d := p.ask(on(r, "a", 1))
			if d.Denied {
				continue
			}
			admitted.Add(1)
			if n := holding.Add(1); n > r.Limit {
				t.Errorf("%d in flight of %d", n, r.Limit)
			}
			holding.Add(-1)
			p.s.Settle(d)
		}
	})
	for _, p := range probes {
		p.flush()
	}
	if admitted.Load() < r.Limit {
		t.Errorf("%d admitted", admitted.Load())
	}
	probes[0].holds(on(r, "a", 0), 0)
	probes[0].admit(on(r, "a", r.Limit))
}

// testCrowdBudget reserves more than is used in the end, as requests to language
// models do. What was used and what may yet be used is never more than the limit,
// and in the end what was used is what is counted.
func testCrowdBudget(t *testing.T, probes []*probe) {
	t.Helper()
	cost, tokens := fixed(limits.Cost, 20_000, 366*day), sliding(limits.Tokens, 3_000, day)
	var spent, used atomic.Int64
	together(probes, func(p *probe, random *rand.Rand) {
		for range 20 {
			bound := 1 + random.Int64N(300)
			d := p.ask(on(cost, "a", bound), on(tokens, "a", bound/10))
			if d.Denied {
				continue
			}
			actual := random.Int64N(bound + 1)
			if now := spent.Add(actual); now > cost.Limit {
				t.Errorf("%d spent of %d", now, cost.Limit)
			}
			used.Add(actual / 10)
			d.Checks[0].Actual, d.Checks[1].Actual = actual, actual/10
			p.s.Settle(d)
			if random.IntN(3) == 0 {
				d.Checks[0].Actual, d.Checks[1].Actual = 0, bound
				p.s.Settle(d) // which comes too late
			}
		}
	})
	for _, p := range probes {
		p.flush()
	}
	for _, c := range []struct {
		check limits.Check
		want  int64
	}{{on(cost, "a", 0), spent.Load()}, {on(tokens, "a", 0), used.Load()}} {
		if got := probes[0].look(c.check); got.Used != c.want || got.Reserved != 0 {
			t.Errorf("%s: %d used, %d reserved; want %d and nothing", got.Rule.ID(), got.Used, got.Reserved, c.want)
		}
	}
}
