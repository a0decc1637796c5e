// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package oauth2

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
	"github.com/caddy-gateway/tollgate/modules/internal/oauthserver"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

const demoSecret = "demo-secret-not-a-secret"

var pass = caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })

// provisioned returns a context with the gateway app.
func provisioned(t testing.TB) (caddy.Context, *gateway.App) {
	t.Helper()
	ctx := contextOf(t, `{"ledger": {"memory": true}, "store": {"module": "embedded", "memory": true},
		"oauth2_server": {"issuer": "https://gw.example.com"},
		"consumers": [
			{"name": "batch", "oauth_clients": [{"id": "batch-1", "secrets": ["`+apikey.Hash(demoSecret).String()+`"], "scopes": ["chat", "embed"]}]},
			{"name": "partner", "oauth_clients": [{"id": "partner-app"}]},
			{"name": "guest", "custom_id": "guest-ext"}
		]}`)
	app, err := gateway.Get(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return ctx, app
}

// bare is a context whose gateway app is no authorization server.
func bare(t testing.TB) caddy.Context { return contextOf(t, `{"ledger": {"memory": true}}`) }

func contextOf(t testing.TB, app string) caddy.Context {
	t.Helper()
	ctx, err := caddy.ProvisionContext(&caddy.Config{AppsRaw: caddy.ModuleMap{"gateway": json.RawMessage(app)}})
	if err != nil {
		t.Fatalf("provision gateway app: %v", err)
	}
	return ctx
}

// issued gets an access token from the gateway's own server.
func issued(t testing.TB, app *gateway.App, client, scope string) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {scope}}.Encode()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/oauth2/token", nil)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(client, demoSecret)
	w := httptest.NewRecorder()
	if _, err := app.OAuthServer().Serve(w, r, oauthserver.TokenEndpoint, []byte(form)); err != nil {
		t.Fatal(err)
	}
	var body struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Token == "" {
		t.Fatalf("status %d, body %s", w.Code, w.Body)
	}
	return body.Token
}

// authority is an authorization server that knows some tokens.
func authority(t *testing.T, known map[string]string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id, secret, _ := r.BasicAuth(); id != "gw" || secret != "demo-as-secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		doc, ok := known[r.PostFormValue("token")]
		if !ok {
			doc = `{"active":false}`
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(doc))
	}))
	t.Cleanup(s.Close)
	return s
}

// seen is what the upstream received.
type seen struct {
	URI, RequestURI, OrigURI string
	Header                   http.Header
	User, Subject, Scopes    string
}

// gate is a server of one handler in front of an upstream which keeps what it receives.
type gate struct {
	*httptest.Server
	got atomic.Pointer[seen]
}

func serve(t testing.TB, ctx caddy.Context, handler, config string) *gate {
	t.Helper()
	mod, err := ctx.LoadModuleByID("http.handlers."+handler, json.RawMessage(config))
	if err != nil {
		t.Fatalf("load %s: %v", config, err)
	}
	g := new(gate)
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, new(caddyhttp.Server))
		if err := mod.(caddyhttp.MiddlewareHandler).ServeHTTP(w, r, caddyhttp.HandlerFunc(g.upstream)); err != nil {
			if he, ok := err.(caddyhttp.HandlerError); ok { //nolint:errorlint // as Caddy does it
				w.WriteHeader(he.StatusCode)
			}
		}
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *gate) upstream(w http.ResponseWriter, r *http.Request) error {
	repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	user, _ := repl.GetString("http.auth.user.id")
	g.got.Store(&seen{
		URI: r.URL.RequestURI(), RequestURI: r.RequestURI, OrigURI: repl.ReplaceAll("{http.request.orig_uri}", ""),
		Header: r.Header.Clone(), User: user,
		Subject: repl.ReplaceAll("{gateway.token.subject}", ""), Scopes: repl.ReplaceAll("{gateway.token.scopes}", ""),
	})
	w.WriteHeader(http.StatusOK)
	return nil
}

// answer is what came back; up is what the upstream saw, or nil.
type answer struct {
	status int
	header http.Header
	body   string
	up     *seen
}

// code is the machine-readable reason of a refusal.
func (a *answer) code() string {
	var body struct{ Code string }
	_ = json.Unmarshal([]byte(a.body), &body) // what is no JSON has no code
	return body.Code
}

func (g *gate) do(t *testing.T, method, uri string, header ...string) *answer {
	t.Helper()
	g.got.Store(nil)
	r, err := http.NewRequestWithContext(t.Context(), method, g.URL+uri, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	res, err := g.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return &answer{res.StatusCode, res.Header, string(body), g.got.Load()}
}

// request is one that a handler can be given as it is.
func request(t testing.TB) (*http.Request, *state.Request) {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, new(caddyhttp.Server))
	return r, state.Ensure(r)
}
