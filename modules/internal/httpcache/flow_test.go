// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/httpcache"
)

// world is an origin, the caching proxy before it and a clock.
type world struct {
	t       *testing.T
	proxy   *cacheProxy
	front   *httptest.Server
	mu      sync.Mutex
	now     time.Time
	reply   http.HandlerFunc
	served  int
	lastAsk http.Header
}

func newWorld(t *testing.T, o httpcache.Options, reply http.HandlerFunc) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), reply: reply}
	origin := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.served++
		w.lastAsk = r.Header.Clone()
		rw.Header().Set("Date", w.now.Format(http.TimeFormat))
		rw.Header().Set("X-Served", fmt.Sprint(w.served))
		reply := w.reply
		w.mu.Unlock()
		reply(rw, r)
	}))
	t.Cleanup(origin.Close)
	proxy, err := newCacheProxy(origin.URL, o, func() time.Time {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.now
	})
	if err != nil {
		t.Fatal(err)
	}
	w.proxy = proxy
	w.front = httptest.NewServer(proxy)
	t.Cleanup(w.front.Close)
	return w
}

func (w *world) wait(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) origin(reply http.HandlerFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reply = reply
}

// ask sends a request and checks the status, the body and Cache-Status.
func (w *world) ask(request string, status int, body, cacheStatus string) {
	w.t.Helper()
	lines := strings.Split(request, "\n")
	method, path, _ := strings.Cut(lines[0], " ")
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.front.URL+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		w.t.Fatal(err)
	}
	got, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	w.proxy.background.Wait()
	if err != nil || res.StatusCode != status || string(got) != body || !strings.Contains(res.Header.Get("Cache-Status"), cacheStatus) {
		w.t.Errorf("%s: %d %q (%s), %v, want %d %q (%s)", lines[0], res.StatusCode, got, res.Header.Get("Cache-Status"), err, status, body, cacheStatus)
	}
}

// text answers with these fields and body, or 304 to what matches the ETag.
func text(body string, lines ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, line := range lines {
			name, value, _ := strings.Cut(line, ": ")
			w.Header().Add(name, value)
		}
		if tag := w.Header().Get("ETag"); tag != "" && r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = io.WriteString(w, body)
	}
}

func fail(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }

func TestFlowFreshStaleValidated(t *testing.T) {
	t.Parallel()
	w := newWorld(t, httpcache.Options{}, text("hello", "Cache-Control: max-age=60", `ETag: "a"`))
	w.ask("GET /", 200, "hello", "fwd=uri-miss; fwd-status=200; stored; detail=miss")
	w.ask("GET /", 200, "hello", "hit; ttl=60")
	w.ask("HEAD /", 200, "", "hit; ttl=60")
	w.wait(59 * time.Second)
	w.ask("GET /\nIf-None-Match: \"x\", \"a\"", 304, "", "hit; ttl=1")
	w.ask("GET /\nRange: bytes=1-2", 206, "el", "hit")
	w.ask("GET /\nRange: bytes=9-", 416, "", "hit")
	w.wait(time.Second)
	w.ask("GET /\nIf-None-Match: \"x\"\nRange: bytes=0-0", 206, "h", "fwd=stale; fwd-status=304; stored; detail=stale")
	if w.lastAsk.Get("If-None-Match") != `"a"` || w.lastAsk.Get("Range") != "" {
		t.Errorf("validated with %v", w.lastAsk)
	}
	w.ask("GET /", 200, "hello", "hit; ttl=60")
	if w.served != 2 {
		t.Errorf("the origin was asked %d times, want 2", w.served)
	}
}

func TestFlowStaleWhileRevalidateAndIfError(t *testing.T) {
	t.Parallel()
	w := newWorld(t, httpcache.Options{}, text("old", "Cache-Control: max-age=10, stale-while-revalidate=10, stale-if-error=100"))
	w.ask("GET /", 200, "old", "fwd=uri-miss")
	w.origin(text("new", "Cache-Control: max-age=10, stale-if-error=100"))
	w.wait(15 * time.Second)
	w.ask("GET /", 200, "old", "hit; ttl=-5; detail=stale-while-revalidate")
	w.ask("GET /", 200, "new", "hit; ttl=10")
	w.origin(fail)
	w.wait(110 * time.Second)
	w.ask("GET /", 200, "new", "hit; ttl=-100; detail=stale-if-error")
	w.ask("GET /\nCache-Control: only-if-cached", 504, "", "test; detail=only-if-cached")
	w.wait(time.Second)
	w.ask("GET /", 503, "", "fwd=stale; fwd-status=503; detail=stale")
}

func TestFlowVary(t *testing.T) {
	t.Parallel()
	w := newWorld(t, httpcache.Options{}, func(rw http.ResponseWriter, r *http.Request) {
		text("for "+r.Header.Get("Foo"), "Cache-Control: max-age=60", "Vary: Foo")(rw, r)
	})
	w.ask("GET /\nFoo: 1", 200, "for 1", "fwd=uri-miss")
	w.ask("GET /\nFoo: 2", 200, "for 2", "fwd=vary-miss")
	w.ask("GET /\nFoo: 1", 200, "for 1", "hit")
	w.ask("GET /\nFoo: 2", 200, "for 2", "hit")
	w.ask("GET /", 200, "for ", "fwd=vary-miss")
}

func TestFlowInvalidation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, httpcache.Options{}, func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/broken" && r.Method == http.MethodPut {
			fail(rw, r)
			return
		}
		text(r.Method, "Cache-Control: max-age=60", "Location: /other", "Content-Location: http://elsewhere.example/third")(rw, r)
	})
	for _, path := range []string{"/", "/other", "/third", "/broken"} {
		w.ask("GET "+path, 200, "GET", "fwd=uri-miss")
	}
	w.ask("POST /", 200, "POST", "fwd=method")
	w.ask("PUT /broken", 503, "", "fwd=method")
	w.ask("GET /", 200, "GET", "fwd=uri-miss")
	w.ask("GET /other", 200, "GET", "fwd=uri-miss")
	w.ask("GET /third", 200, "GET", "hit")
	w.ask("GET /broken", 200, "GET", "hit")
}

func TestFlowCredentialsStayWithTheirOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t, httpcache.Options{}, func(rw http.ResponseWriter, r *http.Request) {
		lines := []string{"Cache-Control: max-age=60"}
		if r.URL.Path == "/public" {
			lines = []string{"Cache-Control: max-age=60, public"}
		}
		text("for "+r.Header.Get("Authorization"), lines...)(rw, r)
	})
	w.ask("GET /\nAuthorization: ann", 200, "for ann", "fwd=uri-miss; fwd-status=200; detail")
	w.ask("GET /\nAuthorization: bob", 200, "for bob", "fwd=uri-miss; fwd-status=200; detail")
	w.ask("GET /public\nAuthorization: ann", 200, "for ann", "stored")
	w.ask("GET /public\nAuthorization: bob", 200, "for ann", "hit")
}

func TestFlowHeadFreshens(t *testing.T) {
	t.Parallel()
	w := newWorld(t, httpcache.Options{}, text("hello", "Cache-Control: max-age=10", `ETag: "a"`))
	w.ask("GET /", 200, "hello", "fwd=uri-miss")
	w.wait(10 * time.Second)
	w.ask("HEAD /", 200, "", "fwd=stale")
	w.ask("GET /", 200, "hello", "hit; ttl=10")
	w.origin(text("hello again", "Cache-Control: max-age=10", `ETag: "b"`))
	w.wait(10 * time.Second)
	w.ask("HEAD /", 200, "", "fwd=stale")
	w.ask("GET /", 200, "hello again", "fwd=uri-miss")
}
