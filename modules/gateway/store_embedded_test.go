// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/limitdb"
	"github.com/caddy-gateway/tollgate/modules/limits"
)

// hourly is a limit of requests an hour.
func hourly(limit int64) *limits.Rule {
	return &limits.Rule{Unit: limits.Requests, Window: limits.Window{Kind: limits.Sliding, Length: time.Hour}, Limit: limit}
}

// once asks for one request of alice.
func once(r *limits.Rule) *limits.Decision {
	return &limits.Decision{Checks: []limits.Check{{Rule: r, Key: limits.Key{Level: "demo", Subject: "alice"}, Weight: 1}}}
}

// embedded is the config of an app with an embedded store, given in JSON.
func embedded(t *testing.T, ledger, store string) string {
	t.Helper()
	return `{"ledger":{"path":` + inJSON(t, ledger) + `},"store":{"module":"embedded"` + store + `}}`
}

// embeddedApp is an app with an embedded store that has started.
func embeddedApp(t *testing.T, ledger, store string) *App {
	t.Helper()
	app, err := tryProvision(t, embedded(t, ledger, store))
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	return app
}

// usedOf is how much of a limit is used.
func usedOf(t *testing.T, app *App, r *limits.Rule) int64 {
	t.Helper()
	checks := once(r).Checks
	if err := app.Limits().Look(t.Context(), checks); err != nil {
		t.Fatal(err)
	}
	return checks[0].Used
}

func TestCountersOutliveTheProcess(t *testing.T) {
	ledger, dir := t.TempDir(), filepath.Join(t.TempDir(), "made", "by", "open")
	r := hourly(3)
	for n := range int64(3) {
		app := embeddedApp(t, ledger, `,"path":`+inJSON(t, dir))
		if used := usedOf(t, app, r); used != n {
			t.Errorf("at the start %d are used, want %d", used, n)
		}
		d := once(r)
		if err := app.Limits().Decide(t.Context(), d); err != nil || d.Denied {
			t.Fatalf("request %d: %v, %+v", n, err, d)
		}
		cleanup(t, app)
	}
	app := embeddedApp(t, ledger, `,"path":`+inJSON(t, dir))
	d := once(r)
	if err := app.Limits().Decide(t.Context(), d); err != nil || !d.Denied {
		t.Errorf("a request beyond the limit: %v, %+v", err, d)
	}
	if h := app.storeHealth(t.Context()); h.Status != HealthOK || h.Facts["path"] != dir || h.Facts["entries"] != 1 {
		t.Errorf("health is %+v", h)
	}
	cleanup(t, app)
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory is %v, %v", info, err)
	}
}

func TestDefaultStoreIsInTheDataDirectory(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_DATA_HOME", home)
	app, err := tryProvision(t, `{}`)
	if err != nil {
		t.Fatal(err)
	}
	app.NeedLimits()
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(home, "caddy", "gateway", "limits")); err != nil {
		t.Error(err)
	}
	cleanup(t, app)
}

func TestCountersOfAnotherProcess(t *testing.T) {
	dir := t.TempDir()
	db, _, err := limitdb.Open(limitdb.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	app, err := tryProvision(t, embedded(t, t.TempDir(), `,"path":`+inJSON(t, dir)))
	if err != nil {
		t.Fatal(err) // as caddy validate does beside an instance that runs
	}
	err = app.Start()
	for _, want := range []string{dir, "another process uses it", "store embedded <path>"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("start: %v, want %q", err, want)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := app.Start(); err != nil {
		t.Errorf("start when the other process has ended: %v", err)
	}
	cleanup(t, app)
}

func TestUnusableDirectoryOfCounters(t *testing.T) {
	app := provision(t, embedded(t, t.TempDir(), `,"path":`+inJSON(t, file(t, "in-the-way", "")+"/limits")))
	if err := app.Start(); err == nil || !strings.Contains(err.Error(), "in-the-way") || !strings.Contains(err.Error(), "store embedded memory") {
		t.Errorf("start: %v", err)
	}
}

// Counters go on through reloads, whichever way the store is kept.
func TestReloadsUnderLoad(t *testing.T) {
	const limit, reloads, workers = 20_000, 100, 8
	for _, store := range []string{`,"memory":true`, `,"path":` + inJSON(t, t.TempDir())} {
		t.Run(store[2:8], func(t *testing.T) {
			ledger := t.TempDir()
			r := hourly(limit)
			var app atomic.Pointer[App]
			app.Store(embeddedApp(t, ledger, store))
			var admitted atomic.Int64
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
						d := once(r)
						if err := app.Load().Limits().Decide(t.Context(), d); err != nil {
							t.Errorf("decide: %v", err)
							return
						}
						if !d.Denied {
							admitted.Add(1)
						}
					}
				})
			}
			for range reloads {
				next := embeddedApp(t, ledger, store)
				old := app.Swap(next)
				cleanup(t, old)
			}
			eventually(t, "using up the limit", func() bool { return admitted.Load() >= limit })
			close(ended)
			all.Wait()
			if n := admitted.Load(); n != limit {
				t.Errorf("%d of %d requests were admitted", n, limit)
			}
			cleanup(t, app.Load())
		})
	}
}

func TestChangedDirectoryOfCounters(t *testing.T) {
	before := linger
	linger = time.Millisecond
	t.Cleanup(func() { linger = before })
	ledger, one, two := t.TempDir(), t.TempDir(), t.TempDir()
	r := hourly(100)
	old := embeddedApp(t, ledger, `,"path":`+inJSON(t, one))
	if err := old.Limits().Decide(t.Context(), once(r)); err != nil {
		t.Fatal(err)
	}
	app := embeddedApp(t, ledger, `,"path":`+inJSON(t, two))
	cleanup(t, old)
	if used := usedOf(t, app, r); used != 0 {
		t.Errorf("in another directory %d are used", used)
	}
	again := embeddedApp(t, ledger, `,"path":`+inJSON(t, one)) // it may be closing
	if used := usedOf(t, again, r); used != 1 {
		t.Errorf("in the first directory %d are used", used)
	}
	cleanup(t, app)
	cleanup(t, again)
	eventually(t, "giving back all stores", func() bool { return len(undrained.all()) == 0 })
}

func TestChangedBoundsAreTold(t *testing.T) {
	ledger := t.TempDir()
	old := embeddedApp(t, ledger, `,"memory":true,"max_entries":5000`)
	if err := old.Limits().Decide(t.Context(), once(hourly(5))); err != nil {
		t.Fatal(err)
	}
	app := embeddedApp(t, ledger, `,"memory":true,"max_entries":6000`)
	if text := logged.take(); !strings.Contains(text, "holds after the next start") || !strings.Contains(text, `"max_entries":5000`) {
		t.Errorf("the log has %s", text)
	}
	if used := usedOf(t, app, hourly(5)); used != 1 {
		t.Errorf("after the reload %d are used", used)
	}
	cleanup(t, old)
	cleanup(t, app)
	logged.take()
}

// A store in memory is gone with the process, which the last config stands for.
func TestStoresLeaveNothing(t *testing.T) {
	ledger := t.TempDir()
	work := func() {
		app := embeddedApp(t, ledger, `,"path":`+inJSON(t, t.TempDir()))
		for i := range 1000 {
			d := once(hourly(5))
			d.Checks[0].Key.Subject = fmt.Sprint(i)
			if err := app.Limits().Decide(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
		cleanup(t, app)
	}
	work()
	goroutines := runtime.NumGoroutine()
	for range 10 {
		work()
	}
	eventually(t, "the end of all goroutines", func() bool { return runtime.NumGoroutine() <= goroutines+2 })
	for range 2 {
		app := embeddedApp(t, ledger, `,"memory":true`)
		if used := usedOf(t, app, hourly(5)); used != 0 {
			t.Errorf("%d are used at the start", used)
		}
		if err := app.Limits().Decide(t.Context(), once(hourly(5))); err != nil {
			t.Fatal(err)
		}
		cleanup(t, app)
	}
}

// What is admitted by a hard budget is charged if its request never settles.
func TestReservationsOutliveTheProcess(t *testing.T) {
	ledger, dir := t.TempDir(), `,"path":`+inJSON(t, t.TempDir())
	budget := &limits.Rule{
		Unit: limits.Cost, Window: limits.Window{Kind: limits.Calendar, Period: limits.Month}, Limit: 10 * limits.NanoPerUSD,
	}
	spend := func(app *App, usd int64) *limits.Decision {
		d := &limits.Decision{ID: limits.NewID(), Checks: []limits.Check{{
			Rule: budget, Key: limits.Key{Level: "demo", Subject: "alice"}, Weight: usd * limits.NanoPerUSD,
		}}}
		if err := app.Limits().Decide(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		return d
	}
	app := embeddedApp(t, ledger, dir)
	spend(app, 6) // and the process ends
	settled := spend(app, 4)
	settled.Checks[0].Actual = 1 * limits.NanoPerUSD
	app.Limits().Settle(settled)
	cleanup(t, app)
	app = embeddedApp(t, ledger, dir)
	if used := usedOf(t, app, budget); used != 7*limits.NanoPerUSD {
		t.Errorf("%d are used, want 7 USD", used)
	}
	if d := spend(app, 4); !d.Denied {
		t.Error("a budget is exceeded after a restart")
	}
	if d := spend(app, 3); d.Denied {
		t.Error("what is left of a budget is denied")
	}
	cleanup(t, app)
	if err := app.Limits().Decide(t.Context(), once(budget)); err == nil || errors.Is(err, errDemo) {
		t.Errorf("a decision after the end: %v", err)
	}
}
