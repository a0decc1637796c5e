// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package budgets

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// budget is what each consumer of a race may spend, in pico-dollars, and bound what a
// call costs that uses all that was reserved for it.
const (
	budget = 1_000_000_000_000
	most   = 1000 // tokens of an answer
	bound  = most * 4_000_000
)

// bounded is a call that costs what was reserved for it.
func bounded(consumer string, stream bool) *call {
	return &call{plan: plan{Stream: stream, Model: "bounded", Output: most, Pause: 40}, consumer: consumer, most: most}
}

// varied is a call that costs less than was reserved for it. One of eight asks for
// more than may be left, or more than the whole budget.
func varied(consumer string, n int) *call {
	r := rand.New(rand.NewPCG(uint64(n), 1)) //nolint:gosec // The same call again.
	c := &call{consumer: consumer, most: most, plan: plan{
		Stream: r.IntN(2) == 0, Model: "mixed", Input: r.Int64N(1000), Output: r.Int64N(most + 1), Pause: 40,
	}}
	switch r.IntN(16) {
	case 0:
		c.most = 100_000
	case 1:
		c.most = 300_000
	}
	return c
}

// span is the time in which calls of a race begin in whose middle something happens.
const span = time.Second

// race makes n calls at once, and counts answers by status, and how often somebody was
// told to wait. In the middle of it, when so many calls have reached the upstream,
// something may happen.
func race(t *testing.T, gateways []*gateway, n int, at int, happens func(), make func(n int) *call) (statuses map[int]int, refusals int) {
	t.Helper()
	client := newClient(t)
	u, consumer := gateways[0].u, make(0).consumer
	var (
		mu  sync.Mutex
		all sync.WaitGroup
	)
	statuses = map[int]int{}
	for i := range n {
		all.Go(func() {
			c := make(i)
			if happens != nil {
				time.Sleep(rand.N(span)) //nolint:gosec // Nothing to guess.
			}
			got, again := c.definite(t, client, gateways[i%len(gateways)])
			if got.status == 200 && !got.complete || got.status == 429 && got.code != codeBudget || got.err != nil {
				t.Errorf("call %d: %+v", i, got)
			}
			mu.Lock()
			defer mu.Unlock()
			statuses[got.status]++
			refusals += again
		})
	}
	if happens != nil {
		eventually(t, "the race is on", func() bool {
			_, calls := u.served(consumer)
			return calls >= at
		})
		happens()
	}
	all.Wait()
	return statuses, refusals
}

// spent compares what the upstream has served with what gateways know of it, and
// returns it.
func spent(t *testing.T, gateways []*gateway, consumer string, statuses map[int]int) int64 {
	t.Helper()
	cost, calls := gateways[0].u.served(consumer)
	if cost > budget {
		t.Errorf("%s USD of %s was spent: %s too much", usd(cost), usd(budget), usd(cost-budget))
	}
	if statuses[200] != calls {
		t.Errorf("%d calls were answered, and the upstream has served %d; answers: %v", statuses[200], calls, statuses)
	}
	if ledger := charged(t, gateways, consumer); ledger != cost {
		t.Errorf("the ledgers have %s USD, and the upstream has served %s", usd(ledger), usd(cost))
	}
	return cost
}

// settled waits until nothing is reserved for a consumer, and what was spent is known to
// the store, in pico-dollars. It returns what is used of the budget, in billionths of a
// dollar.
func settled(t *testing.T, g *gateway, consumer string, spent int64) (used int64) {
	t.Helper()
	eventually(t, "what "+consumer+" has spent is used, and nothing is reserved", func() bool {
		l := g.budget(t, consumer)["cost"]
		used = l.used
		return l.reserved == 0 && used*1000 >= spent
	})
	return used
}

// TestBudgetRace spends budgets on several gateways at once.
func TestBudgetRace(t *testing.T) {
	calls := scaled(1000, 500)
	r := newRedis(t)
	shared := newSite(t, newUpstream(t))
	shared.onRedis(r.addr, "5s")
	alone := newSite(t, shared.u)
	three, one := shared.fleet(t, 3), alone.fleet(t, 1)

	for i, race := range []struct {
		name     string
		gateways []*gateway
		make     func(consumer string, n int) *call
		happens  func()
		exact    bool // as many are admitted as fit
		long     bool
	}{
		{"three gateways", three, func(c string, _ int) *call { return bounded(c, false) }, nil, true, false},
		{"three gateways, streams", three, func(c string, _ int) *call { return bounded(c, true) }, nil, true, false},
		{"three gateways, calls of all sizes", three, varied, nil, false, true},
		{"one gateway, reloads", one, func(c string, n int) *call { return bounded(c, n%2 == 0) }, nil, true, false},
		{"one gateway, reloads, calls of all sizes", one, varied, nil, false, true},
		{"Redis is flushed", three, func(c string, n int) *call { return bounded(c, n%2 == 0) }, r.flush, false, false},
		{"Redis starts again, empty", three, func(c string, n int) *call { return bounded(c, n%2 == 0) }, func() { r.forget(); r.start() }, false, true},
	} {
		t.Run(race.name, func(t *testing.T) {
			if race.long && testing.Short() {
				return
			}
			consumer := consumerName(i)
			runRace(t, race.gateways, consumer, calls, race.happens, race.exact, func(n int) *call { return race.make(consumer, n) })
		})
	}
}

func runRace(t *testing.T, gateways []*gateway, consumer string, calls int, happens func(), exact bool, make func(n int) *call) {
	t.Helper()
	stop := func() int { return 0 }
	if len(gateways) == 1 {
		stop = reloading(t, 50*time.Millisecond, gateways...)
	}
	began := time.Now()
	statuses, refusals := race(t, gateways, calls, 80, happens, make)
	took, reloads := time.Since(began), stop()
	cost := spent(t, gateways, consumer, statuses)
	used := settled(t, gateways[0], consumer, cost)
	entries := awaitLog(t, gateways, consumer, calls+refusals)
	if happens == nil && used != entries.nano {
		t.Errorf("%d of the budget is used, and the calls come to %d billionths of a dollar", used, entries.nano)
	}
	if used*1000 > budget {
		t.Errorf("%d billionths of a dollar of the budget are used", used)
	}
	if exact && (cost != budget || statuses[200] != budget/bound) {
		t.Errorf("%d calls were admitted, which cost %s USD; %d fit", statuses[200], usd(cost), budget/bound)
	}
	if statuses[200]+statuses[429] != calls || statuses[429] == 0 {
		t.Errorf("%d calls were answered %v", calls, statuses)
	}
	t.Logf("%d calls on %d gateways in %v: %d admitted for %s of %s USD, %d told to wait, %d reloads", calls, len(gateways),
		took.Round(time.Millisecond), statuses[200], usd(cost), usd(budget), refusals, reloads)
	if happens == nil {
		spendRest(t, gateways, consumer)
	}
}

// spendRest spends what is left by ever smaller calls: less than a token's price remains.
func spendRest(t *testing.T, gateways []*gateway, consumer string) {
	t.Helper()
	client := newClient(t)
	c := bounded(consumer, false)
	c.Pause = 0
	for tokens := int64(128_000); tokens > 0; {
		c.most, c.Output = tokens, tokens
		if got, _ := c.definite(t, client, gateways[int(tokens)%len(gateways)]); got.status != 200 {
			tokens /= 2
		}
	}
	cost, _ := gateways[0].u.served(consumer)
	used, price := settled(t, gateways[0], consumer, cost), models[c.Model][1]
	if left := budget - used*1000; left < 0 || left >= price || cost > budget {
		t.Errorf("%d pico-dollars are left where a token costs %d, and %s USD was spent", left, price, usd(cost))
	}
}

// awaitLog waits until the access logs have all calls of a consumer.
func awaitLog(t *testing.T, gateways []*gateway, consumer string, calls int) (entries logged) {
	t.Helper()
	eventually(t, "all calls are in the access log", func() bool {
		entries = accessOf(t, gateways, consumer)
		return entries.lines >= calls
	})
	if entries.lines != calls {
		t.Errorf("%d calls are in the access logs, want %d", entries.lines, calls)
	}
	return entries
}
