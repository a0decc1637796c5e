// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"context"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"

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
