// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-gateway/tollgate/modules/caching"
	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/cachemem"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// troubled is a store elsewhere, which may be slow or gone.
type troubled struct {
	caching.Store
	err  error
	slow time.Duration
}

func (s *troubled) Get(ctx context.Context, key caching.Key) (*caching.Entry, error) {
	if s.err != nil {
		return nil, s.err
	}
	return s.Store.Get(ctx, key)
}

func (s *troubled) Put(ctx context.Context, key caching.Key, e *caching.Entry, since caching.Mark) (caching.Outcome, error) {
	if s.err != nil {
		return caching.Outdated, s.err
	}
	time.Sleep(s.slow)
	return s.Store.Put(ctx, key, e, since)
}

func TestStoreThatIsGone(t *testing.T) {
	t.Parallel()
	g := newRig(t, "ttl 1m", text())
	store := &troubled{Store: g.h.cache.Store(), err: caching.ErrUnavailable}
	g.h.cache = &testCache{store: store}
	for n := 1; n <= 2; n++ {
		g.do("alice", request("GET", "/a", "")).want(t, state.CacheMiss, "store_unavailable", "answer "+itoa(n))
	}
	store.err = nil
	g.do("alice", request("GET", "/a", "")).want(t, state.CacheMiss, "", "answer 03")
	g.do("alice", request("GET", "/a", "")).want(t, state.CacheHit, "", "answer 03")
	store.err = errors.New("a fault")
	g.do("alice", request("GET", "/a", "")).want(t, state.CacheMiss, "store_unavailable", "answer 04")
}

// TestStoreThatIsSlow has putting take long. The client waits a little for it at most, and
// who comes meanwhile gets the answer all the same.
func TestStoreThatIsSlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "ttl 1m", text())
		g.h.cache = &testCache{store: &troubled{Store: g.h.cache.Store(), slow: 2 * time.Second}}
		begin := time.Now()
		g.do("alice", request("GET", "/a", "")).want(t, state.CacheMiss, "", "answer 01")
		if took := time.Since(begin); took > putWait {
			t.Errorf("the client waited for %v", took)
		}
		g.do("alice", request("GET", "/a", "")).want(t, state.CacheCoalesced, "", "answer 01")
		time.Sleep(3 * time.Second)
		g.do("alice", request("GET", "/a", "")).want(t, state.CacheHit, "", "answer 01")
	})
}

func (s *troubled) Delete(ctx context.Context, key caching.Key) error {
	time.Sleep(s.slow)
	return s.Store.Delete(ctx, key)
}

// TestForgettingInASlowStore has a change make several URLs out of date: the client waits
// for the store once.
func TestForgettingInASlowStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "ttl 1m", func(w http.ResponseWriter, r *http.Request, n int) {
			if r.Method == http.MethodPut {
				w.Header().Set("Location", "/b")
				w.Header().Set("Content-Location", "/c")
			}
			_, _ = io.WriteString(w, "answer "+itoa(n))
		})
		for i, path := range []string{"/a", "/b", "/c"} {
			g.do("alice", request("GET", path, "")).want(t, state.CacheMiss, "", "answer "+itoa(i+1))
		}
		store := &troubled{Store: g.h.cache.Store(), slow: 30 * time.Millisecond}
		g.h.cache = &testCache{store: store}
		begin := time.Now()
		g.do("alice", request("PUT", "/a", "{}")).want(t, state.CacheBypass, "method", "answer 04")
		if took := time.Since(begin); took > store.slow {
			t.Errorf("the client waited for %v", took)
		}
		store.slow = 0
		for i, path := range []string{"/a", "/b", "/c"} {
			g.do("alice", request("GET", path, "")).want(t, state.CacheMiss, "", "answer "+itoa(i+5))
		}
	})
}

// TestPurgeDuringACall purges while the upstream is answering: what it answers was asked
// for before.
func TestPurgeDuringACall(t *testing.T) {
	t.Parallel()
	for _, tags := range [][]string{
		nil,
		{gateway.CacheTagConsumer + "alice"},
		{gateway.CacheTagModel + "m", gateway.CacheTagProvider + "openai"},
		{gateway.CacheTagPath + chatPath, gateway.CacheTagHost + "example.com"},
		{gateway.CacheTagOwn + "mine", gateway.CacheTagOwn + "of id"},
		{gateway.CacheTagRoute + "r"},
	} {
		purge := true
		var g *rig
		g = newRig(t, "tags mine \"of {http.request.header.X-Id}\"", func(w http.ResponseWriter, r *http.Request, n int) {
			if purge {
				_, _ = g.h.cache.Store().Purge(r.Context(), tags...)
			}
			chat(w, r, n)
		})
		g.as = func(rq *state.Request) { rq.Route, rq.LLM.Provider, rq.LLM.Model = "r", "openai", "m" }
		ask := func() *http.Request { return ask("x", "", "X-Id: id") }
		g.do("alice", ask()).want(t, state.CacheMiss, "", chatWhole)
		purge = false
		g.do("alice", ask()).want(t, state.CacheMiss, "", chatWhole)
		g.do("alice", ask()).want(t, state.CacheHit, "", chatWhole)
		if _, err := g.h.cache.Store().Purge(t.Context(), tags...); err != nil {
			t.Fatal(err)
		}
		g.do("alice", ask()).want(t, state.CacheMiss, "", chatWhole)
	}
}

// TestPurgeOfAKeyDuringACall purges what an operator knows as X-Cache-Key: the answer that
// is on its way, and of one that varies those that are stored.
func TestPurgeOfAKeyDuringACall(t *testing.T) {
	t.Parallel()
	for _, vary := range [][]string{nil, {"Vary: X-Kind"}} {
		var key caching.Key
		purge := false
		answer := text(vary...)
		var g *rig
		g = newRig(t, "ttl 1m", func(w http.ResponseWriter, r *http.Request, n int) {
			if purge {
				if _, err := g.h.cache.Store().Purge(r.Context(), gateway.CacheTagOfKey(key)); err != nil {
					t.Error(err)
				}
			}
			answer(w, r, n)
		})
		get := func(kind string) got { return g.do("alice", request("GET", "/a", "", "X-Kind: "+kind)) }
		first := get("a")
		first.want(t, state.CacheMiss, "", "answer 01")
		get("a").want(t, state.CacheHit, "", "answer 01")
		key, purge = keyOf(t, first), true
		if vary == nil {
			if err := g.h.cache.Store().Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
		get("b").want(t, state.CacheMiss, "", "answer 02")
		purge = false
		get("b").want(t, state.CacheMiss, "", "answer 03")
		get("b").want(t, state.CacheHit, "", "answer 03")
		if vary != nil {
			get("a").want(t, state.CacheMiss, "", "answer 04")
		}
	}
}

// parted is a store with a sequence of purges for each first byte of keys, as in a Cluster.
type parted struct{ caching.Store }

func (s *parted) Mark(key caching.Key) caching.Mark {
	return caching.Mark{Epoch: 2 + uint64(key[0]), Seq: s.Store.Mark(key).Seq}
}

func (s *parted) Put(ctx context.Context, key caching.Key, e *caching.Entry, since caching.Mark) (caching.Outcome, error) {
	if since.Epoch != 0 && since.Epoch != 2+uint64(key[0]) {
		return caching.Outdated, nil
	}
	return s.Store.Put(ctx, key, e, since)
}

// TestVariantsInAStoreOfParts stores answers that vary where the mark of the request is one
// for a part of the store.
func TestVariantsInAStoreOfParts(t *testing.T) {
	t.Parallel()
	g := newRig(t, "ttl 1m", text("Vary: X-Kind"))
	g.h.cache = &testCache{store: &parted{g.h.cache.Store()}}
	get := func(kind string) *http.Request { return request("GET", "/a", "", "X-Kind: "+kind) }
	for n, kind := range []string{"a", "b", "c"} {
		g.do("alice", get(kind)).want(t, state.CacheMiss, "", "answer "+itoa(n+1))
		g.do("alice", get(kind)).want(t, state.CacheHit, "", "answer "+itoa(n+1))
	}
}

// TestDamagedEntries puts what is none of the handler's entries where it looks.
func TestDamagedEntries(t *testing.T) {
	t.Parallel()
	for _, meta := range []string{"", "A", "V", "V\x01short", "A\x01\x00", "Ax", "another program's", "V\x01\x00\x00\x00\x00\x00\x00\x00\x00\xff"} {
		g := newRig(t, "ttl 1m", text())
		a := g.do("alice", request("GET", "/a", ""))
		key := keyOf(t, a)
		e := &caching.Entry{Meta: []byte(meta), Body: [][]byte{[]byte("bad")}, Expires: time.Now().Add(time.Minute)}
		if _, err := g.h.cache.Store().Put(t.Context(), key, e, caching.Mark{}); err != nil {
			t.Fatal(err)
		}
		g.do("alice", request("GET", "/a", "")).want(t, state.CacheMiss, "", "answer 02")
		g.do("alice", request("GET", "/a", "")).want(t, state.CacheHit, "", "answer 02")
	}
}

// keyOf is the key that an answer names.
func keyOf(t *testing.T, a got) (key caching.Key) {
	t.Helper()
	text := a.Header().Get("X-Cache-Key")
	if text != a.cache.Key || len(text) != 2*len(key) {
		t.Fatalf("key is %q, and %q", text, a.cache.Key)
	}
	for i := range key {
		for _, digit := range text[2*i : 2*i+2] {
			value := digit - '0'
			if digit >= 'a' {
				value = digit - 'a' + 10
			}
			key[i] = key[i]<<4 | byte(value)
		}
	}
	return key
}

// TestSavedCost has hits tell what the call has cost.
func TestSavedCost(t *testing.T) {
	t.Parallel()
	g := newRig(t, "", chat)
	g.as = func(rq *state.Request) { rq.LLM.Provider = "openai"; rq.OnSettle(costing{}) }
	if a := g.do("alice", ask("x", "")); a.cache.SavedKnown {
		t.Errorf("miss %+v", a.cache)
	}
	g.as = func(rq *state.Request) { rq.LLM.Provider = "openai" }
	if a := g.do("alice", ask("x", "")); !a.cache.SavedKnown || a.cache.Saved != 42 {
		t.Errorf("hit %+v", a.cache)
	}
}

// costing is a settler that prices a call, as llm_cost does.
type costing struct{}

func (costing) SettleRequest(rq *state.Request) {
	rq.LLM.Metered, rq.LLM.PriceKnown, rq.LLM.Cost = true, true, 42
}
func (costing) EndRequest() {}

// TestRequestDirectives has the client of a call ask for a new answer, or for none to be
// stored.
func TestRequestDirectives(t *testing.T) {
	t.Parallel()
	g := newRig(t, "", chat)
	g.do("alice", ask("x", "", "Cache-Control: no-store")).want(t, state.CacheBypass, "request-no-store", chatWhole)
	g.do("alice", ask("x", "")).want(t, state.CacheMiss, "", chatWhole)
	a := g.do("alice", ask("x", "", "Cache-Control: no-cache"))
	a.want(t, state.CacheMiss, "request-no-cache", chatWhole)
	if a.Header().Get("X-Cache-Status") != "Refresh" {
		t.Errorf("header is %v", a.Header())
	}
	g = newRig(t, "ignore_request_directives", chat)
	g.do("alice", ask("x", "", "Cache-Control: no-store")).want(t, state.CacheMiss, "", chatWhole)
	g.do("alice", ask("x", "", "Cache-Control: no-cache")).want(t, state.CacheHit, "", chatWhole)
}

// TestAnswersBeyondTheBound stores none, however they come.
func TestAnswersBeyondTheBound(t *testing.T) {
	t.Parallel()
	for _, bound := range []string{"10B", "16MiB"} {
		g := newRig(t, "ttl 1m\nmax_answer "+bound, func(w http.ResponseWriter, _ *http.Request, _ int) {
			_, _ = io.WriteString(w, "123456")
			_, _ = io.WriteString(w, "789012")
		})
		g.do("alice", request("GET", "/a", "")).want(t, state.CacheMiss, "", "123456789012")
		want := state.CacheMiss
		if bound != "10B" {
			want = state.CacheHit
		}
		g.do("alice", request("GET", "/a", "")).want(t, want, "", "123456789012")
	}
}

// Interface guards
var (
	_ caching.Store = (*troubled)(nil)
	_ caching.Store = (*cachemem.Store)(nil)
)
