// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// sink takes answers without keeping them.
type sink struct {
	header http.Header
	n      int
}

func (s *sink) Header() http.Header { return s.header }
func (s *sink) WriteHeader(int)     {}
func (s *sink) Write(p []byte) (int, error) {
	s.n += len(p)
	return len(p), nil
}

// again returns a function that makes the same request, which is a hit, and returns how
// many bytes came.
func again(t testing.TB, size int, method string) func() int {
	t.Helper()
	text := strings.Repeat("x", size)
	g := newRig(t, "ttl 1h", func(w http.ResponseWriter, r *http.Request, n int) {
		if r.Method == http.MethodPost {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, strings.Replace(chatWhole, "It is Tuesday.", text, 1))
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Etag", `"v"`)
		_, _ = io.WriteString(w, text)
	})
	g.h.host = &host{forget: true}
	make1 := func() *http.Request { return request("GET", "/a", "") }
	if method == http.MethodPost {
		make1 = func() *http.Request { return ask("x", "") }
	}
	if a := g.do("", make1()); a.cache.Status != state.CacheMiss {
		t.Fatalf("%+v", a.cache)
	}
	r := make1()
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	in := bytes.NewReader(body)
	// Without a replacer, which would remember all the requests.
	vars := make(map[string]any)
	ctx := context.WithValue(r.Context(), caddyhttp.ServerCtxKey, new(caddyhttp.Server))
	r = r.WithContext(context.WithValue(ctx, caddyhttp.VarsCtxKey, vars))
	w := &sink{header: make(http.Header, 16)}
	next := caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error {
		t.Error("it is no hit")
		return nil
	})
	return func() int {
		clear(w.header)
		delete(vars, "gateway")
		w.n = 0
		in.Reset(body)
		if len(body) > 0 {
			r.Body = io.NopCloser(in)
		}
		if err := g.h.ServeHTTP(w, r, next); err != nil {
			t.Error(err)
		}
		return w.n
	}
}

// TestHitAllocates holds hits to a handful of allocations, whatever their size.
func TestHitAllocates(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		for _, size := range []int{1 << 10, 20 << 10, 1 << 20} {
			do := again(t, size, method)
			allocs := testing.AllocsPerRun(100, func() {
				if do() < size {
					t.Error("the answer is short")
				}
			})
			// Some 10, the state of the request among them. The race detector has pools
			// forget what they hold.
			if allocs > 20 {
				t.Errorf("%s of %d bytes: %v allocations", method, size, allocs)
			}
			t.Logf("%s of %d bytes: %v allocations", method, size, allocs)
		}
	}
}

func BenchmarkHit(b *testing.B) {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		for _, size := range []int{1 << 10, 20 << 10} {
			b.Run(method+" "+strconv.Itoa(size>>10)+"KiB", func(b *testing.B) {
				do := again(b, size, method)
				b.ReportAllocs()
				for b.Loop() {
					do()
				}
			})
		}
	}
}
