// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

type quietHost struct{ live *state.Live }

func (h quietHost) Live() *state.Live { return h.live }

func (quietHost) LogPanic(*state.Request, any)                  {}
func (quietHost) Record(*state.Request)                         {}
func (quietHost) Observe(*state.Request, state.Outcome)         {}
func (quietHost) LogError(*state.Request, *http.Request, error) {}

type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// BenchmarkServe is what the outermost handler costs: state, writer, settlement.
func BenchmarkServe(b *testing.B) {
	w := discard{http.Header{"Content-Length": {"2"}}}
	body := []byte("ok")
	template := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader("{}"))
	template.Header = http.Header{"Accept": {"a"}, "Content-Type": {"b"}, "User-Agent": {"c"}, "X-Stainless-Lang": {"d"}, "X-Stainless-Os": {"e"}, "Authorization": {"f"}}
	// Without a replacer, which would grow with each iteration.
	vars := map[string]any{caddyhttp.ClientIPVarKey: "192.0.2.1"}
	r := template.WithContext(context.WithValue(template.Context(), caddyhttp.VarsCtxKey, vars))
	h := handle(pass)
	next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(200)
		_, err := w.Write(body)
		return err
	})
	b.ReportAllocs()
	for b.Loop() {
		delete(vars, "gateway")
		if err := state.Serve(h, quietHost{new(state.Live)}, w, r, next); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewID(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_ = state.NewID(time.Now())
	}
}
