// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtauth

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify/jwttest"
)

// BenchmarkHandler is what a request with a token takes, with its signature checked each time
// and with the token remembered, beside a handler that does nothing.
func BenchmarkHandler(b *testing.B) {
	ctx := provisioned(b, "")
	next := caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })
	run := func(b *testing.B, h caddyhttp.MiddlewareHandler, token string) {
		b.Helper()
		server := new(caddyhttp.Server)
		b.ReportAllocs()
		for b.Loop() {
			r, _ := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://gateway.example/request", http.NoBody)
			r.Header["Authorization"] = []string{"Bearer " + token}
			w := httptest.NewRecorder()
			r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, server)
			if h == nil {
				_ = next(w, r)
				continue
			}
			if err := h.ServeHTTP(w, r, next); err != nil || w.Code != http.StatusOK {
				b.Fatal(w.Code, err)
			}
		}
	}
	b.Run("none", func(b *testing.B) { run(b, nil, hs().Sign(claims())) })
	for _, name := range []string{"HS256", "RS256", "ES256", "EdDSA"} {
		k := jwttest.For(name)
		for mode, cache := range map[string]bool{"verified": false, "remembered": true} {
			b.Run(name+"/"+mode, func(b *testing.B) {
				h, err := load(ctx, object{"keys": []object{keyOf(k)}, "consumer_claim": "sub", "cache": cache})
				if err != nil {
					b.Fatal(err)
				}
				run(b, h, k.Sign(claims("exp", time.Now().Unix()+3600, "scope", "read write")))
			})
		}
	}
}
