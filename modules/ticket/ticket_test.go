// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ticket

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
	"github.com/caddy-gateway/tollgate/modules/internal/recorddb"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/internal/tickets"
)

const (
	aliceKey = "demo-key-of-alice"
	app      = "https://app.example.com"
)

func provisioned(t *testing.T, store string) (caddy.Context, *gateway.App) {
	t.Helper()
	config := fmt.Sprintf(`{"ledger": {"memory": true}, "store": {"module": "embedded", %s},
		"consumers": [{"name": "alice", "keys": [%q]}, {"name": "guest", "oauth_clients": [{"id": "demo-client"}]}]}`, store, apikey.Hash(aliceKey))
	ctx, err := caddy.ProvisionContext(&caddy.Config{AppsRaw: caddy.ModuleMap{"gateway": json.RawMessage(config)}})
	if err != nil {
		t.Fatal(err)
	}
	app, err := gateway.Get(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return ctx, app
}

func load(t *testing.T, ctx caddy.Context, config string) *Handler {
	t.Helper()
	mod, err := ctx.LoadModuleByID("http.handlers.gateway_ticket", json.RawMessage(config))
	if err != nil {
		t.Fatal(err)
	}
	return mod.(*Handler)
}

// call sends a request of a caller to a handler.
func call(t *testing.T, h *Handler, r *http.Request, known func(rq *state.Request)) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, new(caddyhttp.Server))
	known(state.Ensure(r))
	if err := h.ServeHTTP(w, r, nil); err != nil {
		if he, ok := err.(caddyhttp.HandlerError); ok { //nolint:errorlint // As Caddy does it.
			w.WriteHeader(he.StatusCode)
		} else {
			t.Fatal(err)
		}
	}
	return w
}

func post(t *testing.T, body string, header ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/tickets", strings.NewReader(body))
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	return r
}

func read(t *testing.T, w *httptest.ResponseRecorder) answer {
	t.Helper()
	var a answer
	if w.Code != 200 || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("status %d, %v, %s", w.Code, w.Header(), w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || !tickets.WellFormed(a.Ticket) {
		t.Fatalf("body %s, %v", w.Body, err)
	}
	return a
}

func redeem(t *testing.T, g *gateway.App, text string) *tickets.Ticket {
	t.Helper()
	ticket, err := tickets.Redeem(t.Context(), g.Records(), text)
	if err != nil || ticket == nil {
		t.Fatalf("Redeem = %v, %v", ticket, err)
	}
	return ticket
}

const inMemory = `"memory": true`

func TestExchange(t *testing.T) {
	ctx, g := provisioned(t, inMemory)
	alice := g.ConsumerTable().Consumer("alice").Credentials()[0]
	byKey := func(rq *state.Request) { rq.Credential = alice }
	token := &state.Token{Issuer: "i", Scopes: []string{"a"}, Claims: map[string]any{"n": json.Number("1")}, Expires: time.Now().Add(10500 * time.Millisecond)}
	key := tickets.Ticket{Consumer: "alice", Credential: alice.ID}
	bound := func(t tickets.Ticket, origin string) tickets.Ticket {
		t.Bound, t.Origin = true, origin
		return t
	}
	onPath := func(t tickets.Ticket, path, route string) tickets.Ticket {
		t.Path, t.Route = path, route
		return t
	}
	rows := []struct {
		name, config string
		request      *http.Request
		known        func(rq *state.Request)
		want         tickets.Ticket
		seconds      int64
	}{
		{"page", `{}`, post(t, "", "Origin: "+app), byKey, bound(key, app), 30},
		{"no page", `{}`, post(t, ""), byKey, bound(key, ""), 30},
		{"for a page", `{"ttl": "5m"}`, post(t, `{"origin": "`+app+`"}`), byKey, bound(key, app), 300},
		{"both", `{"ttl": "1s"}`, post(t, `{"origin": "`+app+`"}`, "Origin: "+app), byKey, bound(key, app), 1},
		{"unbound", `{"origin": false}`, post(t, "", "Origin: "+app), byKey, key, 30},
		{"nobody's origin", `{"origin": false}`, post(t, "", "Origin: null"), byKey, key, 30},
		{"path and route", `{"origin": false, "path": "/ws/*", "route": "chat"}`, post(t, ""), byKey, onPath(key, "/ws/*", "chat"), 30},
		{"a narrower path", `{"origin": false, "path": "/ws/*"}`, post(t, `{"path": "/ws/a"}`), byKey, onPath(key, "/ws/a", ""), 30},
		{"unknown members", `{"origin": false}`, post(t, `{"more": {"origin": 1}}`), byKey, key, 30},
		{
			"client", `{"origin": false}`, post(t, ""), func(rq *state.Request) {
				rq.Credential = g.ConsumerTable().Client("demo-client").Credential
			},
			tickets.Ticket{Consumer: "guest", Credential: "oauth2:demo-client"},
			30,
		},
		{
			"token", `{"origin": false}`, post(t, ""), func(rq *state.Request) {
				rq.Credential, rq.Token = alice.Consumer.Keyless("jwt:demo"), token
			},
			tickets.Ticket{Consumer: "alice", Credential: "jwt:demo", Keyless: true, Token: &tickets.Token{
				Issuer: "i", Scopes: []string{"a"}, Claims: map[string]any{"n": json.Number("1")}, Expires: token.Expires,
			}},
			10,
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			a := read(t, call(t, load(t, ctx, row.config), row.request, row.known))
			if a.ExpiresIn != row.seconds {
				t.Errorf("good for %d s", a.ExpiresIn)
			}
			got := redeem(t, g, a.Ticket)
			if got.Token != nil && row.want.Token != nil && got.Token.Expires.Equal(row.want.Token.Expires) {
				got.Token.Expires = row.want.Token.Expires
			}
			if !reflect.DeepEqual(*got, row.want) {
				t.Errorf("ticket %+v, want %+v", *got, row.want)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	ctx, g := provisioned(t, inMemory)
	alice := g.ConsumerTable().Consumer("alice").Credentials()[0]
	guest := g.ConsumerTable().Anonymous("guest")
	byKey := func(rq *state.Request) { rq.Credential = alice }
	get := post(t, "")
	get.Method = http.MethodGet
	rows := []struct {
		name    string
		request *http.Request
		known   func(rq *state.Request)
		status  int
		code    string
	}{
		{"GET", get, byKey, 405, "method_not_allowed"},
		{"nobody", post(t, ""), func(*state.Request) {}, 401, "consumer_unknown"},
		{"anonymous", post(t, ""), func(rq *state.Request) { rq.Credential, rq.Anonymous = guest, true }, 401, "consumer_unknown"},
		{"by a ticket", post(t, ""), func(rq *state.Request) { rq.Credential, rq.ByTicket = alice, true }, 403, "ticket_not_allowed"},
		{"token that ends", post(t, ""), func(rq *state.Request) {
			rq.Credential, rq.Token = alice, &state.Token{Expires: time.Now().Add(time.Second / 2)}
		}, 401, "ticket_not_allowed"},
		{"two origins", post(t, "", "Origin: "+app, "Origin: "+app), byKey, 400, "ticket_request_invalid"},
		{"null", post(t, "", "Origin: null"), byKey, 400, "ticket_request_invalid"},
		{"origin with a path", post(t, `{"origin": "https://app.example.com/"}`), byKey, 400, "ticket_request_invalid"},
		{"another origin", post(t, `{"origin": "https://evil.example"}`, "Origin: "+app), byKey, 400, "ticket_request_invalid"},
		{"empty origin", post(t, `{"origin": ""}`), byKey, 400, "ticket_request_invalid"},
		{"no text", post(t, `{"origin": 1}`), byKey, 400, "ticket_request_invalid"},
		{"list", post(t, `[]`), byKey, 400, "ticket_request_invalid"},
		{"twice", post(t, `{"path": "/a", "path": "/b"}`), byKey, 400, "ticket_request_invalid"},
		{"no path", post(t, `{"path": "ws/a"}`), byKey, 400, "ticket_request_invalid"},
		{"all paths", post(t, `{"path": "/ws/*"}`), byKey, 400, "ticket_request_invalid"},
		{"path outside", post(t, `{"path": "/admin"}`), byKey, 400, "ticket_request_invalid"},
		{"path by a detour", post(t, `{"path": "/ws/../admin"}`), byKey, 400, "ticket_request_invalid"},
		{"long body", post(t, `{"x": "`+strings.Repeat("x", maxBody)+`"}`), byKey, 413, "body_too_large"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := call(t, load(t, ctx, `{"path": "/ws/*"}`), row.request, row.known)
			if w.Code != row.status || !strings.Contains(w.Body.String(), `"`+row.code+`"`) {
				t.Errorf("status %d, %s", w.Code, w.Body)
			}
			if row.status == 405 && w.Header().Get("Allow") != "POST" {
				t.Errorf("headers %v", w.Header())
			}
		})
	}
	if list, err := g.Records().List(t.Context(), ""); err != nil || len(list) != 0 {
		t.Errorf("there are %v, %v", list, err)
	}
}

func TestRecordsGone(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, recorddb.FileName), make([]byte, 1<<16), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, g := provisioned(t, fmt.Sprintf(`"path": %q`, dir))
	alice := g.ConsumerTable().Consumer("alice").Credentials()[0]
	w := call(t, load(t, ctx, `{}`), post(t, ""), func(rq *state.Request) { rq.Credential = alice })
	if w.Code != 503 || !strings.Contains(w.Body.String(), "tickets_unavailable") || w.Header().Get("Retry-After") != "1" || strings.Contains(w.Body.String(), dir) {
		t.Errorf("status %d, %v, %s", w.Code, w.Header(), w.Body)
	}
}

func TestUnmarshalCaddyfile(t *testing.T) {
	for name, tt := range map[string]struct{ src, want, err string }{
		"bare":          {"gateway_ticket", `{}`, ""},
		"everything":    {"gateway_ticket {\n ttl 1m\n origin off\n path /ws/*\n route chat\n}", `{"ttl":60000000000,"origin":false,"path":"/ws/*","route":"chat"}`, ""},
		"argument":      {"gateway_ticket 30s", "", "gateway_ticket takes no arguments"},
		"too long":      {"gateway_ticket {\n ttl 6m\n}", "", "at most 5m"},
		"too short":     {"gateway_ticket {\n ttl 1ms\n}", "", "at least 1s"},
		"no path":       {"gateway_ticket {\n path ws\n}", "", "begins with a slash"},
		"empty path":    {"gateway_ticket {\n path \"\"\n}", "", "begins with a slash"},
		"asterisk":      {"gateway_ticket {\n path /*/a\n}", "", "may end in an asterisk"},
		"twice":         {"gateway_ticket {\n ttl 1m\n ttl 2m\n}", "", "ttl is given twice"},
		"unknown":       {"gateway_ticket {\n uses 2\n}", "", `unknown option "uses"`},
		"several paths": {"gateway_ticket {\n path /a /b\n}", "", "path takes"},
	} {
		t.Run(name, func(t *testing.T) {
			h := new(Handler)
			err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser(tt.src))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) || !strings.Contains(err.Error(), "Testfile:") {
					t.Errorf("error %v, want %s", err, tt.err)
				}
				return
			}
			if got, _ := json.Marshal(h); err != nil || string(got) != tt.want {
				t.Errorf("got %s, %v", got, err)
			}
		})
	}
}

func TestBadConfig(t *testing.T) {
	ctx, _ := provisioned(t, inMemory)
	for config, want := range map[string]string{
		`{"ttl": "6m"}`:    "write a duration",
		`{"ttl": "1ms"}`:   "write a duration",
		`{"path": "ws"}`:   "begins with a slash",
		`{"path": "/*/a"}`: "may end in an asterisk",
	} {
		if _, err := ctx.LoadModuleByID("http.handlers.gateway_ticket", json.RawMessage(config)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", config, err)
		}
	}
}
