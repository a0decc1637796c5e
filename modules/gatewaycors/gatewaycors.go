// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package gatewaycors lets pages of other origins use an API: the CORS protocol of the
// Fetch standard, for every answer of a route, whoever gives it.
//
// What a request may and what an answer says is decided by rs/cors. What that library
// leaves to its users is here: which origins there can be, requests that are no
// browser's, and headers that outlive an upstream's own and a refusal.
//
// See docs/gateway_cors.md.
package gatewaycors

import (
	"net/http"

	"github.com/rs/cors"
	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	_ "github.com/caddy-gateway/tollgate/modules/internal/order" // places the directive
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func init() { caddy.RegisterModule(new(Handler)) }

// Handler answers CORS preflights, and puts the headers of the CORS protocol on all other
// answers, those by which the gateway refuses a request included. It stands before
// everything that refuses, because a preflight carries no credential and its method is
// OPTIONS. What an upstream says under these names is replaced.
//
// Without options, pages of all origins may call, with all headers and the usual methods,
// but without cookies: keys and tokens in headers are no credentials in this sense.
//
// CORS says what pages may read, not who may call: a request of an origin that is not
// admitted passes, without the headers, unless Enforce is set. Without an Origin, or with
// several, a request is no CORS request.
//
// It sets no placeholders and uses none. With the profile kong it behaves as Kong's plugin
// does, see docs/gateway_cors.md.
type Handler struct {
	// Origins that are admitted: "*" for all of them; origins as browsers send them,
	// such as https://app.example.com, http://localhost:5173 or null; with "*." for
	// all names below a domain, and ":*" for all ports. Default: all, unless there are
	// OriginPatterns.
	Origins []string `json:"origins,omitempty"`

	// OriginPatterns are regular expressions (RE2) for whole origins.
	OriginPatterns []string `json:"origin_patterns,omitempty"`

	// Methods that pages may use. Default: GET, HEAD, POST, PUT, PATCH and DELETE.
	Methods []string `json:"methods,omitempty"`

	// Headers that pages may send, or "*" for all they ask for. Default: all.
	Headers []string `json:"headers,omitempty"`

	// ExposedHeaders are those of an answer that pages may read, besides the few that
	// they always may, or "*" for all where there are no credentials. Default: those
	// which the gateway sets, see docs/gateway_cors.md.
	ExposedHeaders []string `json:"exposed_headers,omitempty"`

	// MaxAge is how long a browser may remember the answer to a preflight, in whole
	// seconds. Default: 10 minutes.
	MaxAge *caddy.Duration `json:"max_age,omitempty"`

	// Credentials lets pages send cookies and TLS client certificates, and what a
	// browser remembers of HTTP authentication. It needs origins that are listed.
	// Default: false.
	Credentials bool `json:"credentials,omitempty"`

	// PrivateNetwork admits pages of public addresses to a server with a private one,
	// where a browser asks about it. It needs origins that are listed. Default: false.
	PrivateNetwork bool `json:"private_network,omitempty"`

	// Enforce refuses requests of origins that are neither admitted nor the request's
	// own with 403 (code origin_not_allowed). WebSockets are not under CORS, so that
	// only this keeps pages from opening them. Default: false.
	Enforce bool `json:"enforce,omitempty"`

	// PreflightContinue passes preflights on to the upstream. Only with the profile
	// kong. Default: false.
	PreflightContinue bool `json:"preflight_continue,omitempty"`

	// AllowOriginAbsent says whether requests without an Origin get the headers too.
	// Only with the profile kong. Default: true.
	AllowOriginAbsent *bool `json:"allow_origin_absent,omitempty"`

	// Profile is kong to behave as Kong's plugin does. Default: the profile of the
	// gateway app.
	Profile string `json:"profile,omitempty"`

	app      *gateway.App
	likeKong bool // what the global options of a Caddyfile say of the profile
	origins  origins
	cors     *cors.Cors
	kong     *kongRules          // nil without the profile
	known    map[string]*sharing // for origins that are listed
	absent   *sharing            // for requests without an Origin
	stranger *sharing            // for origins that are not admitted
	closed   *sharing            // for preflights that are none of a browser's
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.gateway_cors", New: func() caddy.Module { return new(Handler) }}
}

// Provision compiles the rules.
func (h *Handler) Provision(ctx caddy.Context) (err error) {
	if h.app, err = gateway.Get(ctx); err != nil {
		return err
	}
	if err := h.compile(h.app.Kong()); err != nil {
		return err
	}
	h.warn(ctx.Logger())
	return nil
}

// warn tells of what is allowed and yet hardly wanted.
func (h *Handler) warn(log *zap.Logger) {
	if h.kong != nil && h.kong.anyone() && h.Credentials {
		log.Warn("every page may use what its visitor is logged in to; list origins, or leave credentials out")
	}
	if h.Credentials && h.kong == nil {
		for _, o := range h.origins.insecure() {
			log.Warn("whoever can change what travels without TLS can act as this origin, with credentials", zap.String("origin", o))
		}
	}
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return state.Serve(h, h.app, w, r, next)
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
	_ state.Handler               = (*Handler)(nil)
)
