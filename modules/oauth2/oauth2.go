// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package oauth2 identifies callers by OAuth 2.0 access tokens. It has two modules:
//
//   - [Handler], the directive oauth2;
//   - [Provider], the same for Caddy's own authentication handler and for gateway_auth, so
//     that a token is one of several ways in.
//
// Whether a token is good is for an authorization server to say: the gateway's own, of the
// package oauthserver, or another one, which the package introspect asks.
package oauth2

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

// Handler lets a request pass if it shows an access token that is good, and answers 401 if
// not, 403 if the token is good but not for this, and 503 if nobody can tell. The token is
// removed before the request goes on. What is known of it is shown to all later handlers as
// {gateway.token.issuer}, {gateway.token.subject}, {gateway.token.id},
// {gateway.token.client}, {gateway.token.scopes} and {gateway.token.claims.<path>}, and its
// consumer as with key_auth: as {gateway.consumer.*} and {http.auth.user.id}, in logs and
// metrics, and to the upstream through X-Consumer-* headers. A caller who is no consumer has
// the token's subject as {http.auth.user.id}.
//
// Without options, tokens are those of the gateway's own authorization server (see
// oauth2_token), and the consumer is the one whose client has got the token. See [Tokens]
// for tokens of other servers, and for what a token has to be good for.
//
// Several handlers in a row must all be satisfied. A handler with an anonymous consumer is
// content if somebody is known already.
type Handler struct {
	Tokens

	// Anonymous is the consumer that a request without a token is given; by default such
	// a request is refused. A token that is not accepted is refused all the same.
	Anonymous string `json:"anonymous,omitempty"`

	// Preflight says whether CORS preflight requests (OPTIONS with Origin and
	// Access-Control-Request-Method) need a token like any other. Default: true.
	Preflight *bool `json:"preflight,omitempty"`

	gate state.Gate
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.oauth2", New: func() caddy.Module { return new(Handler) }}
}

// Provision checks the options, and finds the authorization server.
func (h *Handler) Provision(ctx caddy.Context) error {
	app, err := gateway.Get(ctx)
	if err != nil {
		return err
	}
	if err := h.provision(ctx, app); err != nil {
		return fmt.Errorf("oauth2: %w", err)
	}
	h.gate = state.Gate{Way: &h.Tokens, Preflight: h.Preflight}
	if h.Anonymous != "" {
		if h.gate.Anonymous = app.ConsumerTable().Anonymous(h.Anonymous); h.gate.Anonymous == nil {
			return fmt.Errorf("oauth2: anonymous consumer %q does not exist", h.Anonymous)
		}
	}
	return nil
}

// Cleanup ends connections that nobody uses.
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
