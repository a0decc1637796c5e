// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// The tests of this file look at the counter of the whole process, so they do
// not run in parallel.

// stalling is a body that stops after n bytes; there it notes what is charged.
type stalling struct {
	n       int64
	end     error
	charged int64
}

func (s *stalling) Read(p []byte) (int, error) {
	if s.n == 0 {
		s.charged = state.Buffered()
		return 0, s.end
	}
	n := min(int64(len(p)), s.n)
	s.n -= n
	return int(n), nil
}

func TestBodiesAreChargedAsTheyArrive(t *testing.T) {
	tests := map[string]struct {
		announced, arrives int64 // announced -1: chunked
		want               int64
	}{
		"nothing of a large one":           {announced: 32 << 20, arrives: 0, want: 64 << 10},
		"less than the first buffer":       {announced: 32 << 20, arrives: 1000, want: 64 << 10},
		"more than the first buffer":       {announced: 32 << 20, arrives: 64 << 10, want: 128 << 10},
		"half of a large one":              {announced: 3 << 20, arrives: 2 << 20, want: 3 << 20},
		"nothing of a small one":           {announced: 20_000, arrives: 0, want: 32 << 10},
		"nothing of a chunked one":         {announced: -1, arrives: 0, want: 4 << 10},
		"a chunked one":                    {announced: -1, arrives: 5000, want: 8 << 10},
		"a chunked one of a full buffer":   {announced: -1, arrives: 8 << 10, want: 16 << 10},
		"a chunked one close to its limit": {announced: -1, arrives: 33<<20 - 1, want: 33<<20 + 1},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			before := state.Buffered()
			src := &stalling{n: tc.arrives, end: io.ErrUnexpectedEOF}
			within(t, src, nil, func(r *http.Request, rq *state.Request) {
				r.ContentLength = tc.announced
				_, err := rq.Body(r, 33<<20)
				deniedWith(t, err, http.StatusBadRequest, "body_unreadable")
				if got := src.charged - before; got != tc.want {
					t.Errorf("%d bytes charged, want %d", got, tc.want)
				}
				if got := state.Buffered(); got != before {
					t.Errorf("%d bytes still charged after the failure", got-before)
				}
			})
		})
	}
}

func TestBodiesAreChargedWithTheirBuffers(t *testing.T) {
	tests := map[string]struct {
		read func(r *http.Request, rq *state.Request) ([]byte, error)
		want int64
	}{
		"read": {want: 4096, read: func(r *http.Request, rq *state.Request) ([]byte, error) {
			return rq.Body(r, 1<<20)
		}},
		"replaced": {want: 1000, read: func(r *http.Request, rq *state.Request) ([]byte, error) {
			rq.SetBody(r, append(make([]byte, 0, 1000), "hello"...))
			return rq.Body(r, 1<<20)
		}},
		"read and replaced": {want: 4096 + 1000, read: func(r *http.Request, rq *state.Request) ([]byte, error) {
			if _, err := rq.Body(r, 1<<20); err != nil {
				return nil, err
			}
			rq.SetBody(r, append(make([]byte, 0, 1000), "hello"...))
			return rq.Body(r, 1<<20)
		}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			// A large body before must not make a small one dear.
			within(t, strings.NewReader(strings.Repeat("x", 1<<20)), nil, func(r *http.Request, rq *state.Request) {
				if _, err := rq.Body(r, 1<<20); err != nil {
					t.Fatal(err)
				}
			})
			before := state.Buffered()
			within(t, strings.NewReader("hello"), nil, func(r *http.Request, rq *state.Request) {
				if got, err := tc.read(r, rq); err != nil || string(got) != "hello" {
					t.Errorf("got %q, %v", got, err)
				}
				if got := state.Buffered() - before; got != tc.want {
					t.Errorf("%d bytes charged, want %d", got, tc.want)
				}
			})
			if got := state.Buffered(); got != before {
				t.Errorf("%d bytes still charged after the request", got-before)
			}
		})
	}
}

func TestBodiesOfAllRequestsAreBounded(t *testing.T) {
	for name, announced := range map[string]int64{"announced length": 1 << 20, "chunked": -1} {
		t.Run(name, func(t *testing.T) {
			before := state.Buffered()
			state.LeaveBudget(t, 200<<10)
			within(t, strings.NewReader(strings.Repeat("x", 1<<20)), nil, func(r *http.Request, rq *state.Request) {
				r.ContentLength = announced
				_, err := rq.Body(r, 1<<20)
				deniedWith(t, err, http.StatusServiceUnavailable, "body_memory_exhausted")
			})
			if got := state.Buffered(); got != before {
				t.Errorf("%d bytes still charged after the refusal", got-before)
			}
		})
	}
}

func TestBodiesGrowWithoutLoss(t *testing.T) {
	var text strings.Builder
	for text.Len() < 3<<20 {
		text.WriteString(state.NewID(time.Now()))
	}
	want := text.String()
	for name, length := range map[string]int{"one byte": 1, "the first buffer": 64 << 10, "a byte more": 64<<10 + 1, "300 KB": 300_000, "3 MiB": 3 << 20} {
		for _, announced := range []int64{-1, int64(length)} {
			within(t, strings.NewReader(want[:length]), nil, func(r *http.Request, rq *state.Request) {
				r.ContentLength = announced
				if got, err := rq.Body(r, int64(length)); err != nil || string(got) != want[:length] {
					t.Errorf("%s, announced %d: %d bytes, %v", name, announced, len(got), err)
				}
			})
		}
	}
}

// answer serves one request whose answer upstream writes, behind a tap that
// asks for a hold, and returns what Serve returned.
func answer(t *testing.T, w http.ResponseWriter, hold int64, between func(http.ResponseWriter) http.ResponseWriter, upstream caddyhttp.HandlerFunc) (*http.Request, error) {
	t.Helper()
	h := newHost()
	r := caddyhttp.PrepareRequest(httptest.NewRequest(http.MethodGet, "/", nil), caddy.NewReplacer(), w, nil)
	inner := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		return state.Serve(handle((&tap{h: h, hold: hold}).attach), h, between(w), r, upstream)
	})
	return r, state.Serve(handle(pass), h, w, r, inner)
}

func direct(w http.ResponseWriter) http.ResponseWriter { return w }
func behind(w http.ResponseWriter) http.ResponseWriter { return shouting{w} }

func TestHeldAnswersAreCharged(t *testing.T) {
	tests := map[string]struct {
		length string
		writes []int
		want   []int64 // charged after each write
	}{
		"known length":        {length: "6", writes: []int{4}, want: []int64{4 << 10}},
		"known longer length": {length: "500000", writes: []int{10, 100_000}, want: []int64{64 << 10, 128 << 10}},
		"unknown length":      {writes: []int{10, 5000, 10_000}, want: []int64{4 << 10, 8 << 10, 16 << 10}},
		"the answer is whole": {length: "6", writes: []int{3, 3}, want: []int64{4 << 10, 0}},
		"the limit exceeded":  {writes: []int{10, 2 << 20}, want: []int64{4 << 10, 0}},
	}
	for name, tc := range tests {
		for place, between := range map[string]func(http.ResponseWriter) http.ResponseWriter{"": direct, " behind another writer": behind} {
			t.Run(name+place, func(t *testing.T) {
				before := state.Buffered()
				_, err := answer(t, httptest.NewRecorder(), 1<<20, between, func(w http.ResponseWriter, _ *http.Request) error {
					if tc.length != "" {
						w.Header().Set("Content-Length", tc.length)
					}
					for i, n := range tc.writes {
						_, _ = w.Write(make([]byte, n))
						if got := state.Buffered() - before; got != tc.want[i] {
							t.Errorf("%d bytes charged after write %d, want %d", got, i, tc.want[i])
						}
					}
					return nil
				})
				if got := state.Buffered(); got != before || err != nil {
					t.Errorf("%d bytes still charged at the end, %v", got-before, err)
				}
			})
		}
	}
}

// Without memory to hold an answer in, it must come without the headers that
// tell about it, and whole.
func TestAnswersAreNotHeldWithoutMemory(t *testing.T) {
	for name, tc := range map[string]struct {
		budget int64
		held   string
	}{
		"enough":             {budget: 64 << 10, held: "yes"},
		"too little at last": {budget: 5 << 10},
		"none":               {budget: 0},
	} {
		t.Run(name, func(t *testing.T) {
			state.LeaveBudget(t, tc.budget)
			before := state.Buffered()
			w := httptest.NewRecorder()
			want := strings.Repeat("abcde", 1000)
			_, err := answer(t, w, 1<<20, direct, func(w http.ResponseWriter, _ *http.Request) error {
				for i := 0; i < len(want); i += 500 {
					_, _ = io.WriteString(w, want[i:i+500])
				}
				return nil
			})
			if err != nil || w.Code != 200 || w.Body.String() != want || w.Header().Get("X-Held") != tc.held {
				t.Errorf("status %d, %d bytes, header %v, %v", w.Code, w.Body.Len(), w.Header(), err)
			}
			if got := state.Buffered(); got != before {
				t.Errorf("%d bytes still charged", got-before)
			}
		})
	}
}

// What was held is given back, and forgotten, when the chain ends in an error.
func TestFailedHeldAnswersAreGivenBack(t *testing.T) {
	for name, between := range map[string]func(http.ResponseWriter) http.ResponseWriter{"direct": direct, "behind another writer": behind} {
		t.Run(name, func(t *testing.T) {
			before := state.Buffered()
			w := httptest.NewRecorder()
			_, err := answer(t, w, 1<<20, between, func(w http.ResponseWriter, _ *http.Request) error {
				w.Header().Set("Content-Encoding", "br")
				w.Header().Set("Repr-Digest", "sha-256=:AA==:")
				w.Header().Set("Content-Range", "bytes 0-1/2")
				w.Header().Set("Content-Disposition", "attachment")
				_, _ = io.WriteString(w, "half an answer")
				return state.Deny(http.StatusForbidden, "group_not_allowed", "No.")
			})
			if err != nil || w.Code != 403 || strings.Contains(strings.ToLower(w.Body.String()), "half") || w.Header().Get("Content-Encoding") != "" ||
				w.Header().Get("Repr-Digest")+w.Header().Get("Content-Range")+w.Header().Get("Content-Disposition") != "" {
				t.Errorf("status %d, header %v, body %q, %v", w.Code, w.Header(), w.Body.String(), err)
			}
			if got := state.Buffered(); got != before {
				t.Errorf("%d bytes still charged", got-before)
			}
		})
	}
}

// An error after the first byte passes on to the server, which then runs its
// error routes on a request that is closed: nothing taken there would come back.
func TestClosedRequestsTakeNoMemory(t *testing.T) {
	before := state.Buffered()
	w := httptest.NewRecorder()
	broken := errors.New("broken")
	r, err := answer(t, w, 0, direct, func(w http.ResponseWriter, _ *http.Request) error {
		_, _ = io.WriteString(w, "half")
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want that of the chain", err)
	}
	h := newHost()
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader("hello")), 5
	err = state.Serve(handle((&tap{h: h, hold: 100}).attach), h, w, r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		rq := state.Of(r)
		if b, err := rq.Body(r, 100); err == nil {
			t.Errorf("read the body %q of a closed request", b)
		}
		rq.SetBody(r, []byte("other"))
		_, err := io.WriteString(w, " an error page")
		return err
	}))
	if err != nil || w.Body.String() != "half an error page" {
		t.Errorf("body %q, %v", w.Body.String(), err)
	}
	if got := state.Buffered(); got != before {
		t.Errorf("%d bytes still charged", got-before)
	}
}
