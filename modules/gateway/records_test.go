// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-gateway/tollgate/modules/internal/recorddb"
	"github.com/caddy-gateway/tollgate/modules/records"
)

// withRecords provisions an app with something that needs records, and starts it.
func withRecords(t *testing.T, config string) *App {
	t.Helper()
	app, err := tryProvision(t, config)
	if err != nil {
		t.Fatal(err)
	}
	app.NeedRecords()
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	return app
}

func keep(t *testing.T, app *App, key, value string) {
	t.Helper()
	if err := app.Records().Put(t.Context(), key, []byte(value), time.Hour); err != nil {
		t.Fatal(err)
	}
}

func kept(t *testing.T, app *App, key string) string {
	t.Helper()
	value, _, err := app.Records().Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(value)
}

func embeddedIn(t *testing.T, dir, option string) string {
	t.Helper()
	return `{"ledger":{"memory":true},"store":{"module":"embedded","path":` + inJSON(t, dir) + option + `}}`
}

func TestRecordsAreOpenedWhenNeeded(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, recorddb.FileName)
	app, err := tryProvision(t, embeddedIn(t, dir, ""))
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("records that nobody needs are open")
	}
	if _, there := app.checkHealth(t.Context()).Parts["records"]; there {
		t.Error("records that nobody needs are in the health of the gateway")
	}
	cleanup(t, app)
	checked, err := tryProvision(t, embeddedIn(t, dir, ""))
	if err != nil {
		t.Fatal(err)
	}
	checked.NeedRecords()
	cleanup(t, checked) // as caddy validate does
	if _, err := os.Stat(file); err == nil {
		t.Error("a config that was only checked has opened records")
	}
}

// TestRecordsOutliveReloadAndProcess: what is kept is there with the next config, and
// after everything was closed.
func TestRecordsOutliveReloadAndProcess(t *testing.T) {
	dir := t.TempDir()
	first := withRecords(t, embeddedIn(t, dir, ""))
	keep(t, first, "a:1", "one")
	next := withRecords(t, embeddedIn(t, dir, `,"max_entries":2000`))
	if got := kept(t, next, "a:1"); got != "one" {
		t.Errorf("after a reload there is %q", got)
	}
	cleanup(t, first)
	keep(t, next, "a:2", "two")
	health := next.checkHealth(t.Context()).Parts["records"]
	if health.Status != HealthOK || health.Facts["records"] != int64(2) || health.Facts["store"] != "embedded" {
		t.Errorf("health is %+v", health)
	}
	next.giveBack()
	if _, _, err := next.Records().Get(t.Context(), "a:1"); !errors.Is(err, records.ErrUnavailable) {
		t.Errorf("after the end: %v", err)
	}
	cleanup(t, next)
	later := withRecords(t, embeddedIn(t, dir, ""))
	defer cleanup(t, later)
	if got := kept(t, later, "a:1") + kept(t, later, "a:2"); got != "onetwo" {
		t.Errorf("after a restart there is %q", got)
	}
}

func TestRecordsInMemory(t *testing.T) {
	const config = `{"ledger":{"memory":true},"store":{"module":"embedded","memory":true}}`
	app := withRecords(t, config)
	keep(t, app, "a:1", "one")
	next := withRecords(t, config)
	cleanup(t, app)
	if got := kept(t, next, "a:1"); got != "one" {
		t.Errorf("after a reload there is %q", got)
	}
	cleanup(t, next)
}

// A request may come before Caddy starts the gateway.
func TestRecordsAreOpenedByTheFirstUse(t *testing.T) {
	app, err := tryProvision(t, embeddedIn(t, t.TempDir(), ""))
	if err != nil {
		t.Fatal(err)
	}
	app.NeedRecords()
	keep(t, app, "a:1", "one")
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	if got := kept(t, app, "a:1"); got != "one" {
		t.Errorf("there is %q", got)
	}
	cleanup(t, app)
}

// altered is a directory with records of which one is not as it was written.
func altered(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	app := withRecords(t, embeddedIn(t, dir, ""))
	keep(t, app, "a:1", "demo-value")
	cleanup(t, app)
	name := filepath.Join(dir, recorddb.FileName)
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(strings.ReplaceAll(string(data), "demo-value", "demo-vague")), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestRecordsThatCannotBeOpened(t *testing.T) {
	forgetDemos(t)
	damaged := t.TempDir()
	if err := os.WriteFile(filepath.Join(damaged, recorddb.FileName), []byte(strings.Repeat("x", 1<<16)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ config, want string }{
		"damaged":           {embeddedIn(t, damaged, ""), damaged},
		"of other bytes":    {embeddedIn(t, altered(t), ""), "caddy gateway records restore <file> --store "},
		"none in the store": {withDemo(t, t.TempDir(), `"name":"x"`), "store demo keeps no records"},
	} {
		t.Run(name, func(t *testing.T) {
			app, err := tryProvision(t, test.config)
			if err != nil {
				t.Fatal(err)
			}
			app.NeedRecords()
			for range 2 {
				if err := app.Records().Put(t.Context(), "a:1", nil, 0); !errors.Is(err, records.ErrUnavailable) {
					t.Errorf("before the start: %v", err)
				}
			}
			if err := app.Start(); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Start() = %v, want %q", err, test.want)
			}
			app.giveBack()
			cleanup(t, app)
		})
	}
}

func TestRecordMetrics(t *testing.T) {
	app := withRecords(t, embeddedIn(t, t.TempDir(), ""))
	defer cleanup(t, app)
	reg := prometheus.NewPedanticRegistry()
	if err := app.shared.metrics.register(reg); err != nil {
		t.Fatal(err)
	}
	gathered := func() map[string]float64 {
		t.Helper()
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		values := make(map[string]float64)
		for _, f := range families {
			if name := f.GetName(); strings.HasPrefix(name, "caddy_gateway_record") {
				for _, one := range f.GetMetric() {
					for _, l := range one.GetLabel() {
						name += " " + l.GetValue()
					}
					values[name] = one.GetGauge().GetValue() + one.GetCounter().GetValue()
					name = f.GetName()
				}
			}
		}
		return values
	}
	before := gathered()
	r, ctx := app.Records(), t.Context()
	keep(t, app, "a:1", "one")
	_, errAdd := r.Add(ctx, "a:1", nil, 0)
	_, _, errTake := r.Take(ctx, "a:1")
	_, errList := r.List(ctx, "")
	keep(t, app, "a:2", "two")
	if err := errors.Join(errAdd, errTake, errList, r.Delete(ctx, "a:3")); err != nil {
		t.Fatal(err)
	}
	if err := r.Put(ctx, "a b", nil, 0); !errors.Is(err, records.ErrInvalid) {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if err := r.Put(gone, "a:4", nil, 0); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	// A store that is waited for until the time is over has not answered.
	late, end := context.WithDeadline(ctx, time.Unix(0, 0))
	defer end()
	if err := r.Put(late, "a:4", nil, 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	after := gathered()
	for name, want := range map[string]float64{
		"caddy_gateway_records embedded": 1, "caddy_gateway_record_operations_total put ok": 2,
		"caddy_gateway_record_operations_total put invalid": 1, "caddy_gateway_record_operations_total put canceled": 1,
		"caddy_gateway_record_operations_total put unavailable": 1,
		"caddy_gateway_record_operations_total add ok":          1, "caddy_gateway_record_operations_total take ok": 1,
		"caddy_gateway_record_operations_total list ok": 1, "caddy_gateway_record_operations_total delete ok": 1,
	} {
		if got := after[name] - before[name]; got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if after["caddy_gateway_record_bytes embedded"] <= 0 {
		t.Error("records take no memory")
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "gateway.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"record_operations_total", "records", "record_bytes"} {
		if !strings.Contains(string(page), "| `caddy_gateway_"+name+"` |") {
			t.Errorf("the page does not name %s", name)
		}
	}
}
