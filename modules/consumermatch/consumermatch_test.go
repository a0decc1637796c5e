// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package consumermatch

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

const people = `{"groups": [{"name": "staff"}, {"name": "guests"}], "consumers": [
	{"name": "bob", "groups": ["staff"]}, {"name": "alice"}, {"name": "nobody", "groups": ["guests"]}
]}`

func provisioned(t testing.TB) (caddy.Context, *gateway.App) {
	t.Helper()
	ctx, err := caddy.ProvisionContext(&caddy.Config{AppsRaw: caddy.ModuleMap{"gateway": json.RawMessage(people)}})
	if err != nil {
		t.Fatalf("provision gateway app: %v", err)
	}
	app, err := gateway.Get(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return ctx, app
}

// of makes a request of a consumer, or of nobody.
func of(t testing.TB, app *gateway.App, name string, anonymous bool) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), httptest.NewRecorder(), new(caddyhttp.Server))
	if name != "" {
		rq := state.Ensure(r)
		rq.Credential, rq.Anonymous = app.ConsumerTable().Anonymous(name), anonymous
	}
	return r
}

func TestMatch(t *testing.T) {
	ctx, app := provisioned(t)
	bob, alice := of(t, app, "bob", false), of(t, app, "alice", false)
	nobody, unknown := of(t, app, "nobody", true), of(t, app, "", false)
	rows := []struct {
		name, module, config       string
		bob, alice, nobody, unseen bool
	}{
		{"by name", "consumer", `["bob"]`, true, false, false, false},
		{"by any of the names", "consumer", `["bob", "alice"]`, true, true, false, false},
		{"the anonymous by name", "consumer", `["nobody"]`, false, false, true, false},
		{"anybody with a key", "consumer", `[]`, true, true, false, false},
		{"by group", "consumer_group", `["staff"]`, true, false, false, false},
		{"by any of the groups", "consumer_group", `["staff", "guests"]`, true, false, true, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			mod, err := ctx.LoadModuleByID("http.matchers."+row.module, json.RawMessage(row.config))
			if err != nil {
				t.Fatal(err)
			}
			m := mod.(caddyhttp.RequestMatcherWithError)
			for _, c := range []struct {
				who  string
				r    *http.Request
				want bool
			}{{"bob", bob, row.bob}, {"alice", alice, row.alice}, {"anonymous", nobody, row.nobody}, {"unknown", unknown, row.unseen}} {
				if got, err := m.MatchWithError(c.r); err != nil || got != c.want {
					t.Errorf("%s: %v, want %v; error %v", c.who, got, c.want, err)
				}
			}
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	ctx, _ := provisioned(t)
	rows := []struct{ name, module, config, want string }{
		{"unknown consumer", "consumer", `["ghost"]`, `consumer matcher: consumer "ghost" does not exist`},
		{"unknown group", "consumer_group", `["ghosts"]`, `consumer_group matcher: group "ghosts" does not exist`},
		{"no group", "consumer_group", `[]`, "consumer_group matcher: no group is listed"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := ctx.LoadModuleByID("http.matchers."+row.module, json.RawMessage(row.config))
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error %v, want %s", err, row.want)
			}
		})
	}
}

func TestCaddyfile(t *testing.T) {
	rows := []struct{ name, src, want, err string }{
		{"one name", "@m consumer bob", `"match":[{"consumer":["bob"]}]`, ""},
		{"bare", "@m consumer", `"match":[{"consumer":[]}]`, ""},
		{"several lines", "@m {\nconsumer bob\nconsumer alice\n}", `"match":[{"consumer":["bob","alice"]}]`, ""},
		{"group", "@m consumer_group staff guests", `"match":[{"consumer_group":["staff","guests"]}]`, ""},
		{"both", "@m {\nconsumer\nconsumer_group staff\n}", `"match":[{"consumer":[],"consumer_group":["staff"]}]`, ""},
		{"twice", "@m consumer bob bob", "", `consumer: "bob" is listed twice or empty, at Caddyfile:2`},
		{"no group", "@m consumer_group", "", "consumer_group takes at least 1 argument, not 0"},
		{"block", "@m consumer bob {\nalice\n}", "", "consumer takes no block"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			src := "http://127.0.0.1 {\n" + row.src + "\nrespond @m ok\n}\n"
			adapter := caddyfile.Adapter{ServerType: httpcaddyfile.ServerType{}}
			got, _, err := adapter.Adapt([]byte(src), map[string]any{"filename": "Caddyfile"})
			if row.err != "" {
				if err == nil || !strings.Contains(err.Error(), row.err) {
					t.Errorf("error %v, want %s", err, row.err)
				}
				return
			}
			if err != nil || !strings.Contains(string(got), row.want) {
				t.Errorf("error %v, got %s, want %s", err, got, row.want)
			}
		})
	}
}

func BenchmarkMatch(b *testing.B) {
	_, app := provisioned(b)
	r := of(b, app, "bob", false)
	for name, m := range map[string]caddyhttp.RequestMatcherWithError{"consumer": MatchConsumer{"alice", "bob"}, "consumer_group": MatchConsumerGroup{"guests", "staff"}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if ok, _ := m.MatchWithError(r); !ok {
					b.Fatal("no match")
				}
			}
		})
	}
}
