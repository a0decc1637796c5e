// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package ticket is the directive gateway_ticket: it exchanges the credential of a request
// for a ticket, which stands for it once and for a short time. Browsers cannot set headers
// of a WebSocket, so their credential would have to stand in its URL; there a ticket does no
// harm.
package ticket

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	_ "github.com/caddy-gateway/tollgate/modules/internal/order" // places the directive
	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/internal/tickets"
)

func init() { caddy.RegisterModule(new(Handler)) }

const (
	minTTL = time.Second
	// maxBody is how long the body of an exchange may be, in bytes.
	maxBody = 4 << 10
)

// Handler answers a POST of a caller whom an authentication before it has accepted with a
// ticket:
//
//	{"ticket": "tgt_...", "expires_in": 30}
//
// key_auth with the option ticket accepts the ticket in place of the credential, once, and
// finds the same credential: with its identifier, its groups and whatever it is narrowed
// to. If that is gone or has ended by then, after a reload, the ticket is worth nothing.
// What a token said of its caller goes along; a ticket is good no longer than the token.
//
// A ticket is bound to the origin of the page that has asked for it (the header Origin), so
// that no other page can use it. A server that asks on behalf of a page names the origin in
// the body: {"origin": "https://app.example.com"}. Without either, the ticket is good for
// what sends no Origin, which is no browser. The body may also name the path for which the
// ticket is to be good.
//
// The store of the gateway has the digest of each ticket, until it is used or has expired.
// Where it cannot be asked, or is full, the answer is 503.
//
// The handler has no placeholders and no metrics of its own.
type Handler struct {
	// TTL is how long a ticket is good, from 1s to 5m. Default: 30s.
	TTL caddy.Duration `json:"ttl,omitempty"`

	// Origin says whether a ticket is bound to an origin. Default: true.
	Origin *bool `json:"origin,omitempty"`

	// Path is the path for which tickets are good, as the client asks for it, or
	// what all of them begin with and an asterisk. Default: every path.
	Path string `json:"path,omitempty"`

	// Route is the name, given by gateway_route, of the only route on which tickets
	// are good. Default: every route.
	Route string `json:"route,omitempty"`

	app   *gateway.App
	ttl   time.Duration
	bound bool
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.gateway_ticket", New: func() caddy.Module { return new(Handler) }}
}

// Provision checks the options.
func (h *Handler) Provision(ctx caddy.Context) error {
	app, err := gateway.Get(ctx)
	if err != nil {
		return err
	}
	h.app = app
	if h.ttl = time.Duration(h.TTL); h.ttl == 0 {
		h.ttl = tickets.DefaultTTL
	}
	if h.ttl < minTTL || h.ttl > tickets.MaxTTL {
		return fmt.Errorf("gateway_ticket: ttl is %s; write a duration from %s to %s", h.ttl, minTTL, tickets.MaxTTL)
	}
	if err := checkPath(h.Path); err != nil {
		return fmt.Errorf("gateway_ticket: path: %w", err)
	}
	h.bound = h.Origin == nil || *h.Origin
	app.NeedRecords()
	return nil
}

// checkPath refuses what is no pattern of paths.
func checkPath(path string) error {
	if path != "" && (path[0] != '/' || strings.Contains(strings.TrimSuffix(path, "*"), "*")) {
		return errors.New("a path begins with a slash, and may end in an asterisk")
	}
	return nil
}

// ServeHTTP implements caddyhttp.MiddlewareHandler. It answers every request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return state.Serve(h, h.app, w, r, next)
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
	_ state.Handler               = (*Handler)(nil)
)
