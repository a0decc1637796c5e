// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// mark is a finisher that puts one value of its own in the place of all others.
type mark struct{ name, value string }

func (m mark) FinishHeader(h http.Header) { h[m.name] = []string{m.value} }

// headerTap keeps what a tap sees of a header.
type headerTap struct{ seen http.Header }

func (p *headerTap) ResponseHeader(_ int, h http.Header) int64 {
	p.seen = h.Clone()
	return 1 << 10
}
func (*headerTap) ResponseBody([]byte) bool { return false }
func (*headerTap) HeldHeader(http.Header)   {}

func TestFinish(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name   string
		next   caddyhttp.HandlerFunc
		status int
		held   bool
	}{
		{"the upstream's answer", func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Add("X-Mark", "upstream")
			w.WriteHeader(http.StatusCreated)
			return nil
		}, 201, false},
		{"one that is held", func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Add("X-Mark", "upstream")
			_, err := w.Write([]byte("text"))
			return err
		}, 200, true},
		{"one that nobody writes", func(http.ResponseWriter, *http.Request) error { return nil }, 200, false},
		{"a refusal", func(http.ResponseWriter, *http.Request) error {
			return state.Deny(http.StatusForbidden, "group_not_allowed", "No")
		}, 403, false},
		{"a refusal after a header", func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Add("X-Mark", "upstream")
			_, _ = w.Write([]byte("text"))
			return caddyhttp.Error(http.StatusBadGateway, errors.New("gone"))
		}, 502, true},
		{"a switch of protocols", func(w http.ResponseWriter, _ *http.Request) error {
			w.WriteHeader(http.StatusSwitchingProtocols)
			return nil
		}, 101, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			r := caddyhttp.PrepareRequest(httptest.NewRequest(http.MethodGet, "/", nil), caddy.NewReplacer(), w, new(caddyhttp.Server))
			tap := new(headerTap)
			h := handle(func(w http.ResponseWriter, r *http.Request, rq *state.Request, next caddyhttp.Handler) error {
				rq.Finish(mark{"X-Mark", "first"})
				rq.Finish(mark{"X-Mark", "last"})
				if row.held {
					w = rq.Tapped(w, r, tap)
				}
				return next.ServeHTTP(w, r)
			})
			if err := state.Serve(h, quietHost{new(state.Live)}, w, r, row.next); err != nil {
				t.Fatal(err)
			}
			if got := w.Header()["X-Mark"]; w.Code != row.status || !reflect.DeepEqual(got, []string{"last"}) {
				t.Errorf("status %d, header %q; want %d and what the last finisher says", w.Code, got, row.status)
			}
			if row.held && tap.seen.Get("X-Mark") != "upstream" {
				t.Errorf("a tap saw %q, which finishers have changed", tap.seen)
			}
		})
	}
}

func TestAddVary(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name       string
		have, want []string
	}{
		{"none", nil, []string{"Origin"}},
		{"another", []string{"Accept"}, []string{"Accept", "Origin"}},
		{"there", []string{"Accept, origin"}, []string{"Accept, origin"}},
		{"in another line", []string{"Accept", " Origin "}, []string{"Accept", " Origin "}},
		{"everything", []string{"*"}, []string{"*"}},
		{"a part of a name", []string{"X-Origin"}, []string{"X-Origin", "Origin"}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			h := http.Header{}
			if row.have != nil {
				h["Vary"] = row.have
			}
			if state.AddVary(h, "Origin"); !reflect.DeepEqual(h["Vary"], row.want) {
				t.Errorf("Vary %q, want %q", h["Vary"], row.want)
			}
		})
	}
}
