// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/limits"
)

// withDemo is the config of an app with a demo store, and a ledger in a directory.
func withDemo(t *testing.T, dir, store string) string {
	t.Helper()
	return `{"ledger":{"path":` + inJSON(t, dir) + `},"store":{"module":"demo",` + store + `}}`
}

// demoApp provisions an app with a demo store, and starts it.
func demoApp(t *testing.T, dir, store string) *App {
	t.Helper()
	app, err := tryProvision(t, withDemo(t, dir, store))
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	return app
}

func decide(t *testing.T, app *App) *limits.Decision {
	t.Helper()
	d := new(limits.Decision)
	if err := app.Limits().Decide(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestStoreIsOpenedWhenNeeded(t *testing.T) {
	forgetDemos(t)
	home := t.TempDir()
	t.Setenv("XDG_DATA_HOME", home)
	app, err := tryProvision(t, `{"ledger":{"memory":true}}`)
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	if _, there := app.checkHealth(t.Context()).Parts["store"]; there {
		t.Error("a store that nobody needs is in the health of the gateway")
	}
	cleanup(t, app)
	needed, err := tryProvision(t, `{"ledger":{"memory":true}}`)
	if err != nil {
		t.Fatal(err)
	}
	needed.NeedLimits()
	cleanup(t, needed) // as caddy validate does
	if files, err := os.ReadDir(home); err != nil || len(files) != 0 {
		t.Errorf("without use there are %v, %v", files, err)
	}
	named := demoApp(t, t.TempDir(), `"name":"x"`)
	opened(t, 1)
	cleanup(t, named)
}

// A decision may come before Caddy starts the gateway.
func TestStoreIsOpenedByTheFirstDecision(t *testing.T) {
	forgetDemos(t)
	app, err := tryProvision(t, withDemo(t, t.TempDir(), `"name":"x"`))
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Limits().Err(); err != nil {
		t.Errorf("before the first decision: %v", err)
	}
	app.Limits().Settle(new(limits.Decision)) // opens nothing
	opened(t, 0)
	decide(t, app)
	o := opened(t, 1)[0]
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	decide(t, app)
	app.Limits().Settle(new(limits.Decision))
	if err := errors.Join(app.Limits().Look(t.Context(), nil), app.Limits().Reset(t.Context(), nil)); err != nil {
		t.Fatal(err)
	}
	if opened(t, 1); o.decided != 2 || o.settled != 1 || o.lookedAt != 1 || o.resetCounters != 1 {
		t.Errorf("the store was asked %+v", o)
	}
	cleanup(t, app)
	if n, _ := o.closings(); n != 1 {
		t.Errorf("the store was closed %d times", n)
	}
	// A refused config has asked, and never starts.
	refused, err := tryProvision(t, withDemo(t, t.TempDir(), `"name":"y"`))
	if err != nil {
		t.Fatal(err)
	}
	decide(t, refused)
	refused.Record(request("alice", "gpt-4o"))
	cleanup(t, refused)
	if n := stored(t, refused.ledgerDir); n != 1 {
		t.Errorf("the ledger has %d requests of a refused config", n)
	}
	if n, _ := opened(t, 2)[1].closings(); n != 1 {
		t.Errorf("the store of a refused config was closed %d times", n)
	}
	if err := refused.Limits().Decide(t.Context(), new(limits.Decision)); !errors.Is(err, limits.ErrUnavailable) {
		t.Errorf("a decision after the end: %v", err)
	}
	opened(t, 2)
}

func TestStoreThatCannotBeOpened(t *testing.T) {
	forgetDemos(t)
	app := provision(t, withDemo(t, t.TempDir(), `"name":"x","refuse":true`))
	for range 2 {
		d := new(limits.Decision)
		err := app.Limits().Decide(t.Context(), d)
		if !errors.Is(err, limits.ErrUnavailable) || !strings.Contains(err.Error(), "demo store refuses") || d.RetryAfter <= 0 {
			t.Errorf("decide: %v, try again after %s", err, d.RetryAfter)
		}
	}
	if err := errors.Join(app.Limits().Look(t.Context(), nil)); err == nil {
		t.Error("a store that is not open can be looked at")
	}
	if err := app.Limits().Reset(t.Context(), nil); err == nil {
		t.Error("a store that is not open can be reset")
	}
	if err := app.Start(); err == nil || !strings.Contains(err.Error(), "open store demo: demo store refuses") {
		t.Errorf("start: %v", err)
	}
	if n := 0; len(opened(t, n)) != n {
		t.Error("it was opened")
	}
}

func TestReloadSharesTheStore(t *testing.T) {
	forgetDemos(t)
	dir := t.TempDir()
	old := demoApp(t, dir, `"name":"x","bound":1`)
	o := opened(t, 1)[0]
	end := open(t, old)
	app := demoApp(t, dir, `"name":"x","bound":2`)
	if opened(t, 1); o.tuned() != 2 {
		t.Errorf("the options of the new config are not in force: %d", o.tuned())
	}
	refused := demoApp(t, dir, `"name":"x","bound":3`)
	cleanup(t, refused)
	if o.tuned() != 2 {
		t.Errorf("those of a config that was taken back are: %d", o.tuned())
	}
	cleanup(t, old)
	decide(t, old)
	decide(t, app)
	end()
	eventually(t, "giving back the store", func() bool { return app.counters.usedAlone() })
	if n, _ := o.closings(); n != 0 {
		t.Error("the store was closed under the running config")
	}
	cleanup(t, app)
	if n, late := o.closings(); n != 1 || late != 0 {
		t.Errorf("the store was closed %d times, and asked %d times after that", n, late)
	}
}

func TestReloadChangesTheStore(t *testing.T) {
	forgetDemos(t)
	before := linger
	linger = time.Millisecond
	t.Cleanup(func() { linger = before })
	dir := t.TempDir()
	old := demoApp(t, dir, `"name":"x"`)
	end := open(t, old)
	app := demoApp(t, dir, `"name":"y"`)
	cleanup(t, old)
	two := opened(t, 2)
	old.Limits().Settle(new(limits.Decision))
	if n, late := two[0].closings(); n != 0 || late != 0 {
		t.Error("the old store is closed, although a request is to settle into it")
	}
	end()
	eventually(t, "closing the old store", func() bool { n, _ := two[0].closings(); return n == 1 })
	if two[0].env.Instance != two[1].env.Instance {
		t.Error("a reload has changed the identity of the gateway")
	}
	cleanup(t, app)
	if n, _ := two[1].closings(); n != 1 {
		t.Error("the new store is not closed")
	}
	eventually(t, "giving back all stores", func() bool { return len(undrained.all()) == 0 })
}

// A store that is being closed is not opened before that is over.
func TestStoreIsReopened(t *testing.T) {
	forgetDemos(t)
	dir := t.TempDir()
	for range 20 {
		old := demoApp(t, dir, `"name":"x"`)
		done := make(chan struct{})
		go func() { defer close(done); old.giveBack() }()
		app := demoApp(t, dir, `"name":"x"`)
		decide(t, app)
		<-done
		cleanup(t, app)
		cleanup(t, old)
	}
	demos.Lock()
	defer demos.Unlock()
	for _, o := range demos.opened {
		if n, late := o.closings(); n != 1 || late != 0 {
			t.Errorf("a store was closed %d times and used %d times after that", n, late)
		}
	}
}

func TestStoreAtTheEndOfTheProcess(t *testing.T) {
	forgetDemos(t)
	app := demoApp(t, t.TempDir(), `"name":"x"`)
	end := open(t, app)
	undrained.end(time.Millisecond)
	if n, _ := opened(t, 1)[0].closings(); n != 1 {
		t.Error("the store is open after the end of the process")
	}
	end()
	cleanup(t, app)
	logged.take()
}

func TestInstanceOutlivesTheProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	ids := make(map[string]int)
	for range 3 {
		forgetDemos(t)
		app := demoApp(t, dir, `"name":"x"`)
		ids[opened(t, 1)[0].env.Instance]++
		cleanup(t, app)
	}
	if len(ids) != 1 {
		t.Errorf("one gateway has the identities %v", ids)
	}
	name := filepath.Join(dir, instanceFile)
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info, err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".instance.*")); err != nil || len(left) != 0 {
		t.Errorf("there are %v, %v", left, err)
	}
	if err := os.WriteFile(name, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		forgetDemos(t)
		app := demoApp(t, dir, `"name":"x"`)
		ids[opened(t, 1)[0].env.Instance]++
		cleanup(t, app)
	}
	if len(ids) != 2 {
		t.Errorf("after damage the identities are %v", ids)
	}
	for id := range ids {
		if len(id) != 32 {
			t.Errorf("an identity is %q", id)
		}
	}
	memory := provision(t, `{"ledger":{"memory":true}}`)
	if id, err := memory.instanceID(); err != nil || len(id) != 32 || ids[id] > 0 {
		t.Errorf("with the ledger in memory it is %q, %v", id, err)
	}
}

func TestStoreThatFails(t *testing.T) {
	forgetDemos(t)
	before := storeCalm
	storeCalm = time.Hour
	t.Cleanup(func() { storeCalm = before })
	app := demoApp(t, t.TempDir(), `"name":"x"`)
	o := opened(t, 1)[0]
	logged.take()
	if h := app.storeHealth(t.Context()); h.Status != HealthOK || h.Facts["store"] != "demo" || h.Facts["demo"] != true {
		t.Errorf("health is %+v", h)
	}
	for range 3 { // it comes and goes
		o.fail(errors.New("demo unreachable"))
		o.fail(nil)
	}
	text := logged.take()
	for _, want := range []string{`"level":"error"`, `"logger":"gateway.store"`, `"store":"demo"`, "demo unreachable"} {
		if strings.Count(text, want) != 1 {
			t.Errorf("the log has %q not once: %s", want, text)
		}
	}
	if h := app.storeHealth(t.Context()); h.Status != HealthDegraded || !strings.Contains(h.Detail, "a moment ago") {
		t.Errorf("health of a store that comes and goes is %+v", h)
	}
	o.fail(errors.New("demo unreachable"))
	h := app.checkHealth(t.Context())
	if h.Status != HealthDegraded || h.Parts["store"].Detail != "demo unreachable" || app.Limits().Err() == nil {
		t.Errorf("health of a store that fails is %+v", h)
	}
	storeCalm = time.Millisecond
	o.fail(nil)
	eventually(t, "telling it", func() bool { return strings.Contains(logged.take(), "as it should be again") })
	if h := app.storeHealth(t.Context()); h.Status != HealthOK {
		t.Errorf("health of a store that works again is %+v", h)
	}
	cleanup(t, app)
}

func TestStoreMetrics(t *testing.T) {
	forgetDemos(t)
	m, reg := registered(t)
	app := provision(t, withDemo(t, t.TempDir(), `"name":"x"`))
	app.shared = &shared{since: time.Now(), ledger: app.shared.ledger, metrics: m}
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	o := opened(t, 1)[0]
	decide(t, app)
	o.fail(errors.New("demo unreachable"))
	decide(t, app)
	gathered := func() map[string]float64 {
		t.Helper()
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		values := make(map[string]float64)
		for _, f := range families {
			for _, one := range f.GetMetric() {
				if len(one.GetLabel()) == 1 && one.GetLabel()[0].GetName() == "store" && one.GetLabel()[0].GetValue() == "demo" {
					values[f.GetName()] = one.GetGauge().GetValue() + one.GetCounter().GetValue()
				}
			}
		}
		return values
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "gateway.md"))
	if err != nil {
		t.Fatal(err)
	}
	got := gathered()
	for name, want := range map[string]float64{
		"store_up": 0, "store_degraded_decisions_total": 1, "limit_entries": 3, "limit_bytes": 300,
		"limit_evicted_total": 2, "limit_overflowed_total": 1,
	} {
		name = "caddy_gateway_" + name
		if value, there := got[name]; !there || value != want {
			t.Errorf("%s is %v, %t, want %v", name, value, there, want)
		}
		if !strings.Contains(string(page), "| `"+name+"` |") {
			t.Errorf("the page does not name %s", name)
		}
	}
	o.fail(nil)
	if up := gathered()["caddy_gateway_store_up"]; up != 1 {
		t.Errorf("of a store that works, up is %v", up)
	}
	app.giveBack()
	after := gathered()
	if _, there := after["caddy_gateway_store_up"]; there || after["caddy_gateway_limit_evicted_total"] != 2 || after["caddy_gateway_limit_entries"] != 0 {
		t.Errorf("after the store was closed there are %v", after)
	}
	logged.take()
}

func TestSharedLedger(t *testing.T) {
	forgetDemos(t)
	for name, config := range map[string]string{
		"on disk":   withDemo(t, t.TempDir(), `"name":"x"`),
		"in memory": `{"ledger":{"memory":true},"store":{"module":"demo","name":"x"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			forgetDemos(t)
			app, err := tryProvision(t, config)
			if err != nil {
				t.Fatal(err)
			}
			app.Record(request("alice", "gpt-4o")) // early
			if err := app.Start(); err != nil {
				t.Fatal(err)
			}
			app.Record(request("alice", "gpt-4o"))
			again, err := tryProvision(t, config)
			if err != nil {
				t.Fatal(err)
			}
			if err := again.Start(); err != nil {
				t.Fatal(err)
			}
			again.Record(request("alice", "gpt-4o"))
			if o := opened(t, 1)[0]; len(o.shared) != 1 || o.kept != defaultKeep {
				t.Errorf("the ledger is shared %d times by two configs, and kept for %s", len(o.shared), o.kept)
			}
			now := time.Now()
			for instance, want := range map[string]int64{"": 4, "this": 3} {
				s, err := again.sourceOf(instance, now)
				if err != nil {
					t.Fatal(err)
				}
				list, err := s.report(ledger.Query{MaxRows: 10}, now)
				if err != nil || list.Total.Requests != want {
					t.Errorf("instance %q has %+v, %v, want %d requests", instance, list, err, want)
				}
			}
			if _, err := again.sourceOf("other", now); err == nil {
				t.Error("the ledger of another instance can be asked for")
			}
			cleanup(t, app)
			cleanup(t, again)
		})
	}
}
