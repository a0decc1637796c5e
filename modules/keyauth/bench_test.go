// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package keyauth

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

var pass = caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })

// crowd is a gateway app with n consumers of one key each.
func crowd(b *testing.B, n int) string {
	b.Helper()
	specs := make([]consumers.Spec, n)
	for i := range specs {
		specs[i] = consumers.Spec{
			Name: fmt.Sprintf("consumer-%06d", i),
			Keys: []consumers.KeySpec{{Key: apikey.Hash(fmt.Sprintf("demo-key-%06d", i)).String()}},
		}
	}
	doc, err := json.Marshal(map[string]any{"consumers": specs})
	if err != nil {
		b.Fatal(err)
	}
	return string(doc)
}

// BenchmarkHandle is the way of a request with a right key, without the
// creation of the request state. The key is put back before each round.
func BenchmarkHandle(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		h := load(b, provisioned(b, crowd(b, n)), `{}`).(*Handler)
		for _, carrier := range []string{"Apikey", "Authorization"} {
			b.Run(fmt.Sprintf("%s/keys=%d", carrier, n), func(b *testing.B) {
				repl := caddy.NewReplacer()
				w := httptest.NewRecorder()
				r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/v1/messages", nil)
				r = caddyhttp.PrepareRequest(r, repl, w, new(caddyhttp.Server))
				rq := state.Ensure(r)
				values := make([][]string, 64)
				for i := range values {
					key := fmt.Sprintf("demo-key-%06d", i*7919%n)
					if carrier == "Authorization" {
						key = "Bearer " + key
					}
					values[i] = []string{key}
				}
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					r.Header[carrier] = values[i%len(values)]
					if err := h.Handle(w, r, rq, pass); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkEncoder is one access-log line.
func BenchmarkEncoder(b *testing.B) {
	for _, format := range []string{"json", "gateway"} {
		b.Run(format, func(b *testing.B) {
			mod, err := provisioned(b, `{}`).LoadModuleByID("caddy.logging.encoders."+format, json.RawMessage(`{}`))
			if err != nil {
				b.Fatal(err)
			}
			log := zap.New(zapcore.NewCore(mod.(zapcore.Encoder), zapcore.AddSync(io.Discard), zapcore.InfoLevel))
			request := canaryRequest(b)
			b.ReportAllocs()
			for b.Loop() {
				log.Info("handled request", zap.Object("request", request))
			}
		})
	}
}

// BenchmarkWithRequest is what reverse_proxy does for each round trip of which
// nothing is logged: zap's own part of it is the copy of the core, one
// allocation.
func BenchmarkWithRequest(b *testing.B) {
	for _, format := range []string{"json", "gateway"} {
		b.Run(format, func(b *testing.B) {
			mod, err := provisioned(b, `{}`).LoadModuleByID("caddy.logging.encoders."+format, json.RawMessage(`{}`))
			if err != nil {
				b.Fatal(err)
			}
			core := zapcore.NewCore(mod.(zapcore.Encoder), zapcore.AddSync(io.Discard), zapcore.InfoLevel)
			list := []zapcore.Field{
				zap.String("upstream", "127.0.0.1:8200"), zap.Duration("duration", time.Millisecond), zap.Object("request", toUpstream(canaryRequest(b))),
			}
			ent := zapcore.Entry{Level: zapcore.DebugLevel, Message: "upstream roundtrip"}
			b.ReportAllocs()
			for b.Loop() {
				if core.With(list).Check(ent, nil) != nil {
					b.Fatal("the level is on")
				}
			}
		})
	}
}
