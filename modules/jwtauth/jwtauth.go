// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package jwtauth identifies callers by JSON Web Tokens (RFC 7519). It has two modules:
//
//   - [Handler], the directive jwt_auth;
//   - [Provider], the same for Caddy's own authentication handler and for gateway_auth, so
//     that a token is one of several ways in.
//
// Tokens are read and verified by the package jwtverify, the keys of issuers are kept by the
// package jwks. Here is what connects them with requests, consumers and the config.
package jwtauth

import (
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	_ "github.com/caddy-gateway/tollgate/modules/internal/order" // places the directive
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func init() { caddy.RegisterModule(new(Handler)) }

// Handler lets a request pass if it shows a token that is signed with a configured key and
// satisfies the rules, and answers 401 if not, or 403 if the token is good but not for this.
// The token is removed before the request goes on. What it says is known to all later
// handlers as {gateway.token.issuer}, {gateway.token.subject}, {gateway.token.id},
// {gateway.token.client}, {gateway.token.scopes} and {gateway.token.claims.<path>}, and its
// consumer, if it leads to one, as with key_auth: as {gateway.consumer.*} and
// {http.auth.user.id}, in logs and metrics, and to the upstream through X-Consumer-* headers.
// A caller who is no consumer has the token's subject as {http.auth.user.id}.
//
// See [Tokens] for everything about where tokens are looked for, which keys count, and what a
// token has to say.
//
// Several handlers in a row must all be satisfied. A handler with an anonymous consumer is
// content if somebody is known already.
type Handler struct {
	Tokens

	// Anonymous is the consumer that a request without a token is given; by default such
	// a request is refused. A token that is not accepted is refused all the same, unless
	// the profile is kong; one that cannot be judged at the moment is, with either.
	Anonymous string `json:"anonymous,omitempty"`

	// Preflight says whether CORS preflight requests (OPTIONS with Origin and
	// Access-Control-Request-Method) need a token like any other. Default: true. With
	// the profile kong, false lets every OPTIONS request pass.
	Preflight *bool `json:"preflight,omitempty"`

	gate state.Gate
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.jwt_auth", New: func() caddy.Module { return new(Handler) }}
}

// Provision checks the options, and reads keys that are not fetched.
func (h *Handler) Provision(ctx caddy.Context) error {
	app, err := gateway.Get(ctx)
	if err != nil {
		return err
	}
	if err := h.provision(app); err != nil {
		return fmt.Errorf("jwt_auth: %w", err)
	}
	h.gate = state.Gate{Way: &h.Tokens, Preflight: h.Preflight, Kong: h.kong}
	if h.Anonymous != "" {
		if h.gate.Anonymous = app.ConsumerTable().Anonymous(h.Anonymous); h.gate.Anonymous == nil {
			return fmt.Errorf("jwt_auth: anonymous consumer %q does not exist", h.Anonymous)
		}
	}
	return nil
}

// Cleanup gives keys of issuers back that no other config needs.
func (h *Handler) Cleanup() error { return h.cleanup() }

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return state.Serve(h, h.app, w, r, next)
}

// TellsCaller implements state.CallerTeller.
func (*Handler) TellsCaller() {}

// Handle implements state.Handler.
func (h *Handler) Handle(w http.ResponseWriter, r *http.Request, rq *state.Request, next caddyhttp.Handler) error {
	return h.gate.Handle(w, r, rq, next)
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddy.CleanerUpper          = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
	_ state.Handler               = (*Handler)(nil)
)
