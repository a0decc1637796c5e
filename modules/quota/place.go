// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quota

import (
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// place says what may still be ahead of a request that meets the quota. It is
// found out with the first request, when all routes are known, and kept.
type place struct {
	caller bool // an authentication
	call   bool // an llm_cost
	next   bool // directly another quota, which then decides for both
}

// anywhere is the place of a quota of which nothing is known: everything may be
// ahead.
var anywhere = place{caller: true, call: true}

// maxNesting bounds how deep routes are followed; named routes may call one
// another in a circle.
const maxNesting = 32

// find returns the place of h in the routes of a server.
func find(h *Handler, srv *caddyhttp.Server) place {
	if srv == nil {
		return anywhere
	}
	s := look(h, srv)
	if !s.found {
		return anywhere
	}
	return s.place
}

// search walks through routes in the order in which a request meets them. What
// comes after the target is ahead, but for routes that exclude one another with
// the one in which the target stands.
type search struct {
	target *Handler
	named  map[string]*caddyhttp.Route

	found  bool
	before bool // an llm_cost stands before it
	place  place
}

func (s *search) routes(routes caddyhttp.RouteList, depth int) {
	group := "" // of the route in which the target stands
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
	for i, h := range route.Handlers {
		s.handler(h, depth)
		if h == caddyhttp.MiddlewareHandler(s.target) && i+1 < len(route.Handlers) {
			_, s.place.next = route.Handlers[i+1].(*Handler)
		}
	}
}

func (s *search) handler(h caddyhttp.MiddlewareHandler, depth int) {
	switch h := h.(type) {
	case *Handler:
		// A quota that stands in a named route is in several places: what is ahead
		// of any of them counts.
		s.found = s.found || h == s.target
		return
	case *caddyhttp.Subroute:
		if depth < maxNesting {
			s.routes(h.Routes, depth+1)
		}
		return
	case *caddyhttp.Invoke:
		if route := s.named[h.Name]; route != nil && depth < maxNesting {
			s.route(route, depth+1)
		}
		return
	}
	if !s.found {
		_, tells := h.(state.CallTeller)
		s.before = s.before || tells
		return
	}
	switch h.(type) {
	case state.CallerTeller, *caddyauth.Authentication, caddyauth.Authentication:
		s.place.caller = true
	case state.CallTeller:
		s.place.call = true
	}
}
