// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewayroute

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/options"
)

func init() { httpcaddyfile.RegisterHandlerDirective("gateway_route", parseCaddyfile) }

func parseCaddyfile(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	m := new(Handler)
	if err := m.UnmarshalCaddyfile(h.Dispenser); err != nil {
		return nil, err
	}
	if err := gateway.BlockOf(h).NameRoute(m.Name); err != nil {
		return nil, h.Errf("gateway_route: %w", err)
	}
	return m, nil
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	gateway_route [<matcher>] <name>
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	args, err := options.Args(d, "<name>")
	if err != nil {
		return err
	}
	h.Name = args[0]
	if err := checkName(h.Name); err != nil {
		return d.Errf("gateway_route: %w", err)
	}
	return options.Parse(d, "gateway_route", nil)
}

// Interface guards
var _ caddyfile.Unmarshaler = (*Handler)(nil)
