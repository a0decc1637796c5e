// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewayauth

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// BenchmarkHandle is what asking several ways costs besides what they do, which here is
// next to nothing.
func BenchmarkHandle(b *testing.B) {
	ctx := provisioned(b, app(""))
	for name, config := range map[string]string{"first of two": anyOf(token, key), "last of two": anyOf(key, token)} {
		module, err := load(ctx, "gateway_auth", config)
		if err != nil {
			b.Fatal(err)
		}
		h := module.(*Handler)
		b.Run(name, func(b *testing.B) {
			w := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/v1/messages", nil)
			r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, new(caddyhttp.Server))
			rq := state.Ensure(r)
			for _, name := range []string{"Accept", "Accept-Encoding", "Content-Type", "Content-Length", "User-Agent", "X-Request-Id"} {
				r.Header[name] = []string{"x"}
			}
			authorization := []string{"Bearer good.bob"}
			next := caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })
			b.ReportAllocs()
			for b.Loop() {
				r.Header["Authorization"] = authorization
				rq.Credential, rq.Token = nil, nil
				if err := h.Handle(w, r, rq, next); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
