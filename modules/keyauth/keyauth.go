// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package keyauth identifies consumers by API keys. It has three modules:
//
//   - [Handler], the directive key_auth;
//   - [Provider], the same for Caddy's own authentication handler, so that a
//     key is one of several ways in;
//   - [Encoder], the log format gateway, which keeps keys out of logs. Caddy
//     copies a request for its logs before any handler runs, so a handler that
//     removes the key is too late for them.
//
// A key is looked up by its SHA-256 digest, compared in constant time, removed
// from the request and forgotten. No error, header, log line or metric of this
// package holds one.
package keyauth

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
	_ "github.com/caddy-gateway/tollgate/modules/internal/order" // places the directive
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func init() { caddy.RegisterModule(new(Handler)) }

// userID is Caddy's placeholder for the authenticated user. Access logs show
// it as user_id.
const userID = "http.auth.user.id"

// Handler lets a request pass if it shows the key of a consumer, and answers
// 401 if not. The key is removed before the request goes on, and the consumer
// is known to all later handlers, to {gateway.consumer.name},
// {gateway.consumer.custom_id}, {gateway.consumer.groups},
// {gateway.consumer.tags}, {gateway.credential.id} and {http.auth.user.id}, to
// logs and metrics, and to the upstream through X-Consumer-Id,
// X-Consumer-Username, X-Consumer-Custom-Id and X-Credential-Identifier.
// Whatever the client sent under such names is removed.
//
// Without options the key is taken from the header apikey, else X-API-Key,
// else from "Authorization: Bearer". The first of these that is there decides,
// right or wrong. See [Keys] for everything about where keys are looked for.
//
// Several handlers in a row must all be satisfied. A handler with an anonymous
// consumer is content if somebody is known already, so a row of handlers that
// all have one is satisfied by any.
//
// A config in which no consumer has a key, or whose anonymous consumer does
// not exist, is refused.
type Handler struct {
	Keys

	// Anonymous is the consumer that a request without a key is given; by
	// default such a request is refused. A key that is wrong is refused all
	// the same, unless the profile is kong.
	Anonymous string `json:"anonymous,omitempty"`

	// Preflight says whether CORS preflight requests (OPTIONS with Origin and
	// Access-Control-Request-Method) need a key like any other. Default: true.
	// Browsers send none, so with false they pass unidentified. With the
	// profile kong, false lets every OPTIONS request pass.
	Preflight *bool `json:"preflight,omitempty"`

	anonymous *consumers.Credential
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.key_auth", New: func() caddy.Module { return new(Handler) }}
}

// Provision checks the options against the consumers of the gateway app.
func (h *Handler) Provision(ctx caddy.Context) error {
	app, err := gateway.Get(ctx)
	if err != nil {
		return err
	}
	if err := h.provision(app); err != nil {
		return fmt.Errorf("key_auth: %w", err)
	}
	if h.Anonymous != "" {
		if h.anonymous = app.ConsumerTable().Anonymous(h.Anonymous); h.anonymous == nil {
			return fmt.Errorf("key_auth: anonymous consumer %q does not exist", h.Anonymous)
		}
	}
	return nil
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return state.Serve(h, h.app, w, r, next)
}

// Handle implements state.Handler.
func (h *Handler) Handle(w http.ResponseWriter, r *http.Request, rq *state.Request, next caddyhttp.Handler) error {
	if h.kong {
		rq.KongErrors = true
	}
	if state.Waved(r, h.Preflight, h.kong) || h.anonymous != nil && rq.Known(r) {
		if err := h.hideKnown(r, rq); err != nil {
			return err
		}
		return next.ServeHTTP(w, r)
	}
	f, err := h.identify(r, rq)
	if err != nil {
		return err
	}
	if h.uncached(f) {
		return h.serveUncached(w, r, rq, f, next)
	}
	return h.serve(w, r, rq, f, next)
}

// serve acts on what identify found.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, rq *state.Request, f finding, next caddyhttp.Handler) error {
	var err error
	switch {
	case f.verdict == valid && rq.Differs(f.credential):
		h.Challenge(w.Header())
		return state.DenyWith(state.ErrConsumersDiffer)
	case f.verdict == valid:
		if err = h.hideInBody(r, rq, f.at); err == nil {
			rq.ByTicket = f.at.kind == inTicket
			err = rq.Admit(r, &state.Authentication{Credential: f.credential, Token: f.token})
		}
	case h.anonymous != nil && (f.verdict == missing || h.kong && f.verdict != unavailable):
		if err = h.hideInBody(r, rq, f.at); err == nil {
			err = rq.AdmitAnonymous(r, h.anonymous)
		}
	default:
		if f.verdict != unavailable {
			h.Challenge(w.Header())
		}
		return state.DenyWith(h.denial(f))
	}
	if err != nil {
		return err
	}
	return next.ServeHTTP(w, r)
}

// TellsCaller implements state.CallerTeller.
func (*Handler) TellsCaller() {}

// serveUncached is serve for a key that stood in the URL.
func (h *Handler) serveUncached(w http.ResponseWriter, r *http.Request, rq *state.Request, f finding, next caddyhttp.Handler) error {
	w = rq.Uncached(w, r)
	if err := h.serve(w, r, rq, f, next); err != nil {
		return err
	}
	return rq.EndTapped(w)
}

// challengesFor lists the challenges of a realm: the scheme Key, as Kong has
// it, and Bearer where that is a carrier, which needs a parameter (RFC 6750,
// section 3).
func challengesFor(realm string, bearer bool) []string {
	quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(realm) + `"`
	list := []string{"Key"}
	if realm == "" {
		quoted = `"gateway"`
	} else {
		list[0] = "Key realm=" + quoted
	}
	if bearer {
		list = append(list, "Bearer realm="+quoted)
	}
	return list
}

// Interface guards
var (
	_ caddy.Module                = (*Handler)(nil)
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
	_ state.Handler               = (*Handler)(nil)
)
