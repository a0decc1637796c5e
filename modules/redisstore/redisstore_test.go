// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redisstore

import (
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/redistest"
	"github.com/caddy-gateway/tollgate/modules/limits"
)

// started is an app with a store in Redis that has started.
func started(t *testing.T, ledger, store string) *gateway.App {
	t.Helper()
	app, err := provision(t, ledger, store)
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	return app
}

// hourly is a limit of requests an hour.
func hourly(limit int64) *limits.Rule {
	return &limits.Rule{Unit: limits.Requests, Window: limits.Window{Kind: limits.Sliding, Length: time.Hour}, Limit: limit}
}

// once asks for one request of somebody.
func once(r *limits.Rule, who string) *limits.Decision {
	return &limits.Decision{Checks: []limits.Check{{Rule: r, Key: limits.Key{Level: "demo", Subject: who}, Weight: 1}}}
}

// budget is a hard budget of a month.
var budget = &limits.Rule{
	Unit: limits.Cost, Window: limits.Window{Kind: limits.Calendar, Period: limits.Month}, Limit: 10 * limits.NanoPerUSD,
}

// spend reserves a dollar of a budget.
func spend(who string) *limits.Decision {
	d := once(budget, who)
	d.ID = limits.NewID()
	d.Checks[0].Weight = limits.NanoPerUSD
	return d
}

// reserve reserves some of a budget, once the store is sure of what has been spent. Each try
// has an id of its own: what a decision that failed may have reserved is taken back by its
// id, and with that whatever else is reserved under it.
func reserve(t *testing.T, app *gateway.App) *limits.Decision {
	t.Helper()
	var d *limits.Decision
	eventually(t, "a budget", func() bool {
		d = spend("alice")
		return app.Limits().Decide(t.Context(), d) == nil
	})
	return d
}

// decide makes a decision that must be possible.
func decide(t *testing.T, app *gateway.App, d *limits.Decision) *limits.Decision {
	t.Helper()
	if err := app.Limits().Decide(t.Context(), d); err != nil {
		t.Fatalf("decide: %v", err)
	}
	return d
}

// eventually waits for something that another goroutine or process does.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s has not happened", what)
		}
	}
}

// urlOf is the option for a server.
func urlOf(s *redistest.Server) string { return `"urls":["` + s.URL() + `"]` }

func TestGatewaysShareLimits(t *testing.T) {
	server := redistest.Start(t)
	one, two := started(t, "", urlOf(server)), started(t, "", urlOf(server))
	defer cleanup(t, one)
	defer cleanup(t, two)
	r, admitted := hourly(10), 0
	for range 10 {
		for _, app := range []*gateway.App{one, two} {
			if d := decide(t, app, once(r, "alice")); !d.Denied {
				admitted++
			}
		}
	}
	if admitted != 10 {
		t.Errorf("two gateways have admitted %d of 10", admitted)
	}
}

func TestReloadsUnderLoad(t *testing.T) {
	const limit, reloads, workers = 3000, 100, 8
	server := redistest.Start(t)
	// A decision that is too late counts in Redis and here, and may use up the limit
	// without being admitted. The machine may be busy.
	patient := urlOf(server) + `,"timeout":"5s","dial_timeout":"5s"`
	ledger := t.TempDir()
	r := hourly(limit)
	var app atomic.Pointer[gateway.App]
	app.Store(started(t, ledger, patient))
	var admitted, denied, degraded atomic.Int64
	ended := make(chan struct{})
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for {
				select {
				case <-ended:
					return
				default:
				}
				d := once(r, "alice")
				if err := app.Load().Limits().Decide(t.Context(), d); err != nil {
					t.Errorf("decide: %v", err)
					return
				}
				if d.Degraded {
					degraded.Add(1)
				}
				if d.Denied {
					denied.Add(1)
				} else {
					admitted.Add(1)
				}
			}
		})
	}
	for range reloads {
		old := app.Swap(started(t, ledger, patient))
		cleanup(t, old)
	}
	eventually(t, "using up the limit", func() bool { return denied.Load() > 0 })
	close(ended)
	all.Wait()
	// A busy machine may let Redis be too late for single decisions, which then count
	// in it without being admitted, or are admitted without it.
	if n, more := admitted.Load(), degraded.Load(); n < limit-more || n > limit+more {
		t.Errorf("%d of %d requests were admitted, %d decisions without Redis", n, limit, more)
	}
	cleanup(t, app.Load())
}

func TestRedisIsDownAtTheStart(t *testing.T) {
	server := redistest.Start(t)
	server.Kill()
	logged.take()
	begun := time.Now()
	app := started(t, "", urlOf(server))
	if took := time.Since(begun); took > time.Second {
		t.Errorf("the start takes %s without Redis", took)
	}
	if app.Limits().Err() == nil {
		t.Error("the store is as it should be without Redis")
	}
	r := hourly(5)
	admitted := 0
	for range 10 {
		d := decide(t, app, once(r, "alice"))
		if !d.Degraded {
			t.Error("a decision without Redis is not called one")
		}
		if !d.Denied {
			admitted++
		}
	}
	if admitted != 5 {
		t.Errorf("%d of 5 requests were admitted without Redis", admitted)
	}
	d := spend("alice")
	if err := app.Limits().Decide(t.Context(), d); err == nil || d.RetryAfter <= 0 {
		t.Errorf("a hard budget without Redis: %v, try again after %s", err, d.RetryAfter)
	}
	text := logged.take()
	if n := strings.Count(text, server.Addr); n != 1 || !strings.Contains(text, `"level":"error"`) || !strings.Contains(text, `"store":"redis"`) {
		t.Errorf("the log tells it %d times: %s", n, text)
	}
	server.Restart(true)
	eventually(t, "using Redis", func() bool { return app.Limits().Err() == nil })
	eventually(t, "a decision by Redis", func() bool { return !decide(t, app, once(hourly(1_000_000), "bob")).Degraded })
	eventually(t, "a budget", func() bool { return app.Limits().Decide(t.Context(), spend("bob")) == nil })
	eventually(t, "telling it", func() bool { return strings.Contains(logged.take(), "as it should be again") })
	cleanup(t, app)
}

func TestRedisDiesAndComesBack(t *testing.T) {
	server := redistest.Start(t)
	app := started(t, "", urlOf(server))
	decide(t, app, once(hourly(5), "alice"))
	logged.take()
	server.Kill()
	for range 100 {
		begun := time.Now()
		decide(t, app, once(hourly(1_000_000), "bob"))
		if took := time.Since(begun); took > time.Second { // the machine may be busy
			t.Errorf("a decision takes %s", took)
		}
	}
	eventually(t, "taking note", func() bool { return app.Limits().Err() != nil })
	server.Restart(true)
	eventually(t, "using Redis again", func() bool { return app.Limits().Err() == nil })
	text := ""
	eventually(t, "telling it", func() bool {
		text += logged.take()
		return strings.Contains(text, "as it should be again")
	})
	if n := strings.Count(text, server.Addr); n != 1 {
		t.Errorf("the log tells it %d times: %s", n, text)
	}
	cleanup(t, app)
}

// Budgets go on in a new config with other options, which is another connection.
func TestReloadChangesOptions(t *testing.T) {
	server := redistest.Start(t)
	ledger := t.TempDir()
	old := started(t, ledger, urlOf(server))
	reserved := reserve(t, old)
	app := started(t, ledger, urlOf(server)+`,"timeout":"200ms"`)
	cleanup(t, old)
	reserved.Checks[0].Actual = limits.NanoPerUSD / 2
	old.Limits().Settle(reserved) // its request ends after the reload
	eventually(t, "settling through the old connection", func() bool {
		checks := spend("alice").Checks
		return app.Limits().Look(t.Context(), checks) == nil && checks[0].Used == limits.NanoPerUSD/2
	})
	cleanup(t, app)
}

func TestWrongPassword(t *testing.T) {
	t.Setenv("TOLLGATE_TEST_PASSWORD", password)
	server := redistest.Start(t, "--requirepass", password)
	right := started(t, "", urlOf(server)+`,"password":"{env.TOLLGATE_TEST_PASSWORD}"`)
	if err := right.Limits().Err(); err != nil {
		t.Error(err)
	}
	cleanup(t, right)
	logged.take()
	wrong := started(t, "", urlOf(server)+`,"password":"demo-wrong-not-a-secret"`)
	err := wrong.Limits().Err()
	if err == nil || strings.Contains(err.Error()+logged.take(), "demo-wrong") {
		t.Errorf("with a wrong password: %v", err)
	}
	cleanup(t, wrong)
}

// recorded is how many requests of a consumer a ledger has.
func recorded(t *testing.T, app *gateway.App, consumer string) int64 {
	t.Helper()
	rows, err := app.Ledger().Rows(ledger.Query{Filter: ledger.Filter{Consumer: consumer}})
	if err != nil {
		t.Logf("read ledger: %v", err) // for a moment, if Redis is late
	}
	total := ledger.Sum(rows)
	return total.Requests
}

func TestGatewaysShareTheLedger(t *testing.T) {
	server := redistest.Start(t)
	here := t.TempDir()
	one, two := started(t, here, urlOf(server)), started(t, "", urlOf(server))
	record := func(app *gateway.App, consumer string) {
		app.Ledger().Record(&ledger.Record{At: time.Now(), Consumer: consumer})
	}
	record(one, "alice")
	record(two, "alice")
	for name, app := range map[string]*gateway.App{"one": one, "two": two} {
		eventually(t, "telling gateway "+name, func() bool { return recorded(t, app, "alice") == 2 })
	}
	server.Kill()
	record(one, "bob")
	if n := recorded(t, one, "bob"); n != 1 {
		t.Errorf("without Redis the gateway's own ledger has %d requests of bob", n)
	}
	server.Restart(true) // it has lost everything
	for name, app := range map[string]*gateway.App{"one": one, "two": two} {
		eventually(t, "telling gateway "+name+" again", func() bool {
			return recorded(t, app, "alice") == 2 && recorded(t, app, "bob") == 1
		})
	}
	cleanup(t, one)
	if n := recorded(t, two, "alice"); n != 2 {
		t.Errorf("after the end of the other gateway there are %d requests of alice", n)
	}
	cleanup(t, two)
}

func TestStoreLeavesNothing(t *testing.T) {
	server := redistest.Start(t)
	dir := t.TempDir()
	work := func() {
		app := started(t, dir, urlOf(server))
		decide(t, app, once(hourly(1_000_000), "alice"))
		app.Ledger().Record(&ledger.Record{At: time.Now(), Consumer: "alice"})
		cleanup(t, app)
	}
	work()
	goroutines := runtime.NumGoroutine()
	for range 10 {
		work()
	}
	eventually(t, "the end of all goroutines", func() bool { return runtime.NumGoroutine() <= goroutines+2 })
}

// What was settled while Redis was down is not forgotten by the end of the gateway.
func TestSettlementsOutliveTheProcess(t *testing.T) {
	server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	dir := t.TempDir()
	app := started(t, dir, urlOf(server))
	reserved := reserve(t, app)
	server.Kill()
	eventually(t, "taking note", func() bool { return app.Limits().Err() != nil })
	reserved.Checks[0].Actual = limits.NanoPerUSD / 4
	app.Limits().Settle(reserved)
	cleanup(t, app) // which cannot tell Redis
	server.Restart(false)
	app = started(t, dir, urlOf(server))
	eventually(t, "settling after the start", func() bool {
		checks := spend("alice").Checks
		return app.Limits().Look(t.Context(), checks) == nil && checks[0].Used == limits.NanoPerUSD/4
	})
	cleanup(t, app)
}

func TestSettlements(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open := func(want int) *settlements {
		t.Helper()
		s, left, err := openSettlements(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(left) != want {
			t.Errorf("%d settlements wait, want %d", len(left), want)
		}
		return s
	}
	s := open(0)
	kept := limits.NewID()
	if err := s.Save(kept, []byte("kept")); err != nil {
		t.Fatal(err)
	}
	for range 3 * releaseEvery {
		id := limits.NewID()
		if err := s.Save(id, []byte("done")); err != nil {
			t.Fatal(err)
		}
		s.Done(id)
		s.Done(id)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(1)
	s.Done(kept)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s = open(0); len(s.order) != 0 {
		t.Errorf("%d settlements are remembered for nothing", len(s.order))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(kept, nil); err == nil {
		t.Error("what is closed keeps something")
	}
}
