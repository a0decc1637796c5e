// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtauth

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify/jwttest"
)

// people is the gateway app of most tests: two consumers, and two with credentials of their
// own.
const people = `{%s"groups": [{"name": "staff"}], "consumers": [
	{"name": "alice", "custom_id": "alice-ext", "groups": ["staff"]},
	{"name": "bob", "custom_id": "alice"},
	{"name": "signer", "jwts": [{"key": "K1", "secret": "{env.JWT_DEMO_SECRET}"}]},
	{"name": "signer-rsa", "jwts": [{"key": "K2", "algorithm": "RS256", "public_key": %q}]},
	{"name": "nobody"}
]}`

// provisioned returns a context with the gateway app.
func provisioned(t testing.TB, extra string) caddy.Context {
	t.Helper()
	t.Setenv("JWT_DEMO_SECRET", jwttest.Secret)
	app := fmt.Sprintf(people, extra, jwttest.For("RS256").PEM())
	ctx, err := caddy.ProvisionContext(&caddy.Config{AppsRaw: caddy.ModuleMap{"gateway": json.RawMessage(app)}})
	if err != nil {
		t.Fatalf("provision gateway app: %v", err)
	}
	return ctx
}

// object is a piece of JSON configuration.
type object = map[string]any

// keyOf is a key of the config that verifies what k signs.
func keyOf(k *jwttest.Key) object {
	m := object{"algorithms": []string{k.Algorithm}}
	if k.ID != "" {
		m["id"] = k.ID
	}
	if _, secret := k.Private.([]byte); secret {
		m["secret"] = "{env.JWT_DEMO_SECRET}"
	} else {
		m["public_key"] = k.PEM()
	}
	return m
}

// load makes the handler jwt_auth, or another one with the member handler.
func load(ctx caddy.Context, config object) (caddyhttp.MiddlewareHandler, error) {
	name := "jwt_auth"
	members := object{}
	for k, v := range config {
		if k == "handler" {
			name = v.(string)
			continue
		}
		members[k] = v
	}
	doc, err := json.Marshal(members)
	if err != nil {
		return nil, err
	}
	mod, err := ctx.LoadModuleByID("http.handlers."+name, doc)
	if err != nil {
		return nil, err
	}
	return mod.(caddyhttp.MiddlewareHandler), nil
}

// seen is what the upstream received.
type seen struct {
	URI, RequestURI, OrigURI string
	Header                   http.Header
	User, Subject, Claim     string
}

// gate is a server of a chain of handlers in front of an upstream which keeps what it
// receives.
type gate struct {
	*httptest.Server
	got atomic.Pointer[seen]
}

func serve(t testing.TB, ctx caddy.Context, configs ...object) *gate {
	t.Helper()
	g := new(gate)
	var chain caddyhttp.Handler = caddyhttp.HandlerFunc(g.upstream)
	for _, config := range slices.Backward(configs) {
		h, err := load(ctx, config)
		if err != nil {
			t.Fatalf("load %v: %v", config, err)
		}
		next := chain
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
	repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	user, _ := repl.GetString("http.auth.user.id")
	g.got.Store(&seen{
		URI: r.URL.RequestURI(), RequestURI: r.RequestURI, OrigURI: repl.ReplaceAll("{http.request.orig_uri}", ""),
		Header: r.Header.Clone(), User: user,
		Subject: repl.ReplaceAll("{gateway.token.subject}", ""), Claim: repl.ReplaceAll("{gateway.token.claims.realm.roles}", ""),
	})
	w.WriteHeader(http.StatusOK)
	return nil
}

// call is a request to send. Header lines are "name: value".
type call struct {
	method, uri string
	header      []string
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
	g.got.Store(nil)
	if c.method == "" {
		c.method = http.MethodGet
	}
	if c.uri == "" {
		c.uri = "/request"
	}
	r, err := http.NewRequestWithContext(t.Context(), c.method, g.URL+c.uri, http.NoBody)
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
	return answer{resp.StatusCode, resp.Header, string(body), g.got.Load()}
}

// show sends a token behind Bearer.
func (g *gate) show(t testing.TB, token string) answer {
	t.Helper()
	return g.do(t, call{header: []string{"Authorization: Bearer " + token}})
}

// member reads a member of an error body.
func (a answer) member(t testing.TB, name string) string {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil {
		t.Fatalf("error body %q: %v", a.body, err)
	}
	s, _ := doc[name].(string)
	return s
}

// claims are good for five minutes, with others in place of some; nil takes one away.
func claims(pairs ...any) jwttest.Claims {
	now := time.Now().Unix()
	c := jwttest.Claims{"sub": "alice", "iat": now, "exp": now + 300}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == nil {
			delete(c, pairs[i].(string))
		} else {
			c[pairs[i].(string)] = pairs[i+1]
		}
	}
	return c
}

// file writes a file for a test.
func file(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// hs signs with the shared secret of the tests.
func hs() *jwttest.Key { return jwttest.For("HS256") }

// simple is a handler with that secret, and what else is given.
func simple(pairs ...any) object {
	m := object{"keys": []object{keyOf(hs())}}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	return m
}
