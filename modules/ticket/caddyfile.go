// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ticket

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/options"
	"github.com/caddy-gateway/tollgate/modules/internal/tickets"
)

func init() { httpcaddyfile.RegisterHandlerDirective("gateway_ticket", parseCaddyfile) }

func parseCaddyfile(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	handler := new(Handler)
	return handler, handler.UnmarshalCaddyfile(h.Dispenser)
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	gateway_ticket [<matcher>] {
//		ttl    <duration>
//		origin on|off
//		path   <path>
//		route  <name>
//	}
//
// Every option may be missing, and so may the block.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if _, err := options.Args(d, ""); err != nil {
		return err
	}
	return options.Parse(d, "gateway_ticket", options.Set{
		"ttl":    options.DurationBetween(&h.TTL, minTTL, tickets.MaxTTL),
		"origin": options.BoolPtr(&h.Origin),
		"path": options.Func("<path>", func(args []string) error {
			h.Path = args[0]
			if h.Path == "" {
				return checkPath("?")
			}
			return checkPath(h.Path)
		}),
		"route": options.String(&h.Route),
	})
}

// Interface guards
var _ caddyfile.Unmarshaler = (*Handler)(nil)
