// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewayroute

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func parse(t *testing.T, src string) (*Handler, error) {
	t.Helper()
	h := new(Handler)
	return h, h.UnmarshalCaddyfile(caddyfile.NewTestDispenser(src))
}

func TestUnmarshalCaddyfile(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"chat", "v1.models", "A-b_9", "0", strings.Repeat("x", 64)} {
		h, err := parse(t, "gateway_route "+name)
		if err != nil || h.Name != name || h.Validate() != nil {
			t.Errorf("%q: name %q, error %v, validate %v", name, h.Name, err, h.Validate())
		}
	}
}

func TestRefusedNames(t *testing.T) {
	t.Parallel()
	rows := []struct{ name, src, want string }{
		{"missing", "gateway_route", "gateway_route takes exactly 1 argument, not 0; write: gateway_route <name>, at Testfile:1"},
		{"two", "gateway_route a b", "gateway_route takes exactly 1 argument, not 2; write: gateway_route <name>, at Testfile:1"},
		{"block", "gateway_route a {\n b\n}", "gateway_route takes no block; remove the braces and what is between them, at Testfile:1"},
		{"empty", `gateway_route ""`, "gateway_route: the name is empty, at Testfile:1"},
		{"too long", "gateway_route " + strings.Repeat("x", 65), "gateway_route: the name is 65 bytes long; it may be 64, at Testfile:1"},
		{"reserved", "gateway_route _chat", `gateway_route: "_chat" begins with _, which is reserved; begin with a letter or digit, at Testfile:1`},
		{"slash", "gateway_route a/b", `gateway_route: "a/b" holds '/'; a name consists of letters, digits, _ . and -, at Testfile:1`},
		{"placeholder", "gateway_route {host}", `gateway_route: "{host}" holds '{'; a name consists of letters, digits, _ . and -, at Testfile:1`},
		{"other script", "gateway_route चैट", `gateway_route: "चैट" holds 'च'; a name consists of letters, digits, _ . and -, at Testfile:1`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if _, err := parse(t, row.src); err == nil || err.Error() != row.want {
				t.Errorf("got %v\nwant %s", err, row.want)
			}
		})
	}
	if err := (&Handler{Name: "a b"}).Validate(); err == nil || !strings.HasPrefix(err.Error(), "name: ") {
		t.Errorf("JSON with a bad name: %v", err)
	}
}

// load provisions handlers of the given names in one context.
func load(t *testing.T, names ...string) []*Handler {
	t.Helper()
	ctx, err := caddy.ProvisionContext(&caddy.Config{})
	if err != nil {
		t.Fatal(err)
	}
	handlers := make([]*Handler, len(names))
	for i, name := range names {
		mod, err := ctx.LoadModuleByID("http.handlers.gateway_route", json.RawMessage(`{"name":"`+name+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		handlers[i] = mod.(*Handler)
	}
	return handlers
}

func serve(t *testing.T, h caddyhttp.MiddlewareHandler, next caddyhttp.HandlerFunc) {
	t.Helper()
	w := httptest.NewRecorder()
	r := caddyhttp.PrepareRequest(httptest.NewRequest(http.MethodGet, "/", nil), caddy.NewReplacer(), w, &caddyhttp.Server{})
	if err := h.ServeHTTP(w, r, next); err != nil {
		t.Fatal(err)
	}
}

func TestInnermostNameCounts(t *testing.T) {
	handlers := load(t, "outer", "inner")
	outer, inner := handlers[0], handlers[1]
	var before, within, after string
	route := func(r *http.Request) string {
		repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
		return repl.ReplaceAll("{gateway.route}", "unknown")
	}
	serve(t, outer, func(w http.ResponseWriter, r *http.Request) error {
		before = route(r)
		err := inner.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) error {
			within = route(r)
			return nil
		}))
		after = state.Of(r).RouteName()
		return err
	})
	if before != "outer" || within != "inner" || after != "inner" {
		t.Errorf("before %q, within %q, after %q", before, within, after)
	}
}

func BenchmarkHandle(b *testing.B) {
	h := &Handler{Name: "chat"}
	r, w, rq := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder(), new(state.Request)
	next := caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })
	b.ReportAllocs()
	for b.Loop() {
		if err := h.Handle(w, r, rq, next); err != nil {
			b.Fatal(err)
		}
	}
}
