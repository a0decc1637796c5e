// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package acl

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

// people is the gateway app of the tests: c1 to c4 as their groups say, and
// anonymous consumers with and without a group.
func people(profile string) string {
	return `{` + profile + `"groups": [{"name": "admin"}, {"name": "pro"}, {"name": "free"}, {"name": "hello"}, {"name": "everyone"}, {"name": "none"}],
	"consumers": [
		{"name": "c1"},
		{"name": "c2", "groups": ["admin"]},
		{"name": "c3", "groups": ["pro", "hello"]},
		{"name": "c4", "groups": ["free", "hello"]},
		{"name": "passer-by"},
		{"name": "guest", "groups": ["everyone"]}
	]}`
}

func provisioned(t testing.TB, app string) (caddy.Context, *gateway.App) {
	t.Helper()
	ctx, err := caddy.ProvisionContext(&caddy.Config{AppsRaw: caddy.ModuleMap{"gateway": json.RawMessage(app)}})
	if err != nil {
		t.Fatalf("provision gateway app: %v", err)
	}
	g, err := gateway.Get(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return ctx, g
}

func load(t testing.TB, ctx caddy.Context, config string) *Handler {
	t.Helper()
	mod, err := ctx.LoadModuleByID("http.handlers.acl", json.RawMessage(config))
	if err != nil {
		t.Fatalf("load %s: %v", config, err)
	}
	return mod.(*Handler)
}

// caller makes the request of somebody: "" is nobody, "elsewhere" somebody who
// is known to another authentication, and "anonymous:x" the anonymous x.
func caller(t testing.TB, app *gateway.App, who string) (*http.Request, *state.Request) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/request", nil)
	repl := caddy.NewReplacer()
	r = caddyhttp.PrepareRequest(r, repl, httptest.NewRecorder(), new(caddyhttp.Server))
	rq := state.Ensure(r)
	name, anonymous := strings.CutPrefix(who, "anonymous:")
	switch {
	case who == "elsewhere":
		repl.Set("http.auth.user.id", "carol")
	case who != "":
		rq.Anonymous = anonymous
		if rq.Credential = app.ConsumerTable().Anonymous(name); rq.Credential == nil {
			t.Fatalf("no consumer %s", name)
		}
	}
	return r, rq
}

// These rows are what Kong's acl shows, all of them with and without the
// profile kong, which changes texts and error bodies alone. Kong's
// always_use_authenticated_groups has no row: groups from elsewhere are not
// taken, since nothing vouches for them.
func TestDecisions(t *testing.T) {
	const nobodyKnown = "This route is for known consumers only, and nobody has identified the caller"
	rows := []struct {
		name, config, who string
		status            int
		groups            string // X-Consumer-Groups
	}{
		{"nobody", `{"allow": ["admin"]}`, "", 401, ""},
		{"nobody, deny", `{"deny": ["admin"]}`, "", 401, ""},
		{"allowed", `{"allow": ["admin"]}`, "c2", 200, "admin"},
		{"allowed, header hidden", `{"allow": ["admin"], "hide_groups_header": true}`, "c2", 200, ""},
		{"denied", `{"deny": ["admin"]}`, "c2", 403, ""},
		{"in none of the allowed", `{"allow": ["admin", "pro"]}`, "c4", 403, ""},
		{"in no group", `{"allow": ["admin"]}`, "c1", 403, ""},
		{"in no group, deny", `{"deny": ["admin"]}`, "c1", 200, ""},
		{"in one of the denied", `{"deny": ["admin", "pro"]}`, "c3", 403, ""},
		{"in none of the denied", `{"deny": ["admin", "pro"]}`, "c4", 200, "free, hello"},
		{"one allowed group is enough", `{"allow": ["admin", "pro", "hello"]}`, "c4", 200, "free, hello"},
		{"anonymous in the allowed group", `{"allow": ["everyone"]}`, "anonymous:guest", 200, "everyone"},
		{"anonymous not in the denied group", `{"deny": ["none"]}`, "anonymous:guest", 200, "everyone"},
		{"anonymous not in the allowed group", `{"allow": ["none"]}`, "anonymous:guest", 403, ""},
		{"anonymous in the denied group", `{"deny": ["everyone"]}`, "anonymous:guest", 403, ""},
		{"anonymous without groups", `{"allow": ["everyone"]}`, "anonymous:passer-by", 401, ""},
		{"known elsewhere", `{"allow": ["admin"]}`, "elsewhere", 403, ""},
		{"known elsewhere, deny", `{"deny": ["admin"]}`, "elsewhere", 403, ""},
	}
	for profile, unauthorized := range map[string]string{"": nobodyKnown, `"profile": "kong", `: "Unauthorized"} {
		ctx, app := provisioned(t, people(profile))
		for _, row := range rows {
			t.Run(profile+row.name, func(t *testing.T) {
				h := load(t, ctx, row.config)
				r, rq := caller(t, app, row.who)
				r.Header.Set("X-Consumer-Groups", "admin") // forged
				w := httptest.NewRecorder()
				var up http.Header
				err := h.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) error {
					up = r.Header.Clone()
					return nil
				}))
				if err != nil || w.Code != row.status || (up != nil) != (row.status == 200) {
					t.Fatalf("status %d, want %d; upstream %v, error %v", w.Code, row.status, up, err)
				}
				if w.Header().Get("WWW-Authenticate") != "" {
					t.Errorf("WWW-Authenticate %q", w.Header().Get("WWW-Authenticate"))
				}
				if got := up.Get("X-Consumer-Groups"); got != row.groups {
					t.Errorf("X-Consumer-Groups %q, want %q", got, row.groups)
				}
				want := map[int]string{200: "", 401: unauthorized, 403: "You cannot consume this service"}[row.status]
				if !strings.Contains(w.Body.String(), want) {
					t.Errorf("body %s, want %s", w.Body, want)
				}
				if kong := strings.Contains(w.Header().Get("Content-Type"), "application/json; charset"); row.status != 200 && kong != (profile != "") {
					t.Errorf("Content-Type %q; Kong errors %v", w.Header().Get("Content-Type"), rq.KongErrors)
				}
			})
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	ctx, _ := provisioned(t, people(""))
	rows := []struct{ name, config, want string }{
		{"nothing", `{}`, "no group is listed"},
		{"empty lists", `{"allow": [], "deny": []}`, "no group is listed"},
		{"both", `{"allow": ["admin"], "deny": ["pro"]}`, "exclude each other"},
		{"twice", `{"allow": ["admin", "admin"]}`, "listed twice or empty"},
		{"empty name", `{"allow": [""]}`, "listed twice or empty"},
		{"unknown group", `{"allow": ["admni"]}`, `group "admni" does not exist`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := ctx.LoadModuleByID("http.handlers.acl", json.RawMessage(row.config))
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error %v, want %s", err, row.want)
			}
		})
	}
}

func TestCaddyfile(t *testing.T) {
	rows := []struct{ name, src, want, err string }{
		{"allow", "acl allow admin pro", `{"allow":["admin","pro"]}`, ""},
		{"deny", "acl deny free", `{"deny":["free"]}`, ""},
		{"block", "acl {\nallow admin\nhide_groups_header\n}", `{"allow":["admin"],"handler":"acl","hide_groups_header":true}`, ""},
		{"line and block", "acl allow admin {\nhide_groups_header\n}", `{"allow":["admin"],"handler":"acl","hide_groups_header":true}`, ""},
		{"consumer as a group", "acl allow c1", `{"allow":["c1"]}`, ""},
		{"nothing", "acl", "", "acl: no group is listed; write acl allow or acl deny with the groups behind it"},
		{"neither", "acl admin", "", `acl: "admin" is neither allow nor deny`},
		{"no group", "acl allow", "", "acl: allow takes at least 1 argument, not 0"},
		{"both", "acl {\nallow admin\ndeny pro\n}", "", "exclude each other"},
		{"line and block list groups", "acl allow admin {\nallow pro\n}", "", "list them all in one place"},
		{"twice", "acl allow admin admin", "", `"admin" is listed twice or empty`},
		{"unknown group", "acl allow admni", "", `acl: group "admni" does not exist; declare it in the gateway option with: group admni`},
		{"unknown option", "acl allow admin {\nhide on\n}", "", `unknown option "hide"`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			src := "{\ngateway {\ngroup admin pro free\nconsumer c1\n}\n}\nhttp://127.0.0.1 {\n" + row.src + "\n}\n"
			adapter := caddyfile.Adapter{ServerType: httpcaddyfile.ServerType{}}
			got, _, err := adapter.Adapt([]byte(src), map[string]any{"filename": "Caddyfile"})
			if row.err != "" {
				if err == nil || !strings.Contains(err.Error(), row.err) || !strings.Contains(err.Error(), "Caddyfile:") {
					t.Errorf("error %v, want %s with file and line", err, row.err)
				}
				return
			}
			members := strings.Trim(row.want, "{}")
			if err != nil || !strings.Contains(string(got), members) {
				t.Errorf("error %v, got %s, want %s", err, got, row.want)
			}
		})
	}
}

func BenchmarkHandle(b *testing.B) {
	ctx, app := provisioned(b, people(""))
	h := load(b, ctx, `{"allow": ["admin", "hello"]}`)
	for _, who := range []string{"c2", "c4"} {
		b.Run(who, func(b *testing.B) {
			r, rq := caller(b, app, who)
			w := httptest.NewRecorder()
			next := caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })
			b.ReportAllocs()
			for b.Loop() {
				if err := h.Handle(w, r, rq, next); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
