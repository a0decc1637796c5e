// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package accounting

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestKilled kills the gateway at moments of all kinds while it serves, and looks what
// its ledger has when it runs again.
func TestKilled(t *testing.T) {
	cycles, perLedger := 50*soak(), 10
	if testing.Short() {
		cycles, perLedger = 8, 4
	}
	u := newUpstream(t)
	s := newSite(t, u)
	if _, err := program(); err != nil {
		t.Fatalf("build cmd/caddy: %v", err)
	}
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	outcomes := make(map[int]outcome) // of the ledger in use
	number, began := 0, time.Now()
	settled := 0
	for cycle := range cycles {
		if cycle%perLedger == 0 {
			s.ledger = t.TempDir()
			clear(outcomes)
		}
		gateway := s.start(t)
		check(t, s, u, outcomes)
		underLoad(t, s, u, &number, r.IntN(120), time.Duration(r.IntN(3000))*time.Microsecond, gateway.kill, outcomes)
		if (cycle+1)%perLedger == 0 || cycle+1 == cycles {
			gateway = s.start(t)
			settled += check(t, s, u, outcomes)
			gateway.kill()
		}
		if t.Failed() {
			t.Fatalf("in cycle %d, with the ledger in %s", cycle, s.ledger)
		}
	}
	t.Logf("%d kills in %v; of %d requests %d had reached their clients", cycles, time.Since(began).Round(time.Millisecond), number, settled)
}

// underLoad sends requests until some have ended, then ends the gateway and stops. It
// notes what clients have.
func underLoad(t *testing.T, s *site, u *upstream, number *int, until int, delay time.Duration, end func(), outcomes map[int]outcome) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var mu sync.Mutex
	var clients sync.WaitGroup
	var ended atomic.Int64
	enough := make(chan struct{})
	for i := range 16 {
		c := newClient(t, s.addr, i%2 == 1)
		clients.Go(func() {
			defer c.http.CloseIdleConnections()
			for ctx.Err() == nil {
				mu.Lock()
				n := *number
				*number++
				mu.Unlock()
				got := c.do(ctx, u, planned("row", n))
				mu.Lock()
				outcomes[n] = got
				mu.Unlock()
				if int(ended.Add(1)) == until+1 {
					close(enough)
				}
			}
		})
	}
	select {
	case <-enough:
	case <-time.After(patience):
		t.Errorf("%d requests have ended, want %d", ended.Load(), until)
	}
	time.Sleep(delay) // so that not every kill follows upon an answer
	end()
	stop()
	clients.Wait()
}

// check compares the ledger with what clients have: a request each of whose bytes
// has arrived is in it once, any other at most once, and with no more than was served.
func check(t *testing.T, s *site, u *upstream, outcomes map[int]outcome) (settled int) {
	t.Helper()
	rows := usage(t, s.admin)
	var charged, most int64
	for n, got := range outcomes {
		p := planned("row", n)
		row := rows[p.caller()]
		delete(rows, p.caller())
		served := u.call(p).seen()
		limit := p.usage.cost(p.model)
		if served.attempts == 0 {
			limit = 0
		}
		charged, most = charged+row.cost, most+limit
		switch {
		case got.wrong != "":
			t.Errorf("request %q: %s", p.name, got.wrong)
		case got.last:
			settled++
			if want := (sums{requests: 1, exact: 1, counts: p.usage, cost: limit}); row != want {
				t.Errorf("request %q of %s (stream %t) is with its client, and the ledger has of it\n%v, want\n%v", p.name, p.wire.name, p.stream, row, want)
			}
		case row.requests > 1 || row.cost > limit:
			t.Errorf("request %q of %s (stream %t) did not come to its end, %+v, and the ledger has of it %v, want at most %s USD", p.name, p.wire.name, p.stream, served, row, usd(limit))
		}
	}
	for c, row := range rows {
		t.Errorf("the ledger has of %v, which was never asked for: %v", c, row)
	}
	if charged > most {
		t.Errorf("the ledger has %s USD, at most %s were served", usd(charged), usd(most))
	}
	return settled
}

// TestSecondProcess starts another gateway on a ledger that is in use.
func TestSecondProcess(t *testing.T) {
	u := newUpstream(t)
	s := newSite(t, u)
	s.ledger = t.TempDir()
	first := s.start(t)

	other := *s
	other.addr, other.admin = freeAddress(t), freeAddress(t)
	began := time.Now()
	second := other.launch(t)
	code, took := second.code(t), time.Since(began)
	if code == 0 || took > 2*time.Second || !hasAll(second.String(), []string{s.ledger}) {
		t.Errorf("the second process ended with code %d after %v, want an error within 2s that names %s:\n%s", code, took, s.ledger, second)
	}
	t.Logf("the second process gave up after %v with code %s", took.Round(time.Millisecond), strconv.Itoa(code))

	p := planned("row", 1)
	if got := newClient(t, s.addr, false).do(t.Context(), u, p); !got.complete {
		t.Errorf("the first process answers %+v", got)
	}
	rows := usage(t, s.admin)
	if want := (sums{requests: 1, exact: 1, counts: p.usage, cost: p.usage.cost(p.model)}); rows[p.caller()] != want || len(rows) != 1 {
		t.Errorf("the first process has charged %v, want %v", rows, want)
	}
	first.kill()
}
