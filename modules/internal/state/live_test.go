// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// soon is more than enough for what is about to happen.
const soon = 30 * time.Second

// serve runs one request through h, in a goroutine of its own, and returns a channel
// that is closed when it has ended.
func serve(t *testing.T, h state.Host, hd handle, w http.ResponseWriter) <-chan struct{} {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/v1/x", strings.NewReader("body"))
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, nil)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := state.Serve(hd, h, w, r, nil); err != nil && !errors.Is(err, io.ErrClosedPipe) && !errors.Is(err, state.ErrBroken) {
			t.Errorf("Serve: %v", err)
		}
	}()
	return ended
}

func TestLiveCountsWhoEntersAndLeaves(t *testing.T) {
	t.Parallel()
	var l state.Live
	const workers, rounds = 8, 500
	var most atomic.Int64
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			mine := make([]state.Request, 5)
			for round := range rounds {
				for i := range mine {
					state.Enter(&l, &mine[i])
				}
				most.Store(max(most.Load(), int64(l.Len())))
				for i := range mine { // in another order than they came
					state.Leave(&mine[(i+round)%len(mine)])
				}
			}
		})
	}
	all.Wait()
	if l.Len() != 0 || most.Load() < 5 || most.Load() > workers*5 {
		t.Errorf("%d left, at most %d at a time", l.Len(), most.Load())
	}
	if err := l.Wait(t.Context()); err != nil {
		t.Errorf("Wait() = %v with nobody left", err)
	}
}

func TestLeavingTwiceOrWithoutEntering(t *testing.T) {
	t.Parallel()
	var l state.Live
	var in, never state.Request
	state.Enter(&l, &in)
	state.Leave(&never)
	state.Leave(&in)
	state.Leave(&in)
	if l.Len() != 0 {
		t.Errorf("Len() = %d", l.Len())
	}
}

func TestEnteringAndLeavingDoNotAllocate(t *testing.T) {
	var l state.Live
	var a, b state.Request
	if n := testing.AllocsPerRun(1000, func() {
		state.Enter(&l, &a)
		state.Enter(&l, &b)
		state.Leave(&a)
		state.Leave(&b)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkLive(b *testing.B) {
	var l state.Live
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		var rq state.Request
		for pb.Next() {
			state.Enter(&l, &rq)
			state.Leave(&rq)
		}
	})
}

func TestWaitEndsWithTheLastRequest(t *testing.T) {
	t.Parallel()
	var l state.Live
	requests := make([]state.Request, 20)
	for i := range requests {
		state.Enter(&l, &requests[i])
	}
	var waiting sync.WaitGroup
	for range 3 {
		waiting.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), soon)
			defer cancel()
			if err := l.Wait(ctx); err != nil {
				t.Errorf("Wait() = %v", err)
			}
			if n := l.Len(); n != 0 {
				t.Errorf("Wait() returned with %d left", n)
			}
		})
	}
	for i := range requests {
		state.Leave(&requests[i])
	}
	waiting.Wait()
}

func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	var l state.Live
	var rq state.Request
	state.Enter(&l, &rq)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait() = %v", err)
	}
	state.Leave(&rq)
	if err := l.Wait(ctx); err != nil {
		t.Errorf("Wait() = %v with nobody left", err)
	}
}

// Break settles what is being served as it stands, and nothing passes any more.
func TestBreakSettlesOpenRequests(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		hold    int64
		before  func(w http.ResponseWriter)
		settled bool // before the break
		client  string
	}{
		"before the header":    {before: func(http.ResponseWriter) {}},
		"after the header":     {before: func(w http.ResponseWriter) { w.WriteHeader(200) }},
		"in a stream":          {before: func(w http.ResponseWriter) { _, _ = io.WriteString(w, "some, ") }, client: "some, "},
		"in an answer held":    {hold: 100, before: func(w http.ResponseWriter) { _, _ = io.WriteString(w, "some, ") }},
		"after the last event": {before: func(w http.ResponseWriter) { _, _ = io.WriteString(w, "END, ") }, settled: true, client: "END, "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost()
			tp := &tap{h: h, hold: tc.hold, terminal: "END"}
			reached, broken := make(chan struct{}), make(chan struct{})
			recorder := httptest.NewRecorder()
			ended := serve(t, h, func(w http.ResponseWriter, r *http.Request, rq *state.Request, _ caddyhttp.Handler) error {
				return tp.attach(w, r, rq, caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
					tc.before(w)
					close(reached)
					<-broken
					if n, err := io.WriteString(w, "more"); n != 0 || err == nil {
						t.Errorf("%d bytes passed after the break, error %v", n, err)
					}
					return nil
				}))
			}, recorder)
			<-reached
			if n := h.live.Break(0); n != 1 { // it settles first, and does not wait then
				t.Errorf("%d left, want the one that does not know yet", n)
			}
			if !slices.Contains(h.log(), "record") {
				t.Error("it is not settled")
			}
			close(broken)
			if n := h.live.Break(soon); n != 0 {
				t.Errorf("%d left", n)
			}
			<-ended
			if o, _ := h.wait(t); o.Aborted == tc.settled {
				t.Errorf("outcome %+v", o)
			}
			if n := strings.Count(strings.Join(h.log(), " "), "record"); n != 1 {
				t.Errorf("%d records: %v", n, h.log())
			}
			if tc.hold == 0 && recorder.Body.String() != tc.client {
				t.Errorf("the client got %q, want %q", recorder.Body, tc.client)
			}
		})
	}
}

// A settler that panics loses neither the record nor the request's place.
func TestSettlerPanics(t *testing.T) {
	t.Parallel()
	h := newHost()
	<-serve(t, h, func(w http.ResponseWriter, _ *http.Request, rq *state.Request, _ caddyhttp.Handler) error {
		rq.OnSettle(panicking{})
		_, err := io.WriteString(w, "hello")
		return err
	}, httptest.NewRecorder())
	log := strings.Join(h.log(), " ")
	if !strings.Contains(log, "panic no tokens") || strings.Count(log, "record") != 1 {
		t.Errorf("the host saw: %s", log)
	}
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	if err := h.live.Wait(ctx); err != nil {
		t.Errorf("wait for the request: %v", err)
	}
}

type panicking struct{}

func (panicking) SettleRequest(*state.Request) { panic("no tokens") }
func (panicking) EndRequest()                  {}

// A handler between tap and gateway may recover from a panic and answer all the same.
func TestTapPanicsAndIsRecoveredFrom(t *testing.T) {
	t.Parallel()
	h := newHost()
	w := httptest.NewRecorder()
	<-serve(t, h, func(w http.ResponseWriter, r *http.Request, rq *state.Request, _ caddyhttp.Handler) error {
		w = rq.Tapped(w, r, new(fragile))
		func() {
			defer func() { _ = recover() }()
			_, _ = io.WriteString(w, "lost")
		}()
		_, err := io.WriteString(w, "said")
		return err
	}, w)
	if log := strings.Join(h.log(), " "); w.Body.String() != "said" || strings.Count(log, "record") != 1 {
		t.Errorf("the client got %q, the host saw: %s", w.Body, log)
	}
}

// fragile is a tap that panics once.
type fragile struct{ broken bool }

func (*fragile) ResponseHeader(int, http.Header) int64 { return 0 }
func (*fragile) HeldHeader(http.Header)                {}
func (f *fragile) ResponseBody([]byte) bool {
	if !f.broken {
		f.broken = true
		panic("once")
	}
	return false
}
