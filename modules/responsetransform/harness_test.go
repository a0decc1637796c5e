// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package responsetransform

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func provisioned(t testing.TB) caddy.Context {
	t.Helper()
	ctx, err := caddy.ProvisionContext(&caddy.Config{AppsRaw: caddy.ModuleMap{"gateway": json.RawMessage(`{"ledger":{"memory":true}}`)}})
	if err != nil {
		t.Fatalf("provision gateway app: %v", err)
	}
	return ctx
}

// parsed reads options in a Caddyfile and loads what they are in JSON.
func parsed(t testing.TB, opts string) *Handler {
	t.Helper()
	var h Handler
	if err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser("response_transform {\n" + opts + "\n}")); err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(&h)
	if err != nil {
		t.Fatal(err)
	}
	mod, err := provisioned(t).LoadModuleByID("http.handlers.response_transform", config)
	if err != nil {
		t.Fatalf("load %s: %v", config, err)
	}
	return mod.(*Handler)
}

// upstream writes an answer.
type upstream func(w http.ResponseWriter, r *http.Request) error

// answering is an upstream with a fixed answer. Header lines are "name: value". The body
// comes in the chunks given.
func answering(status int, header []string, chunks ...string) upstream {
	return func(w http.ResponseWriter, _ *http.Request) error {
		for _, line := range header {
			name, value, _ := strings.Cut(line, ":")
			w.Header().Add(name, strings.TrimSpace(value))
		}
		w.WriteHeader(status)
		for _, chunk := range chunks {
			if _, err := io.WriteString(w, chunk); err != nil {
				panic(http.ErrAbortHandler) // as a proxy does
			}
			if err := http.NewResponseController(w).Flush(); err != nil {
				return err
			}
		}
		return nil
	}
}

// got is what the client got.
type got struct {
	*httptest.ResponseRecorder
	broken bool
	err    error
}

// ask passes a request through handlers, outermost first, to an upstream.
func ask(t testing.TB, method string, header []string, up upstream, chain ...caddyhttp.MiddlewareHandler) (g got) {
	t.Helper()
	g.ResponseRecorder = httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), method, "/x?v=q%0D%0Ax", nil)
	for _, line := range header {
		name, value, _ := strings.Cut(line, ":")
		r.Header.Add(name, strings.TrimSpace(value))
	}
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), g, new(caddyhttp.Server))
	var next caddyhttp.Handler = caddyhttp.HandlerFunc(up)
	for _, h := range slices.Backward(chain) {
		inner := next
		next = caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error { return h.ServeHTTP(w, r, inner) })
	}
	defer func() {
		if v := recover(); v != nil {
			if v != http.ErrAbortHandler { //nolint:errorlint // net/http compares it likewise
				panic(v)
			}
			g.broken = true
		}
	}()
	g.err = next.ServeHTTP(g, r)
	return g
}

func gzipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, text)
	_ = z.Close()
	return b.String()
}

func checkHeader(t *testing.T, h http.Header, want []string) {
	t.Helper()
	for _, line := range want {
		name, text, _ := strings.Cut(line, ":")
		var values []string
		if text = strings.TrimSpace(text); text != "" {
			values = strings.Split(text, ", ")
		}
		if got := h.Values(name); !slices.Equal(got, values) {
			t.Errorf("%s is %q, want %q", name, got, values)
		}
	}
}
