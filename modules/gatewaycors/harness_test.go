// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycors

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
)

// The app is provisioned once, before any test, because provisioning changes variables
// of the process.
var app *gateway.App

func TestMain(m *testing.M) {
	ctx, err := caddy.ProvisionContext(&caddy.Config{AppsRaw: caddy.ModuleMap{"gateway": json.RawMessage(`{"ledger":{"memory":true}}`)}})
	if err != nil {
		panic(err)
	}
	if app, err = gateway.Get(ctx); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// parsed returns the handler that a directive describes, by way of its JSON.
func parsed(t testing.TB, directive string) *Handler {
	t.Helper()
	written := new(Handler)
	if err := written.UnmarshalCaddyfile(caddyfile.NewTestDispenser(directive)); err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(written)
	if err != nil {
		t.Fatal(err)
	}
	return loaded(t, string(config))
}

// loaded returns the handler of a JSON configuration.
func loaded(t testing.TB, config string) *Handler {
	t.Helper()
	h := new(Handler)
	if err := json.Unmarshal([]byte(config), h); err != nil {
		t.Fatal(err)
	}
	if err := h.compile(false); err != nil {
		t.Fatal(err)
	}
	h.app = app
	return h
}

// result is an answer, and whether the upstream gave it.
type result struct {
	status  int
	header  http.Header
	body    string
	reached bool
}

// upstream answers with headers of its own, which no page shall see.
func upstream(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Access-Control-Allow-Origin", "https://of-the-upstream.test")
	w.Header().Set("Access-Control-Allow-Credentials", "true")
	w.Header().Set("Access-Control-Expose-Headers", "X-Of-The-Upstream")
	_, err := io.WriteString(w, "ok")
	return err
}

// send passes a request through the handler to next. Header lines are "Name: value".
func send(t testing.TB, h *Handler, next caddyhttp.HandlerFunc, method, target string, lines ...string) result {
	t.Helper()
	var got result
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, new(caddyhttp.Server))
		err := h.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			got.reached = true
			return next(w, r)
		}))
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}))
	defer srv.Close()
	r, err := http.NewRequestWithContext(t.Context(), method, srv.URL+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	answer, err := srv.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	got.status, got.header, got.body = answer.StatusCode, answer.Header, string(body)
	return got
}

// preflight sends a preflight for method.
func preflight(t testing.TB, h *Handler, from, method string, lines ...string) result {
	t.Helper()
	return send(t, h, upstream, http.MethodOptions, "/", append([]string{"Origin: " + from, "Access-Control-Request-Method: " + method}, lines...)...)
}

// shared checks the headers of the protocol: pairs of a name without its first words
// and a value, and no others. Vary is among them.
func shared(t testing.TB, h http.Header, pairs ...string) {
	t.Helper()
	want := make(map[string]string)
	for i := 0; i < len(pairs); i += 2 {
		want[pairs[i]] = pairs[i+1]
	}
	for _, name := range append(ours[:len(ours):len(ours)], headerVary) {
		short := strings.TrimPrefix(strings.TrimPrefix(name, "Access-Control-"), "Allow-")
		if got := strings.Join(h[name], ", "); got != want[short] || len(h[name]) > 0 && got == "" {
			t.Errorf("%s is %q, want %q", name, got, want[short])
		}
		delete(want, short)
	}
	for name := range want {
		t.Errorf("%q is none of the headers", name)
	}
}
