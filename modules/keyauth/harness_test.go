// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package keyauth

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
)

// goodKey and otherKey are keys of the consumers bob and alice.
const (
	goodKey  = "demo-key-not-a-secret"
	otherKey = "demo-key-of-alice"
	oldKey   = "demo-key-of-yesterday"
)

// people is the gateway app of most tests.
func people(extra string) string {
	return fmt.Sprintf(`{%s"groups": [{"name": "staff"}], "consumers": [
		{"name": "bob", "custom_id": "bob-ext", "groups": ["staff"], "keys": [%q, {"key": %q, "until": "2020-01-01"}]},
		{"name": "alice", "keys": [%q]},
		{"name": "robot", "oauth_clients": [{"id": "demo-client"}]},
		{"name": "nobody"}
	]}`, extra, apikey.Hash(goodKey), apikey.Hash(oldKey), apikey.Hash(otherKey))
}

// seen is what the upstream received.
type seen struct {
	URI, RequestURI, OrigURI string
	Header                   http.Header
	Body                     string
	User                     string
}

// provisioned returns a context with the gateway app.
func provisioned(t testing.TB, app string) caddy.Context {
	t.Helper()
	ctx, err := caddy.ProvisionContext(&caddy.Config{AppsRaw: caddy.ModuleMap{"gateway": json.RawMessage(app)}})
	if err != nil {
		t.Fatalf("provision gateway app: %v", err)
	}
	return ctx
}

// load makes a handler from its JSON.
func load(t testing.TB, ctx caddy.Context, config string) caddyhttp.MiddlewareHandler {
	t.Helper()
	h, err := loadErr(ctx, config)
	if err != nil {
		t.Fatalf("load %s: %v", config, err)
	}
	return h
}

func loadErr(ctx caddy.Context, config string) (caddyhttp.MiddlewareHandler, error) {
	var head struct {
		Handler string `json:"handler"`
	}
	if err := json.Unmarshal([]byte(config), &head); err != nil {
		return nil, err
	}
	if head.Handler == "" {
		head.Handler = "key_auth"
	} else {
		var members map[string]any
		_ = json.Unmarshal([]byte(config), &members)
		delete(members, "handler")
		stripped, _ := json.Marshal(members)
		config = string(stripped)
	}
	mod, err := ctx.LoadModuleByID("http.handlers."+head.Handler, json.RawMessage(config))
	if err != nil {
		return nil, err
	}
	return mod.(caddyhttp.MiddlewareHandler), nil
}

// gate is a server of a chain of handlers in front of an upstream which keeps
// what it receives.
type gate struct {
	*httptest.Server
	got     *seen
	replyTo func(w http.ResponseWriter)
}

func serve(t *testing.T, ctx caddy.Context, configs ...string) *gate {
	t.Helper()
	g := new(gate)
	var chain caddyhttp.Handler = caddyhttp.HandlerFunc(g.upstream)
	for _, config := range slices.Backward(configs) {
		h, next := load(t, ctx, config), chain
		chain = caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error { return h.ServeHTTP(w, r, next) })
	}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, new(caddyhttp.Server))
		if err := chain.ServeHTTP(w, r); err != nil {
			if he, ok := err.(caddyhttp.HandlerError); ok { //nolint:errorlint // as Caddy does it
				w.WriteHeader(he.StatusCode)
			}
		}
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *gate) upstream(w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	user, _ := repl.GetString(userID)
	g.got = &seen{
		URI: r.URL.RequestURI(), RequestURI: r.RequestURI, OrigURI: repl.ReplaceAll("{http.request.orig_uri}", ""),
		Header: r.Header.Clone(), Body: string(body), User: user,
	}
	if g.replyTo != nil {
		g.replyTo(w)
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// call is a request to send. Header lines are "name: value".
type call struct {
	method, uri string
	header      []string
	body        string
}

// answer is what came back; up is what the upstream saw, or nil.
type answer struct {
	status int
	header http.Header
	body   string
	up     *seen
}

func (g *gate) do(t testing.TB, c call) answer {
	t.Helper()
	g.got = nil
	if c.method == "" {
		c.method = http.MethodGet
	}
	if c.uri == "" {
		c.uri = "/request"
	}
	r, err := http.NewRequestWithContext(t.Context(), c.method, g.URL+c.uri, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range c.header {
		name, value, _ := strings.Cut(line, ":")
		r.Header.Add(name, strings.TrimSpace(value))
	}
	resp, err := g.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body), g.got}
}

// message reads the member message of an error body.
func (a answer) message(t *testing.T) string {
	t.Helper()
	var doc struct {
		Message string `json:"message"`
	}
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil {
		t.Fatalf("error body %q: %v", a.body, err)
	}
	return doc.Message
}

func (a answer) code(t *testing.T) string {
	t.Helper()
	var doc struct {
		Code string `json:"code"`
	}
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil {
		t.Fatalf("error body %q: %v", a.body, err)
	}
	return doc.Code
}
