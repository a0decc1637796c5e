// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// host records what the state tells the app.
type host struct {
	mu       sync.Mutex
	events   []string
	outcomes []state.Outcome
	requests []*state.Request
	seen     chan struct{}
	live     state.Live
}

func (h *host) Live() *state.Live { return &h.live }

func (h *host) LogPanic(_ *state.Request, reason any) { h.note(fmt.Sprint("panic ", reason)) }

func newHost() *host { return &host{seen: make(chan struct{}, 16)} }

func (h *host) note(event string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, event)
}

func (h *host) Record(rq *state.Request) { h.note("record") }

func (h *host) Observe(rq *state.Request, o state.Outcome) {
	h.note("observe")
	h.mu.Lock()
	h.outcomes = append(h.outcomes, o)
	h.requests = append(h.requests, rq)
	h.mu.Unlock()
	h.seen <- struct{}{}
}

func (h *host) LogError(*state.Request, *http.Request, error) { h.note("log") }

// wait returns the outcome of the next request that ends.
func (h *host) wait(t *testing.T) (state.Outcome, *state.Request) {
	t.Helper()
	<-h.seen
	h.mu.Lock()
	defer h.mu.Unlock()
	last := len(h.outcomes) - 1
	return h.outcomes[last], h.requests[last]
}

func (h *host) log() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string{}, h.events...)
}

// handle adapts a function to state.Handler.
type handle func(w http.ResponseWriter, r *http.Request, rq *state.Request, next caddyhttp.Handler) error

func (f handle) Handle(w http.ResponseWriter, r *http.Request, rq *state.Request, next caddyhttp.Handler) error {
	return f(w, r, rq, next)
}

func pass(w http.ResponseWriter, r *http.Request, _ *state.Request, next caddyhttp.Handler) error {
	return next.ServeHTTP(w, r)
}

// chain serves requests through outer and inner gateway handlers and then
// upstream, as a Caddy server would.
func chain(t *testing.T, h *host, srv *caddyhttp.Server, upstream caddyhttp.HandlerFunc, handlers ...handle) *httptest.Server {
	t.Helper()
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, srv)
		var next caddyhttp.Handler = upstream
		for _, handler := range slices.Backward(handlers) {
			inner, hd := next, handler
			next = caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
				return state.Serve(hd, h, w, r, inner)
			})
		}
		if err := next.ServeHTTP(w, r); err != nil {
			t.Errorf("the outermost handler returned an error: %v", err)
		}
	}))
	t.Cleanup(ts.Close)
	return ts
}

// client is not the default one: servers of other tests break its connections off when
// they close.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}
