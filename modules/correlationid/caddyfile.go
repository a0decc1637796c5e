// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package correlationid

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/options"
)

func init() { httpcaddyfile.RegisterHandlerDirective("correlation_id", parseCaddyfile) }

func parseCaddyfile(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	m := new(Handler)
	return m, m.UnmarshalCaddyfile(h.Dispenser)
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	correlation_id [<matcher>] [<header>] {
//		accept    on|off
//		echo      on|off
//		generator uuid7|uuid4|uuid#counter
//	}
//
// Everything may be missing.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	args, err := options.Args(d, "[<header>]")
	if err != nil {
		return err
	}
	if len(args) == 1 {
		if err := checkHeader(args[0]); err != nil {
			return d.Errf("correlation_id: %w", err)
		}
		h.Header = args[0]
	}
	return options.Parse(d, "correlation_id", options.Set{
		"accept":    options.BoolPtr(&h.Accept),
		"echo":      options.BoolPtr(&h.Echo),
		"generator": options.Enum(&h.Generator, generators[:]...),
	})
}

// Interface guards
var _ caddyfile.Unmarshaler = (*Handler)(nil)
