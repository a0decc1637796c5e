// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func TestOneStatePerRequest(t *testing.T) {
	t.Parallel()
	h := newHost()
	var seen []*state.Request
	note := func(w http.ResponseWriter, r *http.Request, rq *state.Request, next caddyhttp.Handler) error {
		seen = append(seen, rq)
		if state.Of(r) != rq {
			t.Error("the state is not found in the request")
		}
		return next.ServeHTTP(w, r)
	}
	ts := chain(t, h, nil, func(w http.ResponseWriter, r *http.Request) error { return nil }, note, note, note)
	get(t, ts.URL)
	h.wait(t)
	if len(seen) != 3 || seen[0] != seen[1] || seen[1] != seen[2] {
		t.Errorf("states %v", seen)
	}
	if want := []string{"record", "observe"}; !slices.Equal(h.log(), want) {
		t.Errorf("events %v, want %v", h.log(), want)
	}
}

// prepared is a request as Caddy hands it to handlers.
func prepared(t *testing.T) *http.Request {
	t.Helper()
	w := httptest.NewRecorder()
	return caddyhttp.PrepareRequest(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil), caddy.NewReplacer(), w, new(caddyhttp.Server))
}

func TestErrorsAreRenderedForTheClientsAPI(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		path   string
		err    error
		kong   bool
		status int
		code   string
		find   []string // path of members to the message
		ctype  string
	}{
		"problem": {
			path: "/api/x", err: state.Deny(403, "group_not_allowed", "No."),
			status: 403, code: "group_not_allowed", find: []string{"detail"}, ctype: "application/problem+json",
		},
		"openai": {
			path: "/llm/x/v1/chat/completions", err: state.Deny(401, "key_invalid", "No."),
			status: 401, find: []string{"error", "message"}, ctype: "application/json",
		},
		"anthropic": {
			path: "/llm/anthropic/v1/messages", err: state.Deny(403, "model_not_allowed", "No."),
			status: 403, find: []string{"error", "message"}, ctype: "application/json",
		},
		"kong": {
			path: "/api/x", err: state.Deny(403, "group_not_allowed", "No."), kong: true,
			status: 403, find: []string{"message"}, ctype: "application/json; charset=utf-8",
		},
		"the proxy's own 502": {
			path: "/api/x", err: caddyhttp.Error(502, errors.New("dial tcp: refused")),
			status: 502, code: "upstream_unreachable", find: []string{"detail"}, ctype: "application/problem+json",
		},
		"a 503 of the directive error": {
			path: "/api/x", err: caddyhttp.StaticError{StatusCode: "503", Error: "secret detail"}.ServeHTTP(nil, prepared(t), nil),
			status: 503, code: "service_unavailable", find: []string{"detail"}, ctype: "application/problem+json",
		},
		"an error of no kind": {
			path: "/api/x", err: errors.New("secret detail"),
			status: 500, code: "internal_server_error", find: []string{"detail"}, ctype: "application/problem+json",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost()
			ts := chain(t, h, nil, func(http.ResponseWriter, *http.Request) error { return tc.err },
				func(w http.ResponseWriter, r *http.Request, rq *state.Request, next caddyhttp.Handler) error {
					rq.SetID("id-1")
					rq.KongErrors = tc.kong
					return next.ServeHTTP(w, r)
				}, pass)
			resp, err := client.Post(ts.URL+tc.path, "application/json", strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			var body map[string]any
			if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tc.status || resp.Header.Get("Content-Type") != tc.ctype || body["request_id"] != "id-1" {
				t.Errorf("status %d, type %q, body %v", resp.StatusCode, resp.Header.Get("Content-Type"), body)
			}
			if tc.code != "" && body["code"] != tc.code {
				t.Errorf("code %v, want %s", body["code"], tc.code)
			}
			var at any = body
			for _, name := range tc.find {
				at = at.(map[string]any)[name]
			}
			message, _ := at.(string)
			if message == "" || strings.Contains(message, "secret") || strings.Contains(message, "dial") {
				t.Errorf("message %q", message)
			}
			if o, rq := h.wait(t); o.Status != tc.status || rq.Failure.Status != tc.status {
				t.Errorf("outcome %+v, failure %+v", o, rq.Failure)
			}
		})
	}
}

// When retries are used up, reverse_proxy ends in an error with the upstream's
// own status. The client must learn that, and when to come back.
func TestAnswersOfAnExhaustedUpstream(t *testing.T) {
	t.Parallel()
	for status, code := range map[int]string{429: "upstream_rate_limited", 503: "upstream_overloaded", 529: "upstream_overloaded", 504: "upstream_error"} {
		h := newHost()
		ts := chain(t, h, nil, func(_ http.ResponseWriter, r *http.Request) error {
			repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
			repl.Set("http.reverse_proxy.status_code", status)
			repl.Set("http.reverse_proxy.header.Retry-After", "17")
			return caddyhttp.Error(status, errors.New("retries exhausted"))
		}, pass)
		resp, body := get(t, ts.URL)
		if resp.StatusCode != status || resp.Header.Get("Retry-After") != "17" || !strings.Contains(body, code) {
			t.Errorf("status %d, Retry-After %q, body %s; want %d and %s", resp.StatusCode, resp.Header.Get("Retry-After"), body, status, code)
		}
	}
}

// handle_errors of the site comes first, and wins where it writes something.
func TestErrorRoutesOfTheServerWin(t *testing.T) {
	t.Parallel()
	page := caddyhttp.MiddlewareHandler(routeFunc(func(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
		if r.URL.Path != "/original" {
			t.Errorf("error routes see the path %s, want the original", r.URL.Path)
		}
		if r.Header.Get("X-Silent") != "" {
			return next.ServeHTTP(w, r)
		}
		w.WriteHeader(http.StatusTeapot)
		return nil
	}))
	srv := &caddyhttp.Server{Errors: &caddyhttp.HTTPErrorConfig{
		Routes: caddyhttp.RouteList{{Handlers: []caddyhttp.MiddlewareHandler{page}}},
	}}
	if err := srv.Errors.Routes.ProvisionHandlers(caddy.Context{Context: t.Context()}, nil); err != nil {
		t.Fatal(err)
	}
	h := newHost()
	ts := chain(t, h, srv, func(_ http.ResponseWriter, r *http.Request) error {
		r.URL.Path = "/rewritten"
		return state.Deny(403, "group_not_allowed", "No.")
	}, pass)
	resp, _ := get(t, ts.URL+"/original")
	if resp.StatusCode != http.StatusTeapot {
		t.Errorf("status %d, want that of the error route", resp.StatusCode)
	}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, ts.URL+"/original", nil)
	req.Header.Set("X-Silent", "1")
	silent, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Body.Close()
	if silent.StatusCode != 403 || silent.ContentLength <= 0 {
		t.Errorf("status %d, length %d, want our own answer where the error route writes nothing", silent.StatusCode, silent.ContentLength)
	}
}

type routeFunc func(http.ResponseWriter, *http.Request, caddyhttp.Handler) error

func (f routeFunc) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return f(w, r, next)
}

func TestIdentityHeaders(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"X-Consumer-Username": true, "x-consumer-id": true, "X_Consumer_Id": true, "X.Consumer.Groups": true,
		"X-Credential-Identifier": true, "X-Anonymous-Consumer": true, "X-Authenticated-Groups": true,
		"X-Consumers": false, "Consumer-Id": false, "X-Request-Id": false, "": false,
	} {
		if got := state.IsIdentityHeader(name); got != want {
			t.Errorf("IsIdentityHeader(%q) = %v", name, got)
		}
	}
}

func TestConnectionCannotNominateHeaders(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"close":                            "close",
		"close, X-Consumer-Username":       "close",
		"X-Consumer-Username":              "",
		"keep-alive, Upgrade":              "keep-alive, Upgrade",
		"Keep-Alive,x-consumer-id,UPGRADE": "Keep-Alive, UPGRADE",
	} {
		h := http.Header{"Connection": {in}}
		nominates := state.NominatesHeaders(h)
		state.ProtectHeaders(h)
		if got := h.Get("Connection"); got != want {
			t.Errorf("Connection %q became %q, want %q", in, got, want)
		}
		if state.NominatesHeaders(h) || nominates != (in != want) {
			t.Errorf("NominatesHeaders(%q) = %v", in, nominates)
		}
	}
}

func TestAssertedIdentityReplacesWhatTheClientSaid(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("X-Consumer-Username", "admin")
	r.Header.Set("X-Credential-Identifier", "forged")
	r.Header.Set("Connection", "close, X-Consumer-Username")
	rq := state.Ensure(r)
	rq.Credential = &consumers.Credential{ID: "key_1", Consumer: &consumers.Consumer{Name: "alice"}}
	rq.AssertIdentity(r)
	r.Header.Add("X-Consumer-Id", "second")
	if got := r.Header.Get("X-Consumer-Username"); got != "alice" {
		t.Errorf("X-Consumer-Username %q", got)
	}
	if got := r.Header.Get("X-Credential-Identifier"); got != "key_1" {
		t.Errorf("X-Credential-Identifier %q", got)
	}
	if got := r.Header.Get("Connection"); got != "close" {
		t.Errorf("Connection %q", got)
	}
}

func TestPlaceholdersAndLogObject(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	repl := caddy.NewReplacer()
	r = caddyhttp.PrepareRequest(r, repl, nil, nil)
	rq := state.Ensure(r)
	rq.SetID("id-1")
	rq.Route = "chat"
	rq.Credential = &consumers.Credential{ID: "key_1", Groups: []string{"a", "b"}, Consumer: &consumers.Consumer{Name: "alice"}}
	rq.LLM = state.LLM{Provider: "openai", Model: "gpt-5", Metered: true, PriceKnown: true, Cost: 300_000_000}
	rq.LLM.Report.Found = true
	rq.LLM.Report.Counts[0] = 7
	rq.Language = state.Language{Code: "hi", Target: "ta", Script: "Deva", Confidence: 0.975, Source: "model"}
	rq.Cache = state.Cache{Name: "answers", Status: state.CacheHit, Age: 90 * time.Second, Saved: 300_000_000, SavedKnown: true}
	got := repl.ReplaceKnown("{gateway.correlation_id} {gateway.route} {gateway.consumer.name} {gateway.consumer.groups} "+
		"{gateway.credential.id} {gateway.llm.model} {gateway.llm.tokens.input} {gateway.llm.input_tokens} {gateway.llm.cost} {gateway.llm.exact} "+
		"{gateway.language} {gateway.language.pair} {gateway.language.script} {gateway.language.confidence} {gateway.language.source} "+
		"{gateway.cache.name} {gateway.cache.status} {gateway.cache.reason}{gateway.cache.age} {gateway.cache.saved} {gateway.nothing}", "")
	if want := "id-1 chat alice a b key_1 gpt-5 7 7 0.0003 true hi hi>ta Deva 0.98 model answers hit 90 0.0003 {gateway.nothing}"; got != want {
		t.Errorf("placeholders:\ngot  %s\nwant %s", got, want)
	}
	if shown := repl.ReplaceKnown("{http.vars.gateway}", ""); shown != "id-1" {
		t.Errorf("the request variable prints as %q, want the id alone", shown)
	}
	enc := zapcore.NewMapObjectEncoder()
	if err := state.LogObject(rq).MarshalLogObject(enc); err != nil {
		t.Fatal(err)
	}
	llm, _ := enc.Fields["llm"].(map[string]any)
	language, _ := enc.Fields["language"].(map[string]any)
	if language["code"] != "hi" || language["target"] != "ta" || language["source"] != "model" {
		t.Errorf("log object of the language %v", language)
	}
	cache, _ := enc.Fields["cache"].(map[string]any)
	if cache["status"] != "hit" || cache["age"] != int64(90) || cache["saved_usd"] != "0.0003" {
		t.Errorf("log object of the cache %v", cache)
	}
	if enc.Fields["consumer"] != "alice" || llm["cost_usd"] != "0.0003" || llm["tokens_input"] != int64(7) {
		t.Errorf("log object %v", enc.Fields)
	}
}
