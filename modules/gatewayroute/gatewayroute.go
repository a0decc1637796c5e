// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package gatewayroute gives a route a name.
//
// Caddy's routes have none, so metrics, ledger and logs could not tell them
// apart: they show the name that this handler sets, and "_" where it did not
// run.
//
// See docs/gateway_route.md.
package gatewayroute

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	_ "github.com/caddy-gateway/tollgate/modules/internal/order" // places the directive
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func init() { caddy.RegisterModule(new(Handler)) }

// MaxName is how long a route's name may be, in bytes.
const MaxName = 64

// Handler names the route of the requests that pass it, for the label route of
// metrics, the ledger, log fields and the placeholder {gateway.route}. Where
// routes are nested, the innermost name counts, because it comes last.
//
// It never fails and uses no placeholders: names come from the configuration
// alone, so that their number is bounded.
type Handler struct {
	// Name of the route: 1 to 64 letters, digits, "_", "." or "-", not
	// beginning with "_". Several routes may share a name.
	Name string `json:"name,omitempty"`

	app *gateway.App
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.gateway_route", New: func() caddy.Module { return new(Handler) }}
}

// Provision finds the gateway app.
func (h *Handler) Provision(ctx caddy.Context) (err error) {
	h.app, err = gateway.Get(ctx)
	return err
}

// Validate checks the name.
func (h *Handler) Validate() error {
	if err := checkName(h.Name); err != nil {
		return fmt.Errorf("name: %w", err)
	}
	return nil
}

// checkName keeps names fit for metric labels and URLs. A leading "_" is for
// the gateway's own names.
func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("the name is empty")
	case len(name) > MaxName:
		return fmt.Errorf("the name is %d bytes long; it may be %d", len(name), MaxName)
	case strings.HasPrefix(name, "_"):
		return fmt.Errorf("%q begins with _, which is reserved; begin with a letter or digit", name)
	}
	for _, c := range name {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '.', c == '-':
		default:
			return fmt.Errorf("%q holds %q; a name consists of letters, digits, _ . and -", name, c)
		}
	}
	return nil
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return state.Serve(h, h.app, w, r, next)
}

// Handle names the route.
func (h *Handler) Handle(w http.ResponseWriter, r *http.Request, rq *state.Request, next caddyhttp.Handler) error {
	rq.Route = h.Name
	return next.ServeHTTP(w, r)
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddy.Validator             = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
	_ state.Handler               = (*Handler)(nil)
)
