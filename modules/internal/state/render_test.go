// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// withErrorRoute is a server whose handle_errors runs one handler.
func withErrorRoute(tb testing.TB, n int, page routeFunc) *caddyhttp.Server {
	tb.Helper()
	srv := &caddyhttp.Server{Errors: &caddyhttp.HTTPErrorConfig{}}
	for range n {
		srv.Errors.Routes = append(srv.Errors.Routes, caddyhttp.Route{Handlers: []caddyhttp.MiddlewareHandler{page}})
	}
	if err := srv.Errors.Routes.ProvisionHandlers(caddy.Context{Context: tb.Context()}, nil); err != nil {
		tb.Fatal(err)
	}
	return srv
}

// reasons is a host that keeps the codes of logged errors.
type reasons struct {
	*host
	codes []string
}

func (h *reasons) LogError(rq *state.Request, _ *http.Request, err error) {
	h.codes = append(h.codes, fmt.Sprint(rq.Failure.Status, " ", rq.Failure.Code, ": ", err))
}

// An error route that fails must not cost the client the answer, nor make the
// server run its error routes a second time.
func TestErrorRoutesThatFail(t *testing.T) {
	t.Parallel()
	gone := errors.New("the error page is gone")
	tests := map[string]struct {
		page  routeFunc
		fails bool // with the route's error, after the first byte
		body  string
		codes []string
	}{
		"at once": {
			page: func(http.ResponseWriter, *http.Request, caddyhttp.Handler) error { return gone },
			body: `"type":"permission`, codes: []string{"403 group_not_allowed: ", "500 error_route_failed: "},
		},
		"with a status of its own": {
			page: func(http.ResponseWriter, *http.Request, caddyhttp.Handler) error { return caddyhttp.Error(404, gone) },
			body: `"type":"permission`, codes: []string{"403 group_not_allowed: ", "500 error_route_failed: "},
		},
		"after a rewrite and a header": {
			page: func(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
				r.URL.Path = "/403.html"
				w.Header().Set("Content-Encoding", "br")
				w.Header().Set("Etag", `"1"`)
				return gone
			},
			body: `"type":"permission`, codes: []string{"403 group_not_allowed: ", "500 error_route_failed: "},
		},
		"after a rewrite, writing nothing": {
			page: func(_ http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
				r.URL.Path = "/403.html"
				return nil
			},
			body: `"type":"permission`, codes: []string{"403 group_not_allowed: "},
		},
		"after the first byte": {
			page: func(w http.ResponseWriter, _ *http.Request, _ caddyhttp.Handler) error {
				_, _ = io.WriteString(w, "half")
				return gone
			},
			fails: true, body: "half", codes: []string{"403 group_not_allowed: "},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &reasons{host: newHost()}
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodPost, "/llm/anthropic/v1/messages", nil)
			r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, withErrorRoute(t, 1, tc.page))
			err := state.Serve(handle(pass), h, w, r, caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error {
				return state.Deny(http.StatusForbidden, "group_not_allowed", "No.")
			}))
			if tc.fails != errors.Is(err, gone) || !tc.fails && (err != nil || w.Code != 403) {
				t.Errorf("status %d, error %v", w.Code, err)
			}
			if !strings.Contains(w.Body.String(), tc.body) || w.Header().Get("Content-Encoding") != "" || w.Header().Get("Etag") != "" {
				t.Errorf("header %v, body %s", w.Header(), w.Body)
			}
			if !slices.EqualFunc(h.codes, tc.codes, strings.HasPrefix) {
				t.Errorf("logged %q, want %q", h.codes, tc.codes)
			}
			if o, rq := h.wait(t); rq.Failure.Code != "group_not_allowed" || o.Aborted != tc.fails {
				t.Errorf("failure %+v, outcome %+v", rq.Failure, o)
			}
		})
	}
}

// The client that has left is no fault of the error route.
func TestErrorRoutesOfAClientThatLeft(t *testing.T) {
	t.Parallel()
	h := &reasons{host: newHost()}
	w := httptest.NewRecorder()
	srv := withErrorRoute(t, 1, func(http.ResponseWriter, *http.Request, caddyhttp.Handler) error {
		return caddyhttp.Error(state.StatusClientClosed, errors.New("context canceled"))
	})
	r := caddyhttp.PrepareRequest(httptest.NewRequest(http.MethodGet, "/", nil), caddy.NewReplacer(), w, srv)
	err := state.Serve(handle(pass), h, w, r, caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error {
		return caddyhttp.Error(http.StatusBadGateway, errors.New("refused"))
	}))
	if err != nil || len(h.codes) != 2 || !strings.HasPrefix(h.codes[1], "499 client_closed: ") {
		t.Errorf("logged %q, error %v", h.codes, err)
	}
}

// BenchmarkCompileErrorRoutes is what each error costs before its routes run.
func BenchmarkCompileErrorRoutes(b *testing.B) {
	nothing := caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })
	srv := withErrorRoute(b, 3, func(http.ResponseWriter, *http.Request, caddyhttp.Handler) error { return nil })
	b.ReportAllocs()
	for b.Loop() {
		_ = srv.Errors.Routes.Compile(nothing)
	}
}

// The error routes of a site with a name are terminal: what they leave unanswered is the
// gateway's to answer, and not for the routes of other sites.
func TestErrorRoutesOfASite(t *testing.T) {
	t.Parallel()
	leaving := routeFunc(func(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
		return next.ServeHTTP(w, r)
	})
	page := routeFunc(func(w http.ResponseWriter, _ *http.Request, _ caddyhttp.Handler) error {
		_, err := io.WriteString(w, "the page")
		return err
	})
	other := caddyhttp.MatcherSets{{caddyhttp.MatchHost{"other.test"}}}
	for name, row := range map[string]struct {
		routes caddyhttp.RouteList
		body   string
	}{
		"nobody answers":         {caddyhttp.RouteList{{Terminal: true, Handlers: []caddyhttp.MiddlewareHandler{leaving}}}, `"type":"permission`},
		"nobody of it answers":   {caddyhttp.RouteList{{Terminal: true, Handlers: []caddyhttp.MiddlewareHandler{leaving}}, {Handlers: []caddyhttp.MiddlewareHandler{page}}}, `"type":"permission`},
		"it answers":             {caddyhttp.RouteList{{Terminal: true, Handlers: []caddyhttp.MiddlewareHandler{page}}}, "the page"},
		"of another site":        {caddyhttp.RouteList{{Terminal: true, MatcherSets: other, Handlers: []caddyhttp.MiddlewareHandler{page}}}, `"type":"permission`},
		"behind another site's":  {caddyhttp.RouteList{{Terminal: true, MatcherSets: other, Handlers: []caddyhttp.MiddlewareHandler{leaving}}, {Handlers: []caddyhttp.MiddlewareHandler{page}}}, "the page"},
		"before what ends there": {caddyhttp.RouteList{{Handlers: []caddyhttp.MiddlewareHandler{leaving}}, {Terminal: true, Handlers: []caddyhttp.MiddlewareHandler{page}}}, "the page"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := &caddyhttp.Server{Errors: &caddyhttp.HTTPErrorConfig{Routes: row.routes}}
			if err := srv.Errors.Routes.ProvisionHandlers(caddy.Context{Context: t.Context()}, nil); err != nil {
				t.Fatal(err)
			}
			h := newHost()
			w := httptest.NewRecorder()
			r := caddyhttp.PrepareRequest(httptest.NewRequest(http.MethodPost, "/llm/anthropic/v1/messages", nil), caddy.NewReplacer(), w, srv)
			err := state.Serve(handle(pass), h, w, r, caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error {
				return state.Deny(http.StatusForbidden, "group_not_allowed", "No.")
			}))
			if err != nil || !strings.Contains(w.Body.String(), row.body) {
				t.Errorf("status %d, body %s, error %v", w.Code, w.Body, err)
			}
		})
	}
}
