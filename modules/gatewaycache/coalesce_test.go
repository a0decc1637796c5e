// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// statuses counts what became of answers.
func statuses(answers []got) map[state.CacheStatus]int {
	n := make(map[state.CacheStatus]int)
	for _, a := range answers {
		n[a.cache.Status]++
	}
	return n
}

// TestCoalescing has several ask for the same while the first call is being answered.
func TestCoalescing(t *testing.T) {
	t.Parallel()
	const stream = `,"stream":true,"stream_options":{"include_usage":true}`
	tests := []struct {
		name, opts string
		r          func() *http.Request
		body       string
		calls      int
	}{
		{"GET", "ttl 1m", func() *http.Request { return request("GET", "/a", "") }, "", 2},
		{"stream", "", func() *http.Request { return ask("x", stream, "X-Answer: stream") }, chatStream, 2},
		{"off", "coalesce off", func() *http.Request { return ask("x", "") }, chatWhole, 8},
		{"conditions", "ttl 1m", func() *http.Request { return request("GET", "/a", "", `If-None-Match: "x"`) }, "", 8},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				g := newRig(t, tt.opts, func(w http.ResponseWriter, r *http.Request, n int) {
					if tt.body == "" {
						_, _ = io.WriteString(w, "one")
						<-release
						_, _ = io.WriteString(w, "two")
						return
					}
					<-release
					chat(w, r, n)
				})
				answers := make([]got, 8)
				var wg sync.WaitGroup
				for i := range answers {
					consumer := []string{"alice", "bob"}[i%2]
					wg.Go(func() { answers[i] = g.do(consumer, tt.r()) })
				}
				synctest.Wait()
				close(release)
				wg.Wait()
				if g.called() != tt.calls {
					t.Errorf("%d calls, want %d: %v", g.called(), tt.calls, statuses(answers))
				}
				for _, a := range answers {
					if want := or(tt.body, "onetwo"); a.Body.String() != want || a.broken {
						t.Errorf("%+v: %q, broken %t", a.cache, a.Body, a.broken)
					}
				}
				if n := statuses(answers); tt.calls == 2 && n[state.CacheCoalesced] != 6 {
					t.Errorf("%v", n)
				}
			})
		})
	}
}

// TestLeaderFails has the first call fail before its answer. The others try for
// themselves.
func TestLeaderFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		g := newRig(t, "", func(w http.ResponseWriter, r *http.Request, n int) {
			if n == 1 {
				<-release
				panic(http.ErrAbortHandler)
			}
			chat(w, r, n)
		})
		answers := make([]got, 6)
		var wg sync.WaitGroup
		for i := range answers {
			wg.Go(func() { answers[i] = g.do("alice", ask("x", "")) })
		}
		synctest.Wait()
		close(release)
		wg.Wait()
		broken := 0
		for _, a := range answers {
			if a.broken {
				broken++
			} else if a.Body.String() != chatWhole {
				t.Errorf("%+v: %q", a.cache, a.Body)
			}
		}
		if broken != 1 || g.called() != 2 {
			t.Errorf("%d answers are broken after %d calls", broken, g.called())
		}
	})
}

// TestLeaderBreaksOff has the first call break off within its answer, which all see.
func TestLeaderBreaksOff(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"abort", "end"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				g := newRig(t, "", func(w http.ResponseWriter, _ *http.Request, _ int) {
					w.Header().Set("Content-Type", "text/event-stream")
					_, _ = io.WriteString(w, chatTexts)
					<-release
					if way == "abort" {
						panic(http.ErrAbortHandler)
					}
				})
				answers := make([]got, 4)
				var wg sync.WaitGroup
				for i := range answers {
					wg.Go(func() { answers[i] = g.do("alice", ask("x", `,"stream":true`)) })
				}
				synctest.Wait()
				close(release)
				wg.Wait()
				for _, a := range answers {
					if !a.broken && a.cache.Status == state.CacheCoalesced {
						t.Errorf("%+v: the end looks like that of an answer", a.cache)
					}
				}
				if g.called() != 1 {
					t.Errorf("%d calls", g.called())
				}
				if a := g.do("alice", ask("x", `,"stream":true`)); a.cache.Served() {
					t.Errorf("%+v", a.cache)
				}
			})
		})
	}
}

// TestLeaderLeaves has the client leave whose call others wait for.
func TestLeaderLeaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		g := newRig(t, "", nil)
		next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			select {
			case <-release:
			case <-r.Context().Done():
				return caddyhttp.Error(state.StatusClientClosed, r.Context().Err())
			}
			chat(w, r, 1)
			return nil
		})
		ctx, leave := context.WithCancel(t.Context())
		answers := make([]got, 3)
		var wg sync.WaitGroup
		wg.Go(func() { answers[0] = g.through("alice", ask("x", "").WithContext(ctx), next) })
		synctest.Wait()
		for i := 1; i < len(answers); i++ {
			wg.Go(func() { answers[i] = g.through("alice", ask("x", ""), next) })
		}
		synctest.Wait()
		leave()
		synctest.Wait()
		close(release)
		wg.Wait()
		for _, a := range answers[1:] {
			a.want(t, state.CacheCoalesced, "", chatWhole)
		}
		g.through("alice", ask("x", ""), next).want(t, state.CacheHit, "", chatWhole)
	})
}

// TestCoalescingMindsVary has others follow whose answer turns out to be another one.
func TestCoalescingMindsVary(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		g := newRig(t, "ttl 1m", func(w http.ResponseWriter, r *http.Request, _ int) {
			<-release
			w.Header().Set("Vary", "X-Side")
			_, _ = io.WriteString(w, "for "+r.Header.Get("X-Side"))
		})
		sides := []string{"a", "b", "a", "c"}
		answers := make([]got, len(sides))
		var wg sync.WaitGroup
		for i, side := range sides {
			wg.Go(func() { answers[i] = g.do("alice", request("GET", "/", "", "X-Side: "+side)) })
		}
		synctest.Wait()
		close(release)
		wg.Wait()
		for i, side := range sides {
			if got := answers[i].Body.String(); got != "for "+side {
				t.Errorf("%s got %q", side, got)
			}
		}
	})
}

// TestNobodyJoinsAcrossAPurge purges while a call is being answered: who comes afterwards
// has the upstream asked again.
func TestNobodyJoinsAcrossAPurge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		g := newRig(t, "ttl 1m", func(w http.ResponseWriter, _ *http.Request, n int) {
			if n == 1 {
				<-release
			}
			_, _ = io.WriteString(w, "answer "+itoa(n))
		})
		var before got
		var wg sync.WaitGroup
		wg.Go(func() { before = g.do("alice", request("GET", "/a", "")) })
		synctest.Wait()
		if _, err := g.h.cache.Store().Purge(t.Context(), "consumer:alice"); err != nil {
			t.Fatal(err)
		}
		g.do("alice", request("GET", "/a", "")).want(t, state.CacheMiss, "", "answer 02")
		close(release)
		wg.Wait()
		before.want(t, state.CacheMiss, "", "answer 01")
		g.do("alice", request("GET", "/a", "")).want(t, state.CacheHit, "", "answer 02")
	})
}

// TestCoalescingMindsTheRequest has requests come during a call that want something newer
// than what it will answer.
func TestCoalescingMindsTheRequest(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		directive, opts string
		want            state.CacheStatus
	}{
		{"no-cache", "ttl 1m", state.CacheMiss},
		{"no-cache", "ttl 1m\nignore_request_directives", state.CacheCoalesced},
		{"max-age=5", "ttl 1m", state.CacheMiss},
		{"max-age=30", "ttl 1m", state.CacheCoalesced},
		{"min-fresh=55", "ttl 1m", state.CacheMiss},
		{"min-fresh=30", "ttl 1m", state.CacheCoalesced},
		{"max-stale", "ttl 1m", state.CacheCoalesced},
	} {
		t.Run(tt.directive, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				g := newRig(t, tt.opts, func(w http.ResponseWriter, _ *http.Request, n int) {
					_, _ = io.WriteString(w, "answer ")
					if n == 1 {
						<-release
					}
					_, _ = io.WriteString(w, itoa(n))
				})
				var wg sync.WaitGroup
				wg.Go(func() { g.do("alice", request("GET", "/a", "")).want(t, state.CacheMiss, "", "answer 01") })
				synctest.Wait()
				time.Sleep(10 * time.Second)
				var later got
				wg.Go(func() { later = g.do("alice", request("GET", "/a", "", "Cache-Control: "+tt.directive)) })
				synctest.Wait()
				close(release)
				wg.Wait()
				body := "answer 02"
				if tt.want == state.CacheCoalesced {
					body = "answer 01"
				}
				later.want(t, tt.want, "", body)
			})
		})
	}
}

// TestFollowersHaveSaved has all who share the answer of a model tell, when they are
// settled, what the call has cost.
func TestFollowersHaveSaved(t *testing.T) {
	t.Parallel()
	for name, more := range map[string][2]string{
		"whole":  {"", ""},
		"stream": {`,"stream":true,"stream_options":{"include_usage":true}`, "X-Answer: stream"},
		"length": {"", "X-Length: yes"},
		"left":   {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				g := newRig(t, "", func(w http.ResponseWriter, r *http.Request, n int) {
					<-release
					if r.Header.Get("X-Length") != "" {
						w.Header().Set("Content-Length", strconv.Itoa(len(chatWhole)))
					}
					chat(w, r, n)
				})
				g.as = func(rq *state.Request) { rq.LLM.Provider = "openai"; rq.OnSettle(metering{}) }
				var headers []string
				if more[1] != "" {
					headers = append(headers, more[1])
				}
				first, leave := context.WithCancel(t.Context())
				answers := make([]got, 4)
				var wg sync.WaitGroup
				wg.Go(func() { answers[0] = g.do("alice", ask("x", more[0], headers...).WithContext(first)) })
				synctest.Wait()
				for i := 1; i < len(answers); i++ {
					wg.Go(func() { answers[i] = g.do("alice", ask("x", more[0], headers...)) })
				}
				synctest.Wait()
				if name == "left" {
					leave()
				}
				close(release)
				wg.Wait()
				leave()
				if g.called() != 1 {
					t.Errorf("%d calls", g.called())
				}
				saved := 0
				for _, rec := range g.h.host.(*host).recorded() {
					if rec.cache.SavedKnown && rec.cache.Saved == 42 {
						saved++
					}
				}
				if saved != 3 {
					t.Errorf("%d of 3 were recorded with what they have saved", saved)
				}
			})
		})
	}
}

// metering prices calls that the upstream has answered.
type metering struct{}

func (metering) SettleRequest(rq *state.Request) {
	if !rq.Cache.Served() {
		costing{}.SettleRequest(rq)
	}
}
func (metering) EndRequest() {}
