// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
)

func TestReloadKeepsUsage(t *testing.T) {
	old, err := tryProvision(t, `{"ledger":{"memory":true},"consumers":[{"name":"alice"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	old.Record(request("alice", "gpt-4o"))

	// As Caddy does it: the new config is there before the old one goes.
	app := provision(t, `{"ledger":{"memory":true},"consumers":[{"name":"alice"},{"name":"bob"}]}`)
	if err := old.Cleanup(); err != nil {
		t.Fatal(err)
	}
	app.Record(request("alice", "gpt-4o"))
	// A request of the old config that is still streaming ends now.
	late := request("alice", "gpt-4o")
	old.Record(late)
	old.Observe(late, ok())

	if rows, err := app.Ledger().Rows(ledger.Query{By: everything}); err != nil || len(rows) != 1 || rows[0].Requests != 3 {
		t.Errorf("after the reload the ledger has %+v, want one row of three requests", rows)
	}
}

func TestEndOfProcessState(t *testing.T) {
	app, err := tryProvision(t, `{"ledger":{"memory":true}}`)
	if err != nil {
		t.Fatal(err)
	}
	app.Record(request("alice", "gpt-4o"))
	if err := app.Cleanup(); err != nil {
		t.Fatal(err)
	}
	if rows, err := provision(t, `{"ledger":{"memory":true}}`).Ledger().Rows(ledger.Query{}); err != nil || len(rows) != 0 {
		t.Errorf("a gateway that was stopped in between begins with %+v", rows)
	}
}

func TestReloadUnderTheAdminEndpoint(t *testing.T) {
	address := instanceOf(t, `{"consumers":[{"name":"alice"}]}`)
	active(t).Record(request("alice", "gpt-4o"))
	names := func() (names string) {
		t.Helper()
		for _, c := range get[consumerPage](t, address, "/gateway/consumers").Consumers {
			names += c.Name + " "
		}
		return names
	}
	if got := names(); got != "alice " {
		t.Fatalf("consumers are %q", got)
	}
	if err := load(t, address, `{"consumers":[{"name":"bob"}]}`); err != nil {
		t.Fatal(err)
	}
	if got := names(); got != "bob " {
		t.Errorf("after the reload consumers are %q, want bob", got)
	}
	if total := get[usageList](t, address, "/gateway/usage").Total; total.Requests != 1 {
		t.Errorf("after the reload usage is %+v, want the request of before", total)
	}
	// Caddy has put up a new admin endpoint by the time it refuses a config.
	if err := load(t, address, `{"consumers":[{"name":"carol"},{"name":"carol"}]}`); err == nil {
		t.Fatal("a consumer was accepted twice")
	}
	if got := names(); got != "bob " {
		t.Errorf("after a refused reload consumers are %q, want bob", got)
	}
	if got := get[healthView](t, address, "/gateway/health").Status; got != HealthOK {
		t.Errorf("after a refused reload health is %s", got)
	}
}

// Reloads neither close the ledger nor leave anything behind.
func TestManyReloads(t *testing.T) {
	address := instanceOf(t, `{}`)
	d := active(t).disk
	end := open(t, active(t))
	for i := range 30 {
		active(t).Record(request("alice", "gpt-4o"))
		if err := load(t, address, fmt.Sprintf(`{"metrics_consumers":%d}`, i+1)); err != nil {
			t.Fatal(err)
		}
	}
	if active(t).disk != d {
		t.Error("a reload has opened the ledger again")
	}
	end()
	eventually(t, "giving back the ledger", func() bool { return d.usedBy() == 1 })
	running := func(what string) int {
		buf := make([]byte, 1<<20)
		return strings.Count(string(buf[:runtime.Stack(buf, true)]), what)
	}
	eventually(t, "the end of what waits for old configs", func() bool { return running("(*App).drain") == 0 })
	if n := running("(*DB).loop("); n != 1 {
		t.Errorf("%d ledgers are open", n)
	}
	if got := requests(t, active(t).Ledger()); got != 31 {
		t.Errorf("the ledger has %d requests, want 31", got)
	}
}
