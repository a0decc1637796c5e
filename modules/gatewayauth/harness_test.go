// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewayauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
	_ "github.com/caddy-gateway/tollgate/modules/internal/order"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// The keys of bob and alice, and one of bob that is over.
const (
	bobKey   = "demo-key-not-a-secret"
	aliceKey = "demo-key-of-alice"
	oldKey   = "demo-key-of-yesterday"
)

// app is the gateway app of most tests.
func app(extra string) string {
	return fmt.Sprintf(`{%s"groups": [{"name": "staff"}], "consumers": [
		{"name": "bob", "custom_id": "bob-ext", "groups": ["staff"], "keys": [%q, {"key": %q, "until": "2020-01-01"}]},
		{"name": "alice", "keys": [%q]},
		{"name": "nobody"}
	]}`, extra, apikey.Hash(bobKey), apikey.Hash(oldKey), apikey.Hash(aliceKey))
}

// The ways of the tests.
const (
	key      = `{"provider": "gatewayauth_test_key"}`
	token    = `{"provider": "gatewayauth_test_token"}`
	stranger = `{"provider": "gatewayauth_test_stranger"}`
	login    = `{"provider": "gatewayauth_test_login"}`
	broken   = `{"provider": "gatewayauth_test_broken"}`
)

// basic is Caddy's basic authentication of bob and carol, who is no consumer; the password
// of both is demo.
func basic(t testing.TB) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte("demo"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	quoted, _ := json.Marshal(string(hash))
	return fmt.Sprintf(`{"provider": "http_basic", "accounts": [{"username": "carol", "password": %[1]s}, {"username": "bob", "password": %[1]s}]}`, quoted)
}

// password is the header of a user of basic.
func password(user, pass string) string {
	r := &http.Request{Header: make(http.Header)}
	r.SetBasicAuth(user, pass)
	return "Authorization: " + r.Header.Get("Authorization")
}

// keyWay is a way with keys in the header apikey, else the query, else as bearer tokens, as
// the gateway's own is: it takes out whatever decided, right or wrong.
type keyWay struct {
	table *consumers.Table
}

func (*keyWay) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: namespace + ".gatewayauth_test_key", New: func() caddy.Module { return new(keyWay) }}
}

func (w *keyWay) Provision(ctx caddy.Context) error {
	app, err := gateway.Get(ctx)
	if err == nil {
		w.table = app.ConsumerTable()
	}
	return err
}

func (w *keyWay) Authenticator() state.Authenticator { return keyAuth{w} }

func (w *keyWay) Authenticate(http.ResponseWriter, *http.Request) (caddyauth.User, bool, error) {
	return caddyauth.User{}, false, errors.New("asked as one of Caddy's")
}

type keyAuth struct{ way *keyWay }

func (a keyAuth) Authenticate(r *http.Request, rq *state.Request) (state.Authentication, error) {
	var f state.Authentication
	value := r.Header.Get("Apikey")
	r.Header.Del("Apikey")
	if value == "" {
		if value = r.URL.Query().Get("apikey"); value != "" {
			f.Uncached = true
			withoutKey(r)
		}
	}
	if value == "" {
		value, _ = strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		r.Header.Del("Authorization")
	}
	c := a.way.table.Lookup(apikey.Hash(value))
	switch {
	case value == "":
		f.Denial = &state.Denial{Status: 401, Code: "key_missing", Message: "No key"}
	case c == nil || !c.Active(rq.Start):
		f.Verdict, f.Denial = state.Rejected, &state.Denial{Status: 401, Code: "key_invalid", Message: "No"}
	default:
		f.Verdict, f.Credential = state.Accepted, c
	}
	return f, nil
}

func (a keyAuth) Hide(r *http.Request, _ *state.Request) error {
	for _, name := range []string{"Apikey", "Authorization"} {
		value := strings.TrimPrefix(r.Header.Get(name), "Bearer ")
		if value != "" && a.way.table.Lookup(apikey.Hash(value)) != nil {
			r.Header.Del(name)
		}
	}
	withoutKey(r)
	return nil
}

// withoutKey removes the query from everywhere, as key_auth does with its parameters.
func withoutKey(r *http.Request) {
	if !strings.Contains(r.URL.RawQuery, "apikey=") {
		return
	}
	r.URL.RawQuery, r.RequestURI = "", r.URL.Path
	orig := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request)
	orig.RequestURI, orig.URL.RawQuery = r.RequestURI, ""
	*r = *r.WithContext(context.WithValue(r.Context(), caddyhttp.OriginalRequestCtxKey, orig))
}

func (keyAuth) Challenge(h http.Header) {
	h.Add("WWW-Authenticate", "Key")
	h.Add("WWW-Authenticate", `Bearer realm="gateway"`)
}

// tokenWay is a way with bearer tokens "<what>.<consumer>": good ones name a consumer, or
// somebody who is none; bad, narrow and down are refused in different ways. It takes out
// of the request whatever bearer token there is, like the gateway's own.
type tokenWay struct {
	table *consumers.Table
}

// judged counts how often tokens were judged.
var judged atomic.Int64

func (*tokenWay) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: namespace + ".gatewayauth_test_token", New: func() caddy.Module { return new(tokenWay) }}
}

func (w *tokenWay) Provision(ctx caddy.Context) error {
	app, err := gateway.Get(ctx)
	if err == nil {
		w.table = app.ConsumerTable()
	}
	return err
}

func (w *tokenWay) Authenticator() state.Authenticator { return tokenAuth{w} }

func (w *tokenWay) Authenticate(http.ResponseWriter, *http.Request) (caddyauth.User, bool, error) {
	return caddyauth.User{}, false, errors.New("asked as one of Caddy's")
}

type tokenAuth struct{ way *tokenWay }

func (a tokenAuth) Authenticate(r *http.Request, rq *state.Request) (state.Authentication, error) {
	judged.Add(1)
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	_ = a.Hide(r, rq)
	rq.RetractHeader(r.Header, "X-Subject")
	if !ok {
		return state.Authentication{Denial: &state.Denial{Status: 401, Code: "token_missing", Message: "No token"}}, nil
	}
	what, name, _ := strings.Cut(text, ".")
	switch what {
	case "good":
		f := state.Authentication{Verdict: state.Accepted, Token: &state.Token{Subject: name}}
		if c := a.way.table.Consumer(name); c != nil {
			f.Credential = c.Keyless("token")
		}
		rq.AssertHeader(r.Header, "X-Subject", name)
		return f, nil
	case "broken":
		return state.Authentication{}, caddyhttp.Error(http.StatusBadRequest, errors.New("cannot be read"))
	case "narrow":
		return state.Authentication{Verdict: state.Rejected, Denial: &state.Denial{Status: 403, Code: "insufficient_scope", Message: "No"}}, nil
	case "double":
		return state.Authentication{Verdict: state.Rejected, Denial: &state.Denial{Status: 400, Code: "token_duplicate", Message: "No"}}, nil
	case "down":
		return state.Authentication{Verdict: state.Rejected, Denial: &state.Denial{Status: 503, Code: "issuer_unavailable", Message: "Later"}}, nil
	default:
		return state.Authentication{Verdict: state.Rejected, Denial: &state.Denial{Status: 401, Code: "token_invalid", Message: "No"}}, nil
	}
}

func (tokenAuth) Hide(r *http.Request, rq *state.Request) error {
	rq.RetractHeader(r.Header, "X-Subject")
	if strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
		r.Header.Del("Authorization")
	}
	return nil
}

func (tokenAuth) Challenge(h http.Header) { h.Add("WWW-Authenticate", `Bearer realm="gateway"`) }

func (tokenAuth) ChallengeOf(h http.Header, d *state.Denial) {
	h.Add("WWW-Authenticate", `Bearer realm="gateway", error="`+d.Code+`"`)
}

// strangerWay is a way with tokens of somebody else: it refuses each, but would set the same
// header as tokenWay.
type strangerWay struct{}

func (strangerWay) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: namespace + ".gatewayauth_test_stranger", New: func() caddy.Module { return strangerWay{} }}
}

func (strangerWay) Authenticator() state.Authenticator { return strangerAuth{} }

type strangerAuth struct{ tokenAuth }

func (a strangerAuth) Authenticate(r *http.Request, rq *state.Request) (state.Authentication, error) {
	return state.Authentication{
		Verdict: state.Rejected, Denial: &state.Denial{Status: 401, Code: "token_not_accepted", Message: "No"},
	}, a.Hide(r, rq)
}

// loginWay is a foreign provider that sends browsers elsewhere, and knows who has a cookie.
type loginWay struct{}

func (loginWay) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: namespace + ".gatewayauth_test_login", New: func() caddy.Module { return new(loginWay) }}
}

func (loginWay) Authenticate(w http.ResponseWriter, r *http.Request) (caddyauth.User, bool, error) {
	c, err := r.Cookie("session")
	switch {
	case err != nil:
		w.Header().Set("Location", "/login")
		w.WriteHeader(http.StatusFound)
		_, _ = io.WriteString(w, "log in")
		return caddyauth.User{}, false, nil
	case c.Value == "expired":
		return caddyauth.User{ID: "carol"}, false, nil
	}
	w.Header().Set("Set-Cookie", "session=renewed")
	return caddyauth.User{ID: c.Value, Metadata: map[string]string{"email": c.Value + "@example.com"}}, true, nil
}

// brokenWay is a foreign provider that cannot judge.
type brokenWay struct{}

func (brokenWay) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: namespace + ".gatewayauth_test_broken", New: func() caddy.Module { return new(brokenWay) }}
}

func (brokenWay) Authenticate(http.ResponseWriter, *http.Request) (caddyauth.User, bool, error) {
	return caddyauth.User{}, false, errors.New("the directory is gone")
}

func init() {
	caddy.RegisterModule(new(keyWay))
	caddy.RegisterModule(new(tokenWay))
	caddy.RegisterModule(strangerWay{})
	caddy.RegisterModule(loginWay{})
	caddy.RegisterModule(brokenWay{})
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

// load makes a handler from its JSON without the member handler.
func load(ctx caddy.Context, name, config string) (caddyhttp.MiddlewareHandler, error) {
	module, err := ctx.LoadModuleByID("http.handlers."+name, json.RawMessage(config))
	if err != nil {
		return nil, err
	}
	return module.(caddyhttp.MiddlewareHandler), nil
}

// seen is what the upstream received, and what is known of the caller there.
type seen struct {
	uri, requestURI, origURI string
	header                   http.Header
	consumer, credential     string
	subject, user, email     string
	anonymous, elsewhere     bool
}

// gate is a server of gateway_auth handlers, in a row, before an upstream that keeps what
// it receives.
type gate struct {
	*httptest.Server
	got *seen
}

func serve(t testing.TB, ctx caddy.Context, configs ...string) *gate {
	t.Helper()
	g := new(gate)
	var chain caddyhttp.Handler = caddyhttp.HandlerFunc(g.upstream)
	for _, config := range slices.Backward(configs) {
		h, err := load(ctx, "gateway_auth", config)
		if err != nil {
			t.Fatalf("load %s: %v", config, err)
		}
		next := chain
		chain = caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error { return h.ServeHTTP(w, r, next) })
	}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, new(caddyhttp.Server))
		if err := chain.ServeHTTP(w, r); err != nil {
			t.Errorf("serve: %v", err)
		}
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *gate) upstream(w http.ResponseWriter, r *http.Request) error {
	rq := state.Of(r)
	repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	s := &seen{
		uri: r.URL.RequestURI(), requestURI: r.RequestURI, origURI: repl.ReplaceAll("{http.request.orig_uri}", ""),
		header: r.Header.Clone(), consumer: rq.ConsumerName(), anonymous: rq.Anonymous, elsewhere: rq.AuthenticatedElsewhere,
		credential: repl.ReplaceAll("{gateway.credential.id}", ""), subject: repl.ReplaceAll("{gateway.token.subject}", ""),
	}
	s.user, _ = repl.GetString("http.auth.user.id")
	s.email, _ = repl.GetString("http.auth.user.email")
	g.got = s
	w.Header().Set("Cache-Control", "max-age=60")
	w.WriteHeader(http.StatusOK)
	return nil
}

// answered is what came back; up is what the upstream saw, or nil.
type answered struct {
	status int
	header http.Header
	body   string
	up     *seen
}

// do sends a request with header lines "name: value".
func (g *gate) do(t testing.TB, method, uri string, lines ...string) answered {
	t.Helper()
	g.got = nil
	r, err := http.NewRequestWithContext(t.Context(), method, g.URL+uri, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	client := &http.Client{
		Transport:     g.Client().Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answered{resp.StatusCode, resp.Header, string(body), g.got}
}

// code is the machine-readable reason in an error body.
func (a answered) code() string {
	var doc struct {
		Code string `json:"code"`
	}
	_ = json.Unmarshal([]byte(a.body), &doc) // an answer without one has the code ""
	return doc.Code
}

// Interface guards
var (
	_ state.AuthenticatorModule = (*keyWay)(nil)
	_ state.AuthenticatorModule = (*tokenWay)(nil)
	_ state.Hider               = keyAuth{}
	_ state.Hider               = tokenAuth{}
	_ state.Challenger          = tokenAuth{}
	_ caddyauth.Authenticator   = (*tokenWay)(nil)
	_ caddyauth.Authenticator   = loginWay{}
	_ caddyauth.Authenticator   = brokenWay{}
)
