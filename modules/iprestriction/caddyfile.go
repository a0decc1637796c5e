// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package iprestriction

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/options"
)

func init() { httpcaddyfile.RegisterHandlerDirective("ip_restriction", parseCaddyfile) }

func parseCaddyfile(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	handler := new(Handler)
	return handler, handler.UnmarshalCaddyfile(h.Dispenser)
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	ip_restriction [<matcher>] {
//		allow   <ip|cidr|private_ranges...>
//		deny    <ip|cidr|private_ranges...>
//		status  <code>
//		message <text>
//	}
//
// Every option may be missing, and so may the block; allow and deny may
// repeat.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if _, err := options.Args(d, ""); err != nil {
		return err
	}
	return options.Parse(d, "ip_restriction", options.Set{
		"allow":   options.Prefixes(&h.Allow).Repeat(),
		"deny":    options.Prefixes(&h.Deny).Repeat(),
		"status":  options.Int(&h.Status, 400, 599),
		"message": options.String(&h.Message),
	})
}

// Interface guards
var _ caddyfile.Unmarshaler = (*Handler)(nil)
