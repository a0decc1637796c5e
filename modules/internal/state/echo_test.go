// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// echoed passes a request through a handler that echoes, to an upstream that adds to
// every header, and returns the answer's.
func echoed(t *testing.T, echo func(*state.Request)) http.Header {
	t.Helper()
	w := httptest.NewRecorder()
	r := caddyhttp.PrepareRequest(httptest.NewRequest(http.MethodGet, "/", nil), caddy.NewReplacer(), w, new(caddyhttp.Server))
	h := handle(func(w http.ResponseWriter, r *http.Request, rq *state.Request, next caddyhttp.Handler) error {
		echo(rq)
		return next.ServeHTTP(w, r)
	})
	upstream := caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
		for _, name := range []string{"A", "B", "C", "D", "E", "F", "G"} {
			w.Header().Add(name, "upstream")
		}
		w.WriteHeader(http.StatusOK)
		return nil
	})
	if err := state.Serve(h, quietHost{new(state.Live)}, w, r, upstream); err != nil {
		t.Fatal(err)
	}
	return w.Header()
}

func TestEcho(t *testing.T) {
	t.Parallel()
	up, none := []string{"upstream"}, []string(nil)
	rows := []struct {
		name string
		echo func(*state.Request)
		want map[string][]string
	}{
		{"nothing", func(*state.Request) {}, map[string][]string{"A": up}},
		{"one", func(rq *state.Request) { rq.Echo("A", []string{"1"}) }, map[string][]string{"A": {"1"}, "B": up}},
		{"one again", func(rq *state.Request) { rq.Echo("A", []string{"1"}); rq.Echo("A", []string{"2"}) }, map[string][]string{"A": {"2"}, "B": up}},
		{"another", func(rq *state.Request) { rq.Echo("A", []string{"1"}); rq.Echo("B", []string{"2"}) }, map[string][]string{"A": {"1"}, "B": {"2"}, "C": up}},
		{"more than there is room for at first", func(rq *state.Request) {
			for _, name := range []string{"A", "B", "C", "D", "E", "F"} {
				rq.Echo(name, []string{name})
			}
			rq.Echo("E", []string{"again"})
		}, map[string][]string{"A": {"A"}, "B": {"B"}, "C": {"C"}, "D": {"D"}, "E": {"again"}, "F": {"F"}, "G": up}},
		{"none", func(rq *state.Request) { rq.Echo("A", nil); rq.Echo("B", []string{"1"}); rq.Echo("B", nil) }, map[string][]string{"A": none, "B": none, "C": up}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got := echoed(t, row.echo)
			for name, want := range row.want {
				if !reflect.DeepEqual(got[name], want) {
					t.Errorf("%s is %q, want %q", name, got[name], want)
				}
			}
		})
	}
}

func TestEchoes(t *testing.T) {
	t.Parallel()
	echoed(t, func(rq *state.Request) {
		for i, name := range []string{"A", "B", "C"} {
			if rq.Echoes(name) {
				t.Errorf("%s is echoed before it was", name)
			}
			rq.Echo(name, []string{"x"}[:i%2])
			if !rq.Echoes(name) {
				t.Errorf("%s is not echoed", name)
			}
		}
	})
}

// A single header, which is what most routes have, costs no memory.
func TestEchoAllocatesNothing(t *testing.T) { // not parallel: AllocsPerRun forbids it
	rq, value := new(state.Request), []string{"x"}
	if n := testing.AllocsPerRun(100, func() { rq.Echo("A", value) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
