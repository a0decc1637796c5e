// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package budgets

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// trouble is something that happens to Redis.
type trouble struct {
	name   string
	begins func()
	ends   func() // nil: it has passed at once
	lasts  time.Duration
	away   bool // Redis cannot be asked meanwhile
	empty  bool // Redis has forgotten everything
	long   bool
}

// The limit of requests, in windows of that length, and how often each gateway is
// asked: all in all for six times as much.
const (
	perWindow  = 50
	window     = time.Second
	askEvery   = 10 * time.Millisecond
	callEvery  = 60 * time.Millisecond
	troubled   = 3                      // gateways
	mostAdded  = 500 * time.Millisecond // to the latency of a request, on a busy machine
	toNotice   = time.Second            // that Redis is away, on a busy machine
	mostShared = 15 * time.Second       // until limits are shared again, likewise
)

// TestRedisTrouble lets Redis fail in all kinds of ways while gateways use it. Limits of
// requests go on by the share of each gateway, and budgets admit nothing until Redis is
// back.
func TestRedisTrouble(t *testing.T) {
	t.Parallel()
	r := newRedis(t)
	s := newSite(t, newUpstream(t))
	s.requests = fmt.Sprintf("requests %d/%s", perWindow, window)
	ways, gateways := troubledFleet(t, s, r)
	all := func(change func(w *way)) {
		for _, w := range ways {
			w.set(func() { change(w) })
		}
	}
	l := demand(t, gateways, consumerName(0), askEvery, callEvery)
	began := time.Now()
	await(t, l, gateways, began)
	quietly := time.Now()
	time.Sleep(window) // a window without trouble, to compare with
	requests, _ := l.between(quietly, time.Now())
	usual := latencyOf(requests)
	t.Logf("without trouble: %d requests, median %v, worst %v; at most %d of %d admitted in any %v",
		len(requests), usual.median, usual.worst, mostIn(window, requests), perWindow, window)

	for _, tr := range []trouble{
		{name: "killed and started again", begins: r.kill, ends: r.start, lasts: time.Second, away: true},
		{name: "flushed", begins: r.flush, empty: true},
		{name: "black hole", begins: func() { all(func(w *way) { w.nowhere = true }) }, ends: func() { all(func(w *way) { w.nowhere = false }) }, lasts: 1500 * time.Millisecond, away: true, long: true},
		{name: "frozen", begins: r.freeze, ends: r.thaw, lasts: 3 * time.Second, away: true, long: true},
		{name: "started again, empty", begins: r.forget, ends: r.start, lasts: 300 * time.Millisecond, empty: true, long: true},
		{name: "slow", begins: func() { all(func(w *way) { w.latency = 300 * time.Millisecond }) }, ends: func() { all(func(w *way) { w.latency = 0 }) }, lasts: 1500 * time.Millisecond, away: true, long: true},
	} {
		if tr.long && testing.Short() {
			continue
		}
		tr.happen(t, l, gateways, usual)
	}
	finish(t, l, gateways)
}

// troubledFleet starts gateways, each with a way of its own to Redis.
func troubledFleet(t *testing.T, s *site, r *redis) (ways []*way, gateways []*gateway) {
	t.Helper()
	var mu sync.Mutex
	byDir := make(map[string]*way)
	s.store = func(g *gateway) string {
		mu.Lock()
		defer mu.Unlock()
		if byDir[g.dir] == nil {
			byDir[g.dir] = newWay(t, r.addr)
			ways = append(ways, byDir[g.dir])
		}
		return "redis redis://" + byDir[g.dir].addr
	}
	gateways = s.fleet(t, troubled)
	return ways, gateways
}

// await waits until all gateways share Redis, and says so, and returns how long that took
// since a time.
func await(t *testing.T, l *load, gateways []*gateway, since time.Time) time.Duration {
	t.Helper()
	eventually(t, "all gateways decide about budgets", func() bool { return len(l.decides(since)) == len(gateways) })
	took := time.Since(since)
	for _, g := range gateways {
		eventually(t, "the gauge says that Redis is up", func() bool { return g.metric(t, "caddy_gateway_store_up", `store="redis"`) == 1 })
	}
	return took
}

func (tr *trouble) happen(t *testing.T, l *load, gateways []*gateway, usual latency) {
	began := time.Now()
	tr.begins()
	if tr.away {
		l.away++
		for _, g := range gateways {
			eventually(t, "the gauge says that Redis is away", func() bool { return g.metric(t, "caddy_gateway_store_up", `store="redis"`) == 0 })
		}
	}
	time.Sleep(time.Until(began.Add(tr.lasts)))
	ended := time.Now()
	if tr.ends != nil {
		tr.ends()
	}
	back := time.Now()
	if !tr.away && !tr.empty {
		t.Fatal("nothing has happened")
	}
	if tr.empty {
		eventually(t, "gateways notice", func() bool {
			_, calls := l.between(began, time.Now())
			for _, c := range calls {
				if c.code == codeUnavailable {
					return true
				}
			}
			return false
		})
	}
	took := await(t, l, gateways, back)
	// The window that ends after all is well belongs to the trouble.
	time.Sleep(window)

	requests, calls := l.between(began.Add(-window), time.Now())
	most, bound := mostIn(window, requests), tr.bound()
	if most > bound {
		t.Errorf("%s: %d requests were admitted in %v, want at most %d", tr.name, most, window, bound)
	}
	for _, a := range requests {
		if a.err != nil || a.status != http.StatusOK && a.status != http.StatusTooManyRequests {
			t.Fatalf("%s: a request that %v after the beginning was limited by requests alone: %+v", tr.name, a.began.Sub(began), a.outcome)
		}
	}
	affected, _ := l.between(began, ended)
	got := latencyOf(affected)
	if got.worst > usual.median+mostAdded {
		t.Errorf("%s: a request took %v, want at most %v", tr.name, got.worst, usual.median+mostAdded)
	}
	waiting := tr.calls(t, calls, began, ended)
	if took > mostShared {
		t.Errorf("%s: limits were shared again after %v", tr.name, took)
	}
	t.Logf("%s: %d requests, median %v, worst %v; %d admitted in any %v (limit %d, bound %d); %d of %d calls told to wait; shared again after %v", tr.name,
		len(affected), got.median, got.worst, most, window, perWindow, bound, waiting, len(calls), took.Round(time.Millisecond))
}

// bound is the most that may be admitted in a window: the limit, and the shares of all
// gateways but one, if that has admitted all before. What Redis has forgotten is
// one limit more.
func (tr *trouble) bound() int {
	const share = (perWindow + troubled - 1) / troubled
	if tr.empty {
		return 2*perWindow + (troubled-1)*share
	}
	return perWindow + (troubled-1)*share
}

// calls looks at model calls, and returns how many were told to wait.
func (tr *trouble) calls(t *testing.T, calls []asked, began, ended time.Time) (waiting int) {
	t.Helper()
	for _, c := range calls {
		switch {
		case c.err != nil:
			t.Errorf("%s: a call has no answer: %v", tr.name, c.err)
		case c.code == codeUnavailable && c.status == http.StatusServiceUnavailable && c.retry != "":
			waiting++
		case c.status != http.StatusOK && c.code != codeBudget:
			t.Errorf("%s: a call was answered %+v", tr.name, c.outcome)
		case tr.away && c.began.After(began.Add(toNotice)) && c.began.Add(c.took).Before(ended):
			t.Errorf("%s: a call was answered %+v %v after Redis went away", tr.name, c.outcome, c.began.Sub(began))
		}
	}
	if waiting == 0 {
		t.Errorf("%s: no call was told to wait", tr.name)
	}
	return waiting
}

// finish ends the load, spends what is left of the budget, and looks what gateways have
// logged.
func finish(t *testing.T, l *load, gateways []*gateway) {
	t.Helper()
	l.end()
	client := newClient(t)
	for i := 0; ; i++ {
		if got, _ := small(l.consumer).definite(t, client, gateways[i%len(gateways)]); got.status != http.StatusOK {
			break
		}
	}
	cost, calls := gateways[0].u.served(l.consumer)
	if cost > budget {
		t.Errorf("%s USD of %s was spent: %s too much", usd(cost), usd(budget), usd(cost-budget))
	}
	used := settled(t, gateways[0], l.consumer, cost)
	t.Logf("%d calls: %s of %s USD was spent, and %s are used", calls, usd(cost), usd(budget), usd(used*1000))
	for i, g := range gateways {
		var last string
		var away int
		for _, line := range g.written(`"logger":"gateway.store"`, "the store of limits") {
			if last = levelOf(t, line, last); last == "error" {
				away++
			}
		}
		// A busy machine may be a trouble of its own.
		if away < l.away || away > l.away+3 || last != "info" {
			t.Errorf("Redis was away %d times, and gateway %d has logged:\n%s", l.away, i, strings.Join(g.written("gateway.store"), "\n"))
		}
		t.Logf("gateway %d says that Redis was away %d times; %v decisions without Redis", i, away,
			g.metric(t, "caddy_gateway_store_degraded_decisions_total", `store="redis"`))
	}
}

// levelOf returns the level of a line of the log, which must not be that of the last.
func levelOf(t *testing.T, line, last string) string {
	t.Helper()
	var fields struct{ Level string }
	if err := json.Unmarshal([]byte(line), &fields); err != nil || fields.Level == last {
		t.Errorf("after a line of level %q: %s (%v)", last, line, err)
	}
	return fields.Level
}
