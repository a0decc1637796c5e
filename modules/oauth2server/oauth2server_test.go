// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package oauth2server

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
)

const demoSecret = "demo-secret-not-a-secret"

// provisioned returns a context with a gateway app that has one client.
func provisioned(t *testing.T, server string) caddy.Context {
	t.Helper()
	app := `{"ledger": {"memory": true}, "store": {"module": "embedded", "memory": true}, ` + server + `
		"consumers": [{"name": "batch", "oauth_clients": [{"id": "batch-1", "secrets": ["` + apikey.Hash(demoSecret).String() + `"], "scopes": ["chat"]}]}]}`
	ctx, err := caddy.ProvisionContext(&caddy.Config{AppsRaw: caddy.ModuleMap{"gateway": json.RawMessage(app)}})
	if err != nil {
		t.Fatalf("provision gateway app: %v", err)
	}
	return ctx
}

const demoServer = `"oauth2_server": {"issuer": "https://gw.example.com"},`

func load(t *testing.T, ctx caddy.Context, config string) *Handler {
	t.Helper()
	mod, err := ctx.LoadModuleByID("http.handlers.oauth2_token", json.RawMessage(config))
	if err != nil {
		t.Fatal(err)
	}
	return mod.(*Handler)
}

// ask sends a request, after change has had its way with it; passed says that the handler
// passed it on.
func ask(t *testing.T, h *Handler, method, path, body string, change func(*http.Request)) (w *httptest.ResponseRecorder, passed bool) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:1234"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("batch-1", demoSecret)
	w = httptest.NewRecorder()
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, new(caddyhttp.Server))
	change(r)
	if err := h.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error {
		passed = true
		return nil
	})); err != nil {
		t.Fatalf("ServeHTTP: %v", err)
	}
	return w, passed
}

func TestEndpoints(t *testing.T) {
	h := load(t, provisioned(t, demoServer), `{}`)
	lax := load(t, provisioned(t, demoServer), `{"allow_http": true}`)
	const grant = "grant_type=client_credentials"
	none := func(*http.Request) {}
	from := func(address string) func(*http.Request) {
		return func(r *http.Request) { r.RemoteAddr = address }
	}
	proxied := func(proto string) func(*http.Request) {
		return func(r *http.Request) {
			caddyhttp.SetVar(r.Context(), caddyhttp.TrustedProxyVarKey, true)
			r.Header.Set("X-Forwarded-Proto", proto)
		}
	}
	rows := []struct {
		name, method, path, body string
		h                        *Handler
		change                   func(*http.Request)
		status                   int
		want                     string
	}{
		{"token", "POST", "/oauth2/token", grant, h, none, 200, `"token_type":"Bearer"`},
		{"wrong secret", "POST", "/oauth2/token", grant, h, func(r *http.Request) { r.SetBasicAuth("batch-1", "x") }, 401, `"error":"invalid_client"`},
		{"token by GET", "GET", "/oauth2/token", "", h, none, 405, `"code":"method_not_allowed"`},
		{"revocation", "POST", "/oauth2/revoke", "token=abc", h, none, 200, `{}`},
		{"revocation by DELETE", "DELETE", "/oauth2/revoke", "", h, none, 405, `"code":"method_not_allowed"`},
		{"keys", "GET", "/oauth2/jwks", "", h, none, 200, `"kty":"EC"`},
		{"keys by HEAD", "HEAD", "/oauth2/jwks", "", h, none, 200, ``},
		{"keys by POST", "POST", "/oauth2/jwks", grant, h, none, 405, `"code":"method_not_allowed"`},
		{"metadata", "GET", "/.well-known/oauth-authorization-server", "", h, none, 200, `"token_endpoint":"https://gw.example.com/oauth2/token"`},
		{"large body", "POST", "/oauth2/token", grant + "&x=" + strings.Repeat("x", 40<<10), h, none, 413, `"code":"body_too_large"`},

		{"plain HTTP", "POST", "/oauth2/token", grant, h, from("192.0.2.7:1234"), 400, `must come over HTTPS`},
		{"plain HTTP, revocation", "POST", "/oauth2/revoke", "token=abc", h, from("192.0.2.7:1234"), 400, `must come over HTTPS`},
		{"plain HTTP, keys", "GET", "/oauth2/jwks", "", h, from("192.0.2.7:1234"), 200, `"keys"`},
		{"plain HTTP, allowed", "POST", "/oauth2/token", grant, lax, from("192.0.2.7:1234"), 200, `"access_token"`},
		{"TLS", "POST", "/oauth2/token", grant, h, func(r *http.Request) { r.RemoteAddr, r.TLS = "192.0.2.7:1234", new(tls.ConnectionState) }, 200, `"access_token"`},
		{"proxy that got TLS", "POST", "/oauth2/token", grant, h, proxied("https"), 200, `"access_token"`},
		{"proxy that got none", "POST", "/oauth2/token", grant, h, proxied("http"), 400, `must come over HTTPS`},
		{"proxy that nobody trusts", "POST", "/oauth2/token", grant, h, func(r *http.Request) {
			r.RemoteAddr = "192.0.2.7:1234"
			r.Header.Set("X-Forwarded-Proto", "https")
		}, 400, `must come over HTTPS`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w, passed := ask(t, row.h, row.method, row.path, row.body, row.change)
			if passed || w.Code != row.status || !strings.Contains(w.Body.String(), row.want) {
				t.Errorf("passed %v, status %d, body %s; want %d, %s", passed, w.Code, w.Body, row.status, row.want)
			}
			if strings.Contains(w.Body.String(), demoSecret) {
				t.Errorf("the answer shows the secret: %s", w.Body)
			}
			if (w.Code == 405) != (w.Header().Get("Allow") != "") {
				t.Errorf("status %d with Allow %q", w.Code, w.Header().Get("Allow"))
			}
		})
	}
	for _, path := range []string{"/", "/oauth2", "/oauth2/token/", "/oauth2/authorize", "/v1/oauth2/token", "/.well-known/openid-configuration"} {
		if _, passed := ask(t, h, http.MethodPost, path, grant, none); !passed {
			t.Errorf("%s is answered here", path)
		}
	}
}

// TestFailuresAreCounted, so that guessing shows.
func TestFailuresAreCounted(t *testing.T) {
	ctx := provisioned(t, demoServer)
	h := load(t, ctx, `{}`)
	count := func() (n float64) {
		t.Helper()
		families, err := ctx.GetMetricsRegistry().Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() != "caddy_gateway_oauth2_requests_total" {
				continue
			}
			for _, m := range f.GetMetric() {
				if strings.Contains(m.String(), `"invalid_client"`) {
					n += m.GetCounter().GetValue()
				}
			}
		}
		return n
	}
	before := count()
	for range 3 {
		ask(t, h, http.MethodPost, "/oauth2/token", "grant_type=client_credentials", func(r *http.Request) { r.SetBasicAuth("batch-1", "guess") })
	}
	if got := count() - before; got != 3 {
		t.Errorf("%v failures were counted", got)
	}
}

func TestLoadRefuses(t *testing.T) {
	ctx := provisioned(t, "")
	if _, err := ctx.LoadModuleByID("http.handlers.oauth2_token", json.RawMessage(`{}`)); err == nil || !strings.Contains(err.Error(), "is no authorization server") {
		t.Errorf("error %v", err)
	}
	for name, tt := range map[string]struct{ app, want string }{
		"no https":            {`{"oauth2_server": {"issuer": "http://gw.example.com"}}`, "not a URL with https"},
		"passphrase in clear": {`{"oauth2_server": {"issuer": "https://gw.example.com", "passphrase": "demo-passphrase-not-a-secret"}}`, "as a placeholder"},
		"passphrase unset":    {`{"oauth2_server": {"issuer": "https://gw.example.com", "passphrase": "{env.OAUTH2_TEST_UNSET}"}}`, "is not set or empty"},
		"short passphrase":    {`{"oauth2_server": {"issuer": "https://gw.example.com", "passphrase": "{env.OAUTH2_TEST_SHORT}"}}`, "fewer than 16 characters"},
		"long lifetime":       {`{"oauth2_server": {"issuer": "https://gw.example.com", "lifetime": "25h"}}`, "between 1m and 24h"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OAUTH2_TEST_SHORT", "demo")
			_, err := caddy.ProvisionContext(&caddy.Config{AppsRaw: caddy.ModuleMap{"gateway": json.RawMessage(tt.app)}})
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "demo-passphrase") {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

func TestUnmarshalCaddyfile(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, src, err string
		allow          bool
	}{
		{"bare", "oauth2_token", "", false},
		{"option", "oauth2_token {\n allow_http\n}", "", true},
		{"argument", "oauth2_token x", "oauth2_token takes no arguments", false},
		{"value", "oauth2_token {\n allow_http yes\n}", "allow_http", false},
		{"unknown", "oauth2_token {\n issuer x\n}", `unknown option "issuer"`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := new(Handler)
			err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser(tt.src))
			if tt.err == "" && (err != nil || h.AllowHTTP != tt.allow) || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("%+v, error %v", h, err)
			}
		})
	}
}
