// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package apiversion

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
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// The apps are provisioned once, before any test, because provisioning changes
// variables of the process.
var app, kongApp *gateway.App

func TestMain(m *testing.M) {
	app, kongApp = newApp(`{"ledger":{"memory":true}}`), newApp(`{"ledger":{"memory":true},"profile":"kong"}`)
	os.Exit(m.Run())
}

func newApp(config string) *gateway.App {
	ctx, err := caddy.ProvisionContext(&caddy.Config{AppsRaw: caddy.ModuleMap{"gateway": json.RawMessage(config)}})
	if err != nil {
		panic(err)
	}
	a, err := gateway.Get(ctx)
	if err != nil {
		panic(err)
	}
	return a
}

// parsed returns the handler that options describe, by way of its JSON.
func parsed(t testing.TB, opts string) *Handler {
	t.Helper()
	var written, h Handler
	if err := written.UnmarshalCaddyfile(caddyfile.NewTestDispenser("api_version {\n" + opts + "\n}")); err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(&written)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(config, &h); err != nil {
		t.Fatal(err)
	}
	if err := h.compile(); err != nil {
		t.Fatal(err)
	}
	h.app = app
	return &h
}

// seen is what came through the handler.
type seen struct {
	URI, RequestURI        string
	Name, Source, Stripped string
	Header                 http.Header
}

// result is the answer to a request, and what the upstream saw of it, if anything.
type result struct {
	status int
	header http.Header
	body   string
	code   string
	up     *seen
}

// send passes a request through the handler. Header lines are "Name: value".
func send(t testing.TB, h *Handler, target string, lines ...string) result {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, new(caddyhttp.Server))
	var got result
	next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
		got.up = &seen{
			URI: r.URL.RequestURI(), RequestURI: r.RequestURI, Header: r.Header.Clone(),
			Name: repl.ReplaceAll("{gateway.api_version}", ""), Source: repl.ReplaceAll("{gateway.api_version.source}", ""),
			Stripped: repl.ReplaceAll("{gateway.api_version.path}", ""),
		}
		w.Header().Set("Link", `<https://up.test/>; rel="self"`)
		w.Header().Set("Vary", "Accept-Encoding")
		_, err := io.WriteString(w, "ok")
		return err
	})
	if err := h.ServeHTTP(w, r, next); err != nil {
		t.Fatal(err)
	}
	got.status, got.header, got.body = w.Code, w.Header(), w.Body.String()
	var problem struct{ Code string }
	if json.Unmarshal(w.Body.Bytes(), &problem) == nil {
		got.code = problem.Code
	}
	return got
}

// matches says whether a matcher takes a request for that version.
func matches(t testing.TB, m *MatchAPIVersion, version string) bool {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), httptest.NewRecorder(), new(caddyhttp.Server))
	if version != "none" {
		state.Ensure(r).APIVersion.Name = version
	}
	ok, err := m.MatchWithError(r)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}
