// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package order gives every Tollgate directive its place among Caddy's
// standard directives, in one list.
//
// Caddy lets a plugin place a directive relative to a standard directive
// only, never relative to another plugin's. Directives placed before the same
// standard directive keep the sequence of their registration, and Go
// initialises packages in the order of their import paths. If each feature
// placed itself, the sequence of ours would be alphabetical. So this package
// places all of them in its own init, and each feature imports it blank.
// Placing a directive that a build does not contain is harmless.
//
// The sequence follows one rule: who changes or reads a request stands before
// who decides on it. Denials, logs and metrics name the request and its route,
// so identity of the request comes first of all.
package order

import "github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

// group is a run of our directives directly before one standard directive.
type group struct {
	before     string
	directives []string
}

// groups holds our directives in the order in which they handle a request.
var groups = []group{
	// Known to everything behind, the standard vars and log_append included.
	// gateway_route precedes request_guard so that what the guard refuses is
	// counted under its route, and gateway_cors so that a page of another origin
	// can read the refusal, and that no list of methods refuses a preflight.
	{"map", []string{"correlation_id", "gateway_errors", "gateway_route", "gateway_cors", "request_guard"}},
	// After the URI is rewritten, beside Caddy's own authentication.
	{"basicauth", []string{"api_version", "key_auth", "jwt_auth", "oauth2", "gateway_auth"}},
	// After forward_auth: the consumer is known whoever authenticated it.
	{"request_header", []string{"ip_restriction", "acl", "request_transform"}},
	// Inside encode, so that bodies are not compressed yet, and around handle
	// and route, so that nested routes are metered and cached too.
	{"invoke", []string{"response_transform", "language_router", "llm_cost", "quota", "oauth2_token", "gateway_ticket", "gateway_cache"}},
	// Those which answer.
	{"reverse_proxy", []string{"mock_llm", "llm_proxy"}},
}

func init() {
	for _, g := range groups {
		for _, name := range g.directives {
			httpcaddyfile.RegisterDirectiveOrder(name, httpcaddyfile.Before, g.before)
		}
	}
}

// Directives returns the names of all directives placed by this package, in
// the order in which they handle a request. The slice is the caller's own.
func Directives() []string {
	var names []string
	for _, g := range groups {
		names = append(names, g.directives...)
	}
	return names
}
