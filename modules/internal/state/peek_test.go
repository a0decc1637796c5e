// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"errors"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// The tests of this file look at the counter of the whole process, so they do
// not run in parallel.

// wakeful is a body whose reader must be given room.
type wakeful struct{ io.Reader }

func (w wakeful) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, errors.New("asked for no byte, which never ends")
	}
	return w.Reader.Read(p)
}

func TestBodyWithinTheLargestLimit(t *testing.T) {
	sent := strings.Repeat("x", 10_000)
	within(t, wakeful{strings.NewReader(sent)}, nil, func(r *http.Request, rq *state.Request) {
		r.ContentLength = -1
		data, whole, err := rq.BodyWithin(r, math.MaxInt64)
		if string(data) != sent || !whole || err != nil {
			t.Errorf("%d bytes, whole %t, %v", len(data), whole, err)
		}
	})
}

func TestBodyWithinPassesLongBodies(t *testing.T) {
	const limit = 10_000
	tests := map[string]struct {
		length, announced int
		whole             bool
	}{
		"announced":               {length: limit, announced: limit, whole: true},
		"announced too long":      {length: limit + 1, announced: limit + 1},
		"not announced":           {length: 100, announced: -1, whole: true},
		"not announced, empty":    {length: 0, announced: -1, whole: true},
		"not announced, at limit": {length: limit, announced: -1, whole: true},
		"not announced, one more": {length: limit + 1, announced: -1},
		"not announced, long":     {length: 50 * limit, announced: -1},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			before := state.Buffered()
			sent := strings.Repeat("0123456789", tc.length/10+1)[:tc.length]
			within(t, io.MultiReader(strings.NewReader(sent)), nil, func(r *http.Request, rq *state.Request) {
				r.ContentLength = int64(tc.announced)
				for range 2 {
					data, whole, err := rq.BodyWithin(r, limit)
					if err != nil || whole != tc.whole {
						t.Fatalf("whole %v, %v, want %v", whole, err, tc.whole)
					}
					if want := sent; whole && string(data) != want || !whole && data != nil {
						t.Errorf("%d bytes, want the %d that were sent, or nothing", len(data), len(want))
					}
				}
				if b := rq.BufferedBody(); !tc.whole && len(b) > 0 {
					t.Errorf("the first %d bytes of the body pass for the whole", len(b))
				}
				if forwarded, err := io.ReadAll(r.Body); err != nil || string(forwarded) != sent {
					t.Errorf("forwarded %d bytes, %v, want %d", len(forwarded), err, len(sent))
				}
				if err := r.Body.Close(); err != nil {
					t.Error(err)
				}
			})
			if got := state.Buffered(); got != before {
				t.Errorf("%d bytes still charged after the request", got-before)
			}
		})
	}
}

// TestContentCodings has bodies whose length nobody announces, each longer than what is
// read: those that are as they are pass, the others are refused.
func TestContentCodings(t *testing.T) {
	rows := []struct {
		name    string
		codings []string
		refused bool
	}{
		{"none", nil, false},
		{"empty", []string{""}, false},
		{"identity", []string{"identity"}, false},
		{"in another case", []string{"Identity"}, false},
		{"gzip", []string{"gzip"}, true},
		{"behind identity", []string{"identity", "gzip"}, true},
		{"behind nothing", []string{"", "br"}, true},
		{"in one line", []string{"identity, gzip"}, true},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			sent := strings.Repeat("x", 9000)
			within(t, io.MultiReader(strings.NewReader(sent)), http.Header{"Content-Encoding": row.codings}, func(r *http.Request, rq *state.Request) {
				r.ContentLength = -1
				_, whole, err := rq.BodyWithin(r, 8000)
				if row.refused {
					deniedWith(t, err, http.StatusUnsupportedMediaType, "content_encoding_unsupported")
					return
				}
				if forwarded, _ := io.ReadAll(r.Body); whole || err != nil || string(forwarded) != sent {
					t.Errorf("whole %t, %v, forwarded %d bytes", whole, err, len(forwarded))
				}
			})
		})
	}
}

func TestBodyWithinThenBody(t *testing.T) {
	before := state.Buffered()
	sent := strings.Repeat("x", 9000)
	within(t, io.MultiReader(strings.NewReader(sent)), nil, func(r *http.Request, rq *state.Request) {
		if _, whole, err := rq.BodyWithin(r, 8000); whole || err != nil {
			t.Fatalf("whole %v, %v", whole, err)
		}
		data, err := rq.Body(r, 20_000)
		if err != nil || string(data) != sent {
			t.Fatalf("a later handler with more room got %d bytes, %v", len(data), err)
		}
		if again, whole, err := rq.BodyWithin(r, 8000); whole || err != nil || again != nil {
			t.Errorf("a buffered body beyond the limit: %d bytes, whole %v, %v", len(again), whole, err)
		}
		if forwarded, _ := io.ReadAll(r.Body); string(forwarded) != sent {
			t.Errorf("forwarded %d bytes", len(forwarded))
		}
	})
	if got := state.Buffered(); got != before {
		t.Errorf("%d bytes still charged after the request", got-before)
	}
}

func TestBodyWithinFails(t *testing.T) {
	within(t, nil, nil, func(r *http.Request, rq *state.Request) {
		if data, whole, err := rq.BodyWithin(r, 5); data != nil || !whole || err != nil {
			t.Errorf("no body: %q, %v, %v", data, whole, err)
		}
	})
	for _, announced := range []int64{-1, 5} {
		chunked := func() io.Reader { return io.MultiReader(strings.NewReader("ab"), brokenReader{}) }
		within(t, chunked(), nil, func(r *http.Request, rq *state.Request) {
			r.ContentLength = announced
			for range 2 {
				_, _, err := rq.BodyWithin(r, 5)
				deniedWith(t, err, http.StatusBadRequest, "body_unreadable")
			}
		})
		within(t, chunked(), http.Header{"Content-Encoding": {"gzip"}}, func(r *http.Request, rq *state.Request) {
			r.ContentLength = announced
			_, _, err := rq.BodyWithin(r, 5)
			deniedWith(t, err, http.StatusUnsupportedMediaType, "content_encoding_unsupported")
		})
		within(t, chunked(), http.Header{"Incremental": {"?1"}}, func(r *http.Request, rq *state.Request) {
			r.ContentLength = announced
			_, _, err := rq.BodyWithin(r, 5)
			deniedWith(t, err, http.StatusNotImplemented, "incremental_unsupported")
		})
	}
	within(t, io.MultiReader(strings.NewReader(strings.Repeat("x", 50_000))), nil, func(r *http.Request, rq *state.Request) {
		state.LeaveBudget(t, 8<<10)
		before := state.Buffered()
		_, _, err := rq.BodyWithin(r, 40_000)
		deniedWith(t, err, http.StatusServiceUnavailable, "body_memory_exhausted")
		if got := state.Buffered(); got != before {
			t.Errorf("%d bytes still charged after the failure", got-before)
		}
	})
	within(t, io.MultiReader(strings.NewReader("0123456789")), nil, func(r *http.Request, rq *state.Request) {
		r.Body = http.MaxBytesReader(nil, r.Body, 4)
		_, _, err := rq.BodyWithin(r, 6)
		deniedWith(t, err, http.StatusRequestEntityTooLarge, "body_too_large")
	})
}
