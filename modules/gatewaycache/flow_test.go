// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// TestRevalidation lets an answer become stale that the upstream then calls still good,
// and then does not.
func TestRevalidation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tag := `"one"`
		g := newRig(t, "", func(w http.ResponseWriter, r *http.Request, n int) {
			w.Header().Set("Cache-Control", "max-age=10")
			w.Header().Set("Etag", tag)
			w.Header().Set("X-N", itoa(n))
			if r.Header.Get("If-None-Match") == tag {
				w.Header().Set("Set-Cookie", "for=one")
				w.WriteHeader(http.StatusNotModified)
				return
			}
			_, _ = io.WriteString(w, "answer "+itoa(n))
		})
		get := func(headers ...string) got { return g.do("alice", request("GET", "/a", "", headers...)) }
		get().want(t, state.CacheMiss, "", "answer 01")
		time.Sleep(11 * time.Second)
		again := get()
		again.want(t, state.CacheRevalidated, "stale", "answer 01")
		h := again.Header()
		if h.Get("X-N") != "02" || h.Get("X-Cache-Status") != "Refresh" || h.Get("Set-Cookie") != "for=one" || !strings.Contains(h.Get("Cache-Status"), "fwd=stale; fwd-status=304") || h.Get("X-Correlation-Id") == "" {
			t.Errorf("header is %v", h)
		}
		hit := get()
		hit.want(t, state.CacheHit, "", "answer 01")
		if hit.Header()["Set-Cookie"] != nil || hit.Header().Get("X-N") != "02" {
			t.Errorf("header is %v", hit.Header())
		}
		get("Cache-Control: no-cache").want(t, state.CacheRevalidated, "request-no-cache", "answer 01")
		time.Sleep(11 * time.Second)
		if a := get(`If-None-Match: "one"`); a.Code != 304 || a.cache.Status != state.CacheRevalidated {
			t.Errorf("%d %+v", a.Code, a.cache)
		}
		tag = `"two"`
		time.Sleep(11 * time.Second)
		get().want(t, state.CacheMiss, "stale", "answer 05")
		get().want(t, state.CacheHit, "", "answer 05")
	})
}

func TestVary(t *testing.T) {
	t.Parallel()
	g := newRig(t, "", func(w http.ResponseWriter, r *http.Request, n int) {
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Vary", "Accept-Language, X-Side")
		_, _ = io.WriteString(w, r.Header.Get("Accept-Language")+itoa(n))
	})
	get := func(language string) got {
		return g.do("alice", request("GET", "/a", "", "Accept-Language: "+language))
	}
	get("ta").want(t, state.CacheMiss, "", "ta01")
	hi := get("hi")
	hi.want(t, state.CacheMiss, "", "hi02")
	if !strings.Contains(hi.Header().Get("Cache-Status"), "fwd=vary-miss") {
		t.Errorf("Cache-Status is %q", hi.Header().Get("Cache-Status"))
	}
	get("ta").want(t, state.CacheHit, "", "ta01")
	get("hi").want(t, state.CacheHit, "", "hi02")
	g.do("alice", request("GET", "/a", "", "Accept-Language: ta", "X-Side: b")).want(t, state.CacheMiss, "", "ta03")
}

// TestInvalidation changes what is stored.
func TestInvalidation(t *testing.T) {
	t.Parallel()
	for _, vary := range []string{"", "Accept-Language"} {
		t.Run("vary "+vary, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, "", func(w http.ResponseWriter, r *http.Request, n int) {
				w.Header().Set("Cache-Control", "max-age=60")
				if vary != "" {
					w.Header().Set("Vary", vary)
				}
				if r.Header.Get("X-Fail") != "" {
					w.WriteHeader(http.StatusConflict)
				}
				if r.Method == http.MethodPut {
					w.Header().Set("Content-Location", "/also")
				}
				_, _ = io.WriteString(w, itoa(n))
			})
			get := func(path, language string) got {
				return g.do("alice", request("GET", path, "", "Accept-Language: "+language))
			}
			for i, path := range []string{"/a", "/also", "/other"} {
				get(path, "ta").want(t, state.CacheMiss, "", itoa(2*i+1))
				get(path, "hi")
				if vary == "" {
					g.calls++ // for the same numbers
				}
			}
			g.do("alice", request("PUT", "/a", "{}", "X-Fail: 1")).want(t, state.CacheBypass, "method", "07")
			get("/a", "ta").want(t, state.CacheHit, "", "01")
			g.do("alice", request("PUT", "/a", "{}")).want(t, state.CacheBypass, "method", "08")
			get("/a", "ta").want(t, state.CacheMiss, "", "09")
			get("/also", "ta").want(t, state.CacheMiss, "", "10")
			get("/other", "ta").want(t, state.CacheHit, "", "05")
			if vary != "" {
				get("/a", "hi").want(t, state.CacheMiss, "", "11")
			}
		})
	}
}

// TestStaleIfError has the upstream fail in several ways.
func TestStaleIfError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "ttl 10s\nstale_if_error 10m", nil)
		var fail func(w http.ResponseWriter) error
		g.up = func(w http.ResponseWriter, _ *http.Request, n int) { _, _ = io.WriteString(w, itoa(n)) }
		failing := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			if fail != nil {
				return fail(w)
			}
			return g.ServeHTTP(w, r)
		})
		get := func() got { return g.through("alice", request("GET", "/a", ""), failing) }
		get().want(t, state.CacheMiss, "", "01")
		time.Sleep(20 * time.Second)
		for name, way := range map[string]func(w http.ResponseWriter) error{
			"error": func(http.ResponseWriter) error { return caddyhttp.Error(502, errors.New("no upstream")) },
			"status": func(w http.ResponseWriter) error {
				w.Header().Set("X-Bad", "1")
				w.Header().Set("Content-Type", "text/plain")
				w.WriteHeader(503)
				_, _ = io.WriteString(w, "sorry")
				return nil
			},
		} {
			fail = way
			a := get()
			a.want(t, state.CacheStale, "stale-if-error", "01")
			if a.Code != 200 || a.Header()["X-Bad"] != nil || a.Header().Get("Age") != "20" || a.Header().Get("X-Correlation-Id") == "" {
				t.Errorf("%s: %d %v", name, a.Code, a.Header())
			}
		}
		time.Sleep(11 * time.Minute)
		if a := get(); a.Code < 500 {
			t.Errorf("too old an answer is given: %d %s", a.Code, a.Body)
		}
		fail = nil
		get().want(t, state.CacheMiss, "", "02")
	})
}

// TestStaleWhileRevalidate gives a stale answer and gets a new one in the background.
func TestStaleWhileRevalidate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		r    func() *http.Request
		tag  string
	}{
		{"get", func() *http.Request { return request("GET", "/a", "") }, ""},
		{"get with a validator", func() *http.Request { return request("GET", "/a", "") }, `"v"`},
		{"call", func() *http.Request { return ask("x", "") }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				answers, saw := "first", ""
				wait := make(chan struct{})
				g := newRig(t, "ttl 10s\nstale_while_revalidate 10m", func(w http.ResponseWriter, r *http.Request, n int) {
					if n > 1 {
						<-wait
					}
					saw = r.Header.Get(state.HeaderConsumerName)
					if tt.tag != "" {
						w.Header().Set("Etag", tt.tag)
						if r.Header.Get("If-None-Match") == tt.tag {
							w.WriteHeader(http.StatusNotModified)
							return
						}
					}
					w.Header().Set("Content-Type", "application/json")
					_, _ = io.WriteString(w, strings.Replace(chatWhole, "Tuesday", answers, 1))
				})
				body := func(word string) string { return strings.Replace(chatWhole, "Tuesday", word, 1) }
				g.do("alice", tt.r()).want(t, state.CacheMiss, "", body("first"))
				time.Sleep(20 * time.Second)
				if tt.tag == "" {
					answers = "second"
				}
				for range 3 { // one of which refreshes
					g.do("alice", tt.r()).want(t, state.CacheStale, "stale-while-revalidate", body("first"))
				}
				synctest.Wait()
				if g.called() != 2 {
					t.Fatalf("%d calls, want one in the background", g.called())
				}
				close(wait)
				synctest.Wait()
				g.do("alice", tt.r()).want(t, state.CacheHit, "", body(answers))
				if saw != "alice" {
					t.Errorf("the upstream was told of consumer %q", saw)
				}
				records := g.h.host.(*host).recorded()
				found := false
				for _, r := range records {
					if r.cache.Reason == reasonRefresh {
						found = r.consumer == "alice"
					}
				}
				if !found {
					t.Errorf("the call in the background is not recorded for its consumer: %+v", records)
				}
			})
		})
	}
}

// TestOnlyIfCached asks for stored answers only.
// TestNothingInTheBackgroundEscapesLimits: a model call that counts against limits is
// made while the client waits, so that what it has reserved is settled to what it uses.
func TestNothingInTheBackgroundEscapesLimits(t *testing.T) {
	t.Parallel()
	for name, as := range map[string]func(*state.Request){
		"decided":   func(rq *state.Request) { rq.Quota.Name = "demo" },
		"undecided": func(rq *state.Request) { rq.Await(undecided{}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				answers := "first"
				g := newRig(t, "ttl 10s\nstale_while_revalidate 10m\nstale_if_error 10m", func(w http.ResponseWriter, _ *http.Request, _ int) {
					if answers == "" {
						w.WriteHeader(http.StatusServiceUnavailable)
						return
					}
					w.Header().Set("Content-Type", "application/json")
					_, _ = io.WriteString(w, strings.Replace(chatWhole, "Tuesday", answers, 1))
				})
				g.as = as
				body := func(word string) string { return strings.Replace(chatWhole, "Tuesday", word, 1) }
				g.do("alice", ask("x", "")).want(t, state.CacheMiss, "", body("first"))
				time.Sleep(20 * time.Second)
				answers = "second"
				g.do("alice", ask("x", "")).want(t, state.CacheMiss, "stale", body("second"))
				if g.called() != 2 {
					t.Errorf("%d calls, want the second in the foreground", g.called())
				}
				for _, r := range g.h.host.(*host).recorded() {
					if r.cache.Reason == reasonRefresh {
						t.Errorf("a call in the background: %+v", r)
					}
				}
				time.Sleep(20 * time.Second)
				answers = "" // what is stale is still good for an upstream that fails
				g.do("alice", ask("x", "")).want(t, state.CacheStale, "stale-if-error", body("second"))
			})
		})
	}
}

// undecided waits for something.
type undecided struct{}

func (undecided) Reached(state.Stage, *http.Request, *state.Request) error { return nil }
func (undecided) AnswerHeader(http.Header)                                 {}
func (undecided) Done()                                                    {}

// TestHandlersOfOneCache: what one handler takes for the same need not be the same for
// another one that uses the same cache.
func TestHandlersOfOneCache(t *testing.T) {
	t.Parallel()
	up := func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, chatWhole)
	}
	for name, opts := range map[string][2]string{
		"fields":       {"ignore_fields user seed", ""},
		"placeholders": {"key placeholder {http.request.header.X-A}", "key placeholder {http.request.header.X-B}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, other := newRig(t, opts[0], up), newRig(t, opts[1], up)
			other.h.cache = one.h.cache
			one.do("alice", ask("x", "")).want(t, state.CacheMiss, "", chatWhole)
			other.do("alice", ask("x", "")).want(t, state.CacheMiss, "", chatWhole)
			one.do("alice", ask("x", "")).want(t, state.CacheHit, "", chatWhole)
		})
	}
}

func TestOnlyIfCached(t *testing.T) {
	t.Parallel()
	g := newRig(t, "ttl 1m", text())
	a := g.do("alice", request("GET", "/a", "", "Cache-Control: only-if-cached"))
	if a.Code != 504 && statusOf(a.err) != 504 {
		t.Errorf("%d %v", a.Code, a.err)
	}
	g.do("alice", request("GET", "/a", "")).want(t, state.CacheMiss, "", "answer 01")
	g.do("alice", request("GET", "/a", "", "Cache-Control: only-if-cached")).want(t, state.CacheHit, "", "answer 01")
}

// TestOptionsOfKeys looks at what tells requests apart.
func TestOptionsOfKeys(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, opts string
		a, b       *http.Request
		same       bool
	}{
		{"query", "", request("GET", "/a?x=1&y=1", ""), request("GET", "/a?x=1&y=2", ""), false},
		{"a parameter", "key query x", request("GET", "/a?x=1&y=1", ""), request("GET", "/a?y=2&x=1", ""), true},
		{"another value of it", "key query x", request("GET", "/a?x=1", ""), request("GET", "/a?x=2", ""), false},
		{"header", "", request("GET", "/a", "", "X-T: 1"), request("GET", "/a", "", "X-T: 2"), true},
		{"a header that counts", "key header x-t", request("GET", "/a", "", "X-T: 1"), request("GET", "/a", "", "X-T: 2"), false},
		{"placeholder", "key placeholder {http.request.header.X-T}", request("GET", "/a", "", "X-T: 1"), request("GET", "/a", "", "X-T: 2"), false},
		{"host", "", request("GET", "http://a.example.com/", ""), request("GET", "http://b.example.com/", ""), false},
		{"host in capitals", "", request("GET", "http://a.example.com/", ""), request("GET", "http://A.Example.com/", ""), true},
		{"escaped path", "", request("GET", "/a%2Fb", ""), request("GET", "/a/b", ""), false},
		{"JSON", "methods GET POST", request("POST", "/a", `{"x":1,"y":[2]}`), request("POST", "/a", `{"y":[2.0],"x":1}`), true},
		{"other JSON", "methods GET POST", request("POST", "/a", `{"x":1}`), request("POST", "/a", `{"x":2}`), false},
		{"JSON that is ignored", "methods GET POST\nignore_fields at.ms", request("POST", "/a", `{"x":1,"at":{"ms":1}}`), request("POST", "/a", `{"x":1,"at":{"ms":2}}`), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, "ttl 1m\n"+tt.opts, text())
			g.do("alice", tt.a).want(t, state.CacheMiss, "", "answer 01")
			want := state.CacheMiss
			if tt.same {
				want = state.CacheHit
			}
			if got := g.do("alice", tt.b).cache.Status; got != want {
				t.Errorf("the second is a %s, want %s", got, want)
			}
		})
	}
}
