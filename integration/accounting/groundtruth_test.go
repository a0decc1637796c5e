// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package accounting

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// TestGroundTruth compares what was served with what was charged: after thousands of
// requests of all formats, of which many break, while the configuration changes.
func TestGroundTruth(t *testing.T) {
	requests, connections, reloads := 10_000*soak(), 24, 12*soak()
	if testing.Short() {
		requests, reloads = 2000, 6
	}
	u := newUpstream(t)
	s := newSite(t, u)
	s.log, s.access = "accounting", "accounting"
	s.ledger = t.TempDir()
	s.globals = "grace_period 30s"
	theLog.forget()
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Errorf("stop Caddy: %v", err)
		}
	})
	s.load(t, 0)

	began := time.Now()
	outcomes := make([]outcome, requests)
	var next, done atomic.Int64
	reload := make(chan int, reloads)
	var clients, reloader sync.WaitGroup
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(4*soak())*patience)
	defer cancel()
	for i := range connections {
		c := newClient(t, s.addr, i%2 == 1)
		clients.Go(func() {
			for ctx.Err() == nil {
				n := int(next.Add(1)) - 1
				if n >= requests {
					return
				}
				outcomes[n] = c.do(ctx, u, planned("mixed", n))
				if every := requests / (reloads + 1); int(done.Add(1))%every == 0 && int(done.Load()) < requests {
					select {
					case reload <- n:
					default:
					}
				}
			}
		})
	}
	loaded := 0
	reloader.Go(func() {
		for range reload {
			loaded++
			if err := s.tryLoad(loaded); err != nil {
				t.Errorf("reload: %v", err)
			}
		}
	})
	clients.Wait()
	close(reload)
	reloader.Wait()
	if ctx.Err() != nil {
		t.Fatalf("only %d requests in %v", done.Load(), time.Since(began))
	}
	entries := theLog.await(t, requests)
	t.Logf("%d requests and %d reloads in %v", requests, loaded, time.Since(began).Round(time.Millisecond))
	if len(entries) != requests {
		t.Errorf("%d requests are in the access log, want %d", len(entries), requests)
	}

	served, low, high := compare(t, u, entries, outcomes)
	charged := usage(t, s.admin)
	for c := range union(charged, served) {
		got, want := charged[c], served[c]
		counts, cost := got.counts, got.cost
		got.counts, got.cost = want.counts, want.cost
		if got != want {
			t.Errorf("the ledger has of %v\n%v, want\n%v", c, got, want)
		}
		if counts != want.counts || cost != want.cost {
			t.Errorf("the ledger has of %v %v, %s USD, and the access log %v, %s USD", c, counts, usd(cost), want.counts, usd(want.cost))
		}
		if !counts.within(low[c].counts, high[c].counts) || cost < low[c].cost || cost > high[c].cost {
			t.Errorf("%v was charged %v, %s USD, and served from %v to %v", c, counts, usd(cost), low[c], high[c])
		}
	}
	same(t, "the command", usageByCommand(t, "--address", s.admin), charged)
	t.Logf("%d callers; all in all %v", len(charged), charged.total())
	shown(t, metrics(t, s.admin), charged)
}

// compare looks at each request. It returns what the access log says about callers, and
// between what bounds that has to be.
func compare(t *testing.T, u *upstream, entries []entry, outcomes []outcome) (logged, low, high account) {
	t.Helper()
	logged, low, high = make(account), make(account), make(account)
	byID := make(map[string]entry, len(entries))
	for _, e := range entries {
		if _, twice := byID[e.id]; twice {
			t.Errorf("request %q is in the access log twice", e.id)
		}
		byID[e.id] = e
	}
	var endings [numEndings]int
	var loose int
	for n, got := range outcomes {
		p := planned("mixed", n)
		e, there := byID[p.name]
		if !there {
			t.Errorf("request %q is not in the access log", p.name)
		}
		served := u.call(p).seen()
		want := p.expect(served, got)
		endings[p.ending]++
		if want.low != want.high {
			loose++
		}
		if served.consumer != p.caller().consumer || served.model != p.model {
			t.Errorf("request %q: the upstream saw consumer %q and model %q, want %v", p.name, served.consumer, served.model, p.caller())
		}
		checkOutcome(t, p, served, got)
		if !e.counts.within(want.low, want.high) || e.exact != want.exact {
			t.Errorf("request %q of %s (stream %t, ending %d after %d of %d events, %+v, %+v): charged %v, exact %t; want %v to %v, exact %t",
				p.name, p.wire.name, p.stream, p.ending, p.at, p.events, served, got, e.counts, e.exact, want.low, want.high, want.exact)
		}
		one := sums{requests: 1, counts: e.counts, cost: e.counts.cost(p.model)}
		if want.failed {
			one.failed = 1
		}
		if want.exact {
			one.exact = 1
		}
		if want.estimated {
			one.estimated = 1
		}
		logged.add(p.caller(), one)
		low.add(p.caller(), sums{counts: want.low, cost: want.low.cost(p.model)})
		high.add(p.caller(), sums{counts: want.high, cost: want.high.cost(p.model)})
		if e.cost != "" && e.cost != usd(one.cost) {
			t.Errorf("request %q: %v of %s cost %s USD, want %s", p.name, e.counts, p.model, e.cost, usd(one.cost))
		}
	}
	t.Logf("completed %d, slow %d, refused %d, retried %d, hung up on %d, cut %d, abandoned %d; of %d the figures can differ by an event or the part of a document",
		endings[completes], endings[slow], endings[refused], endings[retried], endings[hangsUp], endings[cut], endings[abandoned], loose)
	return logged, low, high
}

// checkOutcome compares what the client has with what the plan says.
func checkOutcome(t *testing.T, p *plan, served served, got outcome) {
	t.Helper()
	var bad bool
	switch p.ending {
	default: // completes
		bad = !got.complete || served.attempts != 1
	case retried:
		// Caddy does not try again for a configuration that has just been replaced.
		bad = (!got.complete || served.attempts != p.failures+1) && (got.status != 500 || served.attempts > p.failures)
	case refused:
		bad = got.status != 429 || served.attempts != 1
	case hangsUp:
		bad = got.status != 502
	case cut:
		bad = got.complete || got.status == 200 && got.err == nil
	case abandoned:
		bad = got.received != max(p.at, 0) || served.left > got.received+1
	}
	if bad || got.wrong != "" {
		t.Errorf("request %q of %s (stream %t, ending %d after %d of %d events): the upstream says %+v, the client has %+v",
			p.name, p.wire.name, p.stream, p.ending, p.at, p.events, served, got)
	}
}

// shown compares metrics with the ledger. Their costs are floating-point numbers.
func shown(t *testing.T, got, want account) {
	t.Helper()
	for c := range union(got, want) {
		m, l := got[c], want[c]
		if off := m.cost - l.cost; m.counts != l.counts || m.requests != l.requests || off > 1000 || off < -1000 {
			t.Errorf("metrics have of %v\n%v, the ledger\n%v", c, m, l)
		}
	}
}
