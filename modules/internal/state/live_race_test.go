// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// reading is a host that looks at what a record holds.
type reading struct{ *host }

func (h reading) Record(rq *state.Request) {
	if rq.Status() >= 400 || rq.Failure.Status != 0 || rq.Aborted() || rq.Credential != nil || rq.LLM.Label != "" || rq.Route != "" || rq.String() != "" {
		h.note("failed")
	}
	h.host.Record(rq)
}

// Break comes from outside, at any moment of any request.
func TestBreakAtAnyMoment(t *testing.T) {
	t.Parallel()
	const requests = 200
	h := newHost()
	h.seen = make(chan struct{}, requests)
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range requests {
		all.Go(func() {
			<-start
			tp := &tap{h: h, hold: int64(i % 3), terminal: "END"}
			<-serve(t, reading{h}, func(w http.ResponseWriter, r *http.Request, rq *state.Request, _ caddyhttp.Handler) error {
				return tp.attach(w, r, rq, caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
					switch i % 4 {
					case 0:
						return state.Deny(http.StatusForbidden, "denied", "No.")
					case 1:
						w.WriteHeader(http.StatusNoContent)
						return nil
					}
					for _, text := range []string{"some, ", "more, ", "END"} {
						if _, err := io.WriteString(w, text); err != nil {
							return nil
						}
					}
					return nil
				}))
			}, httptest.NewRecorder())
		})
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		all.Wait()
	}()
	close(start)
	for over := false; !over; {
		h.live.Break(0)
		select {
		case <-ended:
			over = true
		default:
		}
	}
	if n := h.live.Break(soon); n != 0 {
		t.Errorf("%d left", n)
	}
	if n := strings.Count(strings.Join(h.log(), " "), "record"); n != requests {
		t.Errorf("%d records of %d requests", n, requests)
	}
}
