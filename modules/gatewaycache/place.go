// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// maxNesting bounds the search through routes that invoke one another.
const maxNesting = 32

// place is who can answer the requests that a handler passes on, in one server.
type place struct {
	server  *caddyhttp.Server
	answers string // a digest
}

// answersOf returns what tells the upstreams behind the handler from those of another
// route that has the same URL and no name. It is the same after a reload, and in all
// gateways, as long as the upstreams are.
func (h *Handler) answersOf(r *http.Request) string {
	server, ok := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok || server == nil {
		return ""
	}
	if p := h.place.Load(); p != nil && p.server == server {
		return p.answers
	}
	p := &place{server: server, answers: answersBehind(h, server)}
	h.place.Store(p)
	return p.answers
}

// answersBehind looks for h in the routes of a server, and at all that stands behind it.
func answersBehind(h *Handler, server *caddyhttp.Server) string {
	s := search{target: h, named: server.NamedRoutes, sum: sha256.New()}
	_, _ = fmt.Fprintf(s.sum, "server %q ", server.Name()) // the host is what the client says it is
	s.routes(server.Routes, 0)
	if server.Errors != nil {
		s.routes(server.Errors.Routes, 0)
	}
	return string(s.sum.Sum(nil)[:16]) // enough to tell apart what operators write
}

// search walks through routes in the order in which a request meets them.
type search struct {
	target *Handler
	named  map[string]*caddyhttp.Route
	found  bool
	sum    hash.Hash
}

// routes leaves out what excludes the route in which the target stands.
func (s *search) routes(routes caddyhttp.RouteList, depth int) {
	group := ""
	for i := range routes {
		route := &routes[i]
		if group != "" && route.Group == group {
			continue
		}
		before := s.found
		s.route(route, depth)
		if s.found && !before {
			group = route.Group
		}
	}
}

func (s *search) route(route *caddyhttp.Route, depth int) {
	for _, h := range route.Handlers {
		s.handler(h, depth)
	}
}

func (s *search) handler(h caddyhttp.MiddlewareHandler, depth int) {
	switch h := h.(type) {
	case *Handler:
		s.found = s.found || h == s.target
	case *caddyhttp.Subroute:
		if depth < maxNesting {
			s.routes(h.Routes, depth+1)
		}
	case *caddyhttp.Invoke:
		if route := s.named[h.Name]; route != nil && depth < maxNesting {
			s.route(route, depth+1)
		}
	case *reverseproxy.Handler:
		dials := make([]string, len(h.Upstreams))
		for i, u := range h.Upstreams {
			dials[i] = u.Dial
		}
		s.add("proxy", dials)
		s.add(fmt.Sprintf("%T", h.DynamicUpstreams), h.DynamicUpstreams)
		s.add("rewrite", h.Rewrite)
	default:
		if m, ok := h.(caddy.Module); ok && answering[m.CaddyModule().ID] {
			s.add(string(m.CaddyModule().ID), h)
		}
	}
}

// answering are other handlers that answer by themselves, by what their config says.
var answering = map[caddy.ModuleID]bool{
	"http.handlers.static_response": true,
	"http.handlers.file_server":     true,
	"http.handlers.mock_llm":        true,
}

func (s *search) add(kind string, config any) {
	if !s.found {
		return
	}
	text, _ := json.Marshal(config)                      // of what has no config the kind has to do
	_, _ = fmt.Fprintf(s.sum, "%s %d ", kind, len(text)) // a hash does not fail
	_, _ = s.sum.Write(text)
}
