// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// nothing ends a chain of error routes of which none has answered.
var nothing caddyhttp.Handler = caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })

// compileErrorRoutes compiles error routes so that nothing is answered where none of them
// does. Those of a site with a name are in one that is terminal, which Caddy ends by the
// bare status: the answer to whatever handle_errors has no words for would be empty.
func compileErrorRoutes(routes caddyhttp.RouteList) caddyhttp.Handler {
	next := nothing
	for i, route := range slices.Backward(routes) {
		if !route.Terminal || route.Group != "" {
			next = routes[i : i+1].Compile(next)
			continue
		}
		matchers, others := route.MatcherSets, next
		route.Terminal, route.MatcherSets = false, nil
		matched := caddyhttp.RouteList{route}.Compile(nothing)
		next = caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			if ok, err := matchers.AnyMatchWithError(r); err != nil {
				return err
			} else if !ok {
				return others.ServeHTTP(w, r)
			}
			return matched.ServeHTTP(w, r)
		})
	}
	return next
}
