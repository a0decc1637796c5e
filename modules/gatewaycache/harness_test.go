// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/caching"
	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
	"github.com/caddy-gateway/tollgate/modules/internal/cachemem"
	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// host takes what the request state tells the gateway.
type host struct {
	live   state.Live
	forget bool

	mu      sync.Mutex
	records []record
	panics  []any
}

// record is what was recorded of a request.
type record struct {
	consumer string
	cache    state.Cache
	llm      state.LLM
}

func (h *host) Record(rq *state.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.forget {
		return
	}
	h.records = append(h.records, record{rq.ConsumerName(), rq.Cache, rq.LLM})
}

func (h *host) Observe(*state.Request, state.Outcome) {}
func (h *host) Live() *state.Live                     { return &h.live }
func (h *host) LogPanic(_ *state.Request, reason any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.panics = append(h.panics, reason)
}
func (h *host) LogError(*state.Request, *http.Request, error) {}

func (h *host) recorded() []record {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]record(nil), h.records...)
}

// testCache is a named cache.
type testCache struct {
	store   caching.Store
	flights gateway.Flights
}

func (c *testCache) Name() string              { return "test" }
func (c *testCache) Store() caching.Store      { return c.store }
func (c *testCache) Flights() *gateway.Flights { return &c.flights }

// handler makes a handler from its options in a Caddyfile.
func handler(t testing.TB, opts string) *Handler {
	t.Helper()
	h := new(Handler)
	if err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser("gateway_cache {\n" + opts + "\n}")); err != nil {
		t.Fatal(err)
	}
	if err := h.compile(); err != nil {
		t.Fatal(err)
	}
	if len(h.BypassRaw) > 0 {
		ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
		t.Cleanup(cancel)
		mods, err := ctx.LoadModule(h, "BypassRaw")
		if err != nil {
			t.Fatal(err)
		}
		if err := h.rules.bypass.FromInterface(mods); err != nil {
			t.Fatal(err)
		}
	}
	store := cachemem.New(caching.Options{})
	t.Cleanup(func() { _ = store.Close() })
	h.host, h.cache = new(host), &testCache{store: store}
	return h
}

// table has the consumers that make requests.
var table = func() *consumers.Table {
	specs := []consumers.Spec{
		{Name: "alice", Groups: []string{"red", "blue"}, Keys: []consumers.KeySpec{{Key: "demo-alice-key-not-a-secret"}}},
		{Name: "bob", Groups: []string{"blue", "red"}, Keys: []consumers.KeySpec{{Key: "demo-bob-key-not-a-secret"}}},
		{Name: "carol", Groups: []string{"blue"}, Keys: []consumers.KeySpec{{Key: "demo-carol-key-not-a-secret"}}},
		{Name: "dave", Keys: []consumers.KeySpec{{Key: "demo-dave-key-not-a-secret"}}},
	}
	t, err := consumers.Build(specs, consumers.BuildOptions{
		Groups:  []string{"red", "blue"},
		Resolve: func(literal string) (apikey.Digest, error) { return apikey.Hash(literal), nil },
	})
	if err != nil {
		panic(err)
	}
	return t
}()

// upstream is what the handler has before it, called with the number of the call.
type upstream func(w http.ResponseWriter, r *http.Request, call int)

// rig is a handler with an upstream that counts its calls.
type rig struct {
	t  testing.TB
	h  *Handler
	as func(rq *state.Request) // what handlers outside know of requests

	mu    sync.Mutex
	calls int
	up    upstream
}

func newRig(t testing.TB, opts string, up upstream) *rig {
	t.Helper()
	return &rig{t: t, h: handler(t, opts), up: up}
}

func (g *rig) called() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.calls
}

// ServeHTTP is the upstream, as a Caddy handler.
func (g *rig) ServeHTTP(w http.ResponseWriter, r *http.Request) error {
	g.mu.Lock()
	g.calls++
	n := g.calls
	g.mu.Unlock()
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
	}
	g.up(w, r, n)
	return nil
}

// got is an answer.
type got struct {
	*httptest.ResponseRecorder
	err    error
	broken bool
	cache  state.Cache
}

// request makes a request; headers are in the form "Name: value".
func request(method, target, body string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body == "" {
		r.Body, r.ContentLength = http.NoBody, 0
	} else {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	return r
}

// do sends a request of a consumer, or of nobody.
func (g *rig) do(consumer string, r *http.Request) got {
	g.t.Helper()
	return g.through(consumer, r, caddyhttp.HandlerFunc(g.ServeHTTP))
}

// through is do with another upstream.
func (g *rig) through(consumer string, r *http.Request, next caddyhttp.Handler) (answer got) {
	g.t.Helper()
	w := httptest.NewRecorder()
	answer.ResponseRecorder = w
	w.Header().Set("Server", "Caddy")
	w.Header().Set("X-Correlation-Id", "id of this request")
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, new(caddyhttp.Server))
	defer func() {
		if reason := recover(); reason != nil {
			if reason != http.ErrAbortHandler { //nolint:errorlint // It is a value that was panicked with.
				panic(reason)
			}
			answer.broken = true
		}
		if rq := state.Of(r); rq != nil {
			answer.cache = rq.Cache
		}
	}()
	answer.err = state.Serve(&as{g.h, consumer, g.as}, g.h.host, w, r, next)
	return answer
}

// as makes the caller known, as key_auth would.
type as struct {
	*Handler
	consumer string
	know     func(rq *state.Request)
}

func (a *as) Handle(w http.ResponseWriter, r *http.Request, rq *state.Request, next caddyhttp.Handler) error {
	if a.consumer != "" {
		rq.Credential = table.Consumer(a.consumer).Credentials()[0]
	}
	if a.know != nil {
		a.know(rq)
	}
	return a.Handler.Handle(w, r, rq, next)
}

// want checks status, reason and body of an answer.
func (a got) want(t testing.TB, status state.CacheStatus, reason, body string) {
	t.Helper()
	if a.err != nil || a.broken {
		t.Fatalf("error %v, broken %t", a.err, a.broken)
	}
	if a.cache.Status != status || a.cache.Reason != reason || a.Body.String() != body {
		t.Fatalf("got %s (%s): %q\nwant %s (%s): %q\nheader %v", a.cache.Status, a.cache.Reason, a.Body.String(), status, reason, body, a.Header())
	}
}

// text answers GETs with the number of the call and some fields, "Name: value".
func text(fields ...string) upstream {
	return func(w http.ResponseWriter, _ *http.Request, n int) {
		for _, line := range fields {
			name, value, _ := strings.Cut(line, ": ")
			w.Header().Add(name, value)
		}
		_, _ = io.WriteString(w, "answer "+itoa(n))
	}
}

func itoa(n int) string { return string(rune('0'+n/10%10)) + string(rune('0'+n%10)) }
