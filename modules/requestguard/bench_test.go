// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package requestguard

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

var pass = caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })

// completion is a request as client libraries of model providers send it.
func completion() *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/openai/v1/chat/completions", nil)
	r.URL.Scheme, r.URL.Host = "", ""
	for name, value := range map[string]string{
		"Accept": "application/json", "Accept-Encoding": "gzip", "Authorization": "Bearer demo-key-not-a-secret",
		"Connection": "keep-alive", "Content-Length": "1024", "Content-Type": "application/json",
		"User-Agent": "OpenAI/Python 1.99.9", "X-Correlation-Id": "0198c1b2-0000-7000-8000-000000000000",
		"X-Stainless-Lang": "python", "X-Stainless-Os": "Linux", "X-Stainless-Retry-Count": "0",
	} {
		r.Header.Set(name, value)
	}
	return r
}

func TestHandleAllocatesNothing(t *testing.T) {
	h, r, w, rq := newGuard(t, "request_guard"), completion(), httptest.NewRecorder(), new(state.Request)
	if allocs := testing.AllocsPerRun(100, func() {
		if err := h.Handle(w, r, rq, pass); err != nil {
			t.Fatal(err)
		}
	}); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func BenchmarkHandle(b *testing.B) {
	h, r, w, rq := newGuard(b, "request_guard"), completion(), httptest.NewRecorder(), new(state.Request)
	b.ReportAllocs()
	for b.Loop() {
		if err := h.Handle(w, r, rq, pass); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckPath(b *testing.B) {
	r := completion()
	b.ReportAllocs()
	for b.Loop() {
		if ruleSet(everyRule).checkPath(r.URL) != 0 {
			b.Fatal("refused")
		}
	}
}
