// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/caching"
	"github.com/caddy-gateway/tollgate/modules/internal/cachemem"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// question of a client in the random test. What the upstream answers names all of it.
type asking struct {
	consumer, scope, path, language, side, prompt string
	call, stream                                  bool
}

// groupsOf are the groups of the consumers, as a set has them.
var groupsOf = map[string]string{"alice": "blue red", "bob": "blue red", "carol": "blue", "dave": "", "": ""}

func (a *asking) String() string {
	return strings.Join([]string{"who=" + a.consumer, "path=" + a.path, "language=" + a.language, "side=" + a.side, "prompt=" + a.prompt, ";"}, ",")
}

// mayHave says that an answer to b may be given to a.
func (a *asking) mayHave(b *asking) error {
	switch {
	case a.path != b.path || a.prompt != b.prompt || a.language != b.language:
		return fmt.Errorf("another question")
	case !a.call && a.side != b.side:
		return fmt.Errorf("another variant")
	case a.scope == "consumer" && a.consumer != b.consumer:
		return fmt.Errorf("another consumer")
	case a.scope == "group" && groupsOf[a.consumer] != groupsOf[b.consumer]:
		return fmt.Errorf("another group")
	case a.scope == "group" && groupsOf[a.consumer] == "" && a.consumer != b.consumer:
		return fmt.Errorf("another consumer without groups")
	}
	return nil
}

func parseAsking(s string) *asking {
	at := strings.Index(s, "who=")
	if at < 0 || !strings.Contains(s, ",;") {
		return nil
	}
	b := new(asking)
	for field := range strings.SplitSeq(s[at:strings.Index(s, ",;")], ",") {
		name, value, _ := strings.Cut(field, "=")
		switch name {
		case "who":
			b.consumer = value
		case "path":
			b.path = value
		case "language":
			b.language = value
		case "side":
			b.side = value
		case "prompt":
			b.prompt = value
		}
	}
	return b
}

func (a *asking) request() *http.Request {
	headers := []string{"Accept-Language: " + a.language, "X-Side: " + a.side, "X-Who: " + a.consumer, "X-Prompt: " + a.prompt}
	if !a.call {
		return request("GET", a.path+"?q="+a.prompt, "", headers...)
	}
	more := ""
	if a.stream {
		more = `,"stream":true`
	}
	return request("POST", a.path+chatPath, `{"model":"m","temperature":0,"messages":[{"role":"user","content":"`+a.prompt+`"}]`+more+`}`, headers...)
}

// TestNobodyGetsWhatIsNotHis makes random requests of several consumers at the same time,
// of all scopes and forms, with variants, calls that fail and break off, purges and
// invalidations, in a cache that is too small, and looks at each answer.
func TestNobodyGetsWhatIsNotHis(t *testing.T) {
	t.Parallel()
	operations := 100_000
	if testing.Short() {
		operations = 5_000
	}
	store := cachemem.New(caching.Options{MaxBytes: 256 << 10})
	t.Cleanup(func() { _ = store.Close() })
	shared := &testCache{store: store}
	rigs := make(map[string]*rig)
	for _, scope := range []string{"consumer", "group", "shared"} {
		g := newRig(t, "scope "+scope+"\nttl 1h\nstale_if_error 1h", nil)
		g.h.cache = shared // one for all
		rigs[scope] = g
	}
	up := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		a := &asking{consumer: r.Header.Get("X-Who"), language: r.Header.Get("Accept-Language"), side: r.Header.Get("X-Side"), prompt: r.Header.Get("X-Prompt")}
		a.path = strings.TrimSuffix(r.URL.Path, chatPath)
		for range rand.IntN(20) {
			runtime.Gosched() // let others come
		}
		switch rand.IntN(30) {
		case 0:
			return caddyhttp.Error(502, io.ErrUnexpectedEOF)
		case 1:
			_, _ = io.WriteString(w, a.String())
			panic(http.ErrAbortHandler)
		case 2:
			w.WriteHeader(500)
			_, _ = io.WriteString(w, a.String())
			return nil
		}
		if r.Method != http.MethodPost {
			w.Header().Set("Vary", []string{"Accept-Language, X-Side", "X-Side, Accept-Language"}[rand.IntN(2)])
			w.Header().Set("Cache-Control", "public, max-age=3600")
			_, _ = io.WriteString(w, a.String())
			return nil
		}
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), `"stream":true`) {
			w.Header().Set("Content-Type", "text/event-stream")
			for _, piece := range strings.SplitAfter(a.String(), ",") {
				_, _ = fmt.Fprintf(w, `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":%q},"finish_reason":null}]}`+"\n\n", piece)
			}
			_, _ = io.WriteString(w, `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`+"\n\n"+chatUsage+chatDone)
			return nil
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, strings.Replace(chatWhole, "It is Tuesday.", a.String(), 1))
		return nil
	})
	var served, coalesced, missed atomic.Int64
	one := func(rnd *rand.Rand) error {
		a := &asking{
			consumer: []string{"alice", "bob", "carol", "dave", ""}[rnd.IntN(5)],
			scope:    []string{"consumer", "group", "shared"}[rnd.IntN(3)],
			path:     []string{"/a", "/b"}[rnd.IntN(2)],
			language: []string{"ta", "hi"}[rnd.IntN(2)],
			side:     []string{"l", "r"}[rnd.IntN(2)],
			prompt:   fmt.Sprint(rnd.IntN(8)),
			call:     rnd.IntN(2) == 0,
			stream:   rnd.IntN(2) == 0,
		}
		g := rigs[a.scope]
		switch rnd.IntN(100) {
		case 0:
			_, err := store.Purge(t.Context())
			return err
		case 1:
			r := request("DELETE", a.path+"?q="+a.prompt, "")
			_ = g.through(a.consumer, r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error { w.WriteHeader(204); return nil }))
			return nil
		}
		answer := g.through(a.consumer, a.request(), up)
		switch {
		case answer.cache.Status == state.CacheCoalesced:
			coalesced.Add(1)
		case answer.cache.Served():
			served.Add(1)
		default:
			missed.Add(1)
		}
		if answer.broken || answer.Code >= 500 {
			if b := parseAsking(answer.Body.String()); b != nil && (b.consumer != a.consumer && a.scope == "consumer") {
				return fmt.Errorf("%+v got a broken answer of %+v", a, b)
			}
			return nil
		}
		text := answer.Body.String()
		switch {
		case a.call && a.stream:
			text = streamed(t, text)
		case a.call:
			var doc struct {
				Choices []struct{ Message struct{ Content string } }
			}
			if err := json.Unmarshal([]byte(text), &doc); err != nil || len(doc.Choices) != 1 {
				return fmt.Errorf("%+v got %q: %w", a, text, err)
			}
			text = doc.Choices[0].Message.Content
		}
		b := parseAsking(text)
		if b == nil || b.String() != text {
			return fmt.Errorf("%+v (%+v) got %q", a, answer.cache, text)
		}
		if err := a.mayHave(b); err != nil {
			return fmt.Errorf("%+v (%+v) got %+v: %w", a, answer.cache, b, err)
		}
		return nil
	}
	const workers = 8
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(worker), 7))
			for range operations / workers {
				if err := one(rnd); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if served.Load() == 0 || missed.Load() == 0 || coalesced.Load() == 0 {
		t.Errorf("%d served, %d coalesced, %d missed: the test has not tried all", served.Load(), coalesced.Load(), missed.Load())
	}
	if n := shared.flights.Flights(); n != 0 {
		t.Errorf("%d flights have not ended", n)
	}
}

// TestBoundHoldsUnderManyKeys fills a small cache with answers that nobody asks for twice.
func TestBoundHoldsUnderManyKeys(t *testing.T) {
	t.Parallel()
	keys := 10_000
	if testing.Short() {
		keys = 1_000
	}
	const most = 1 << 20
	g := newRig(t, "", chat)
	store := cachemem.New(caching.Options{MaxBytes: most, Now: time.Now})
	t.Cleanup(func() { _ = store.Close() })
	g.h.cache = &testCache{store: store}
	for i := range keys {
		g.do("alice", ask(fmt.Sprint(i), ""))
		if s := store.Stats(); s.Bytes > most {
			t.Fatalf("%d bytes after %d answers", s.Bytes, i)
		}
	}
	if s := store.Stats(); s.Entries == 0 {
		t.Error("nothing is stored")
	}
}
