// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycors

import (
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/options"
)

func init() { httpcaddyfile.RegisterHandlerDirective("gateway_cors", parseCaddyfile) }

func parseCaddyfile(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	c := &Handler{likeKong: gateway.DeclaredIn(h).Kong()}
	return c, c.UnmarshalCaddyfile(h.Dispenser)
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	gateway_cors [<matcher>] [<origin>...] {
//		origins             <origin>...
//		origin_patterns     <expression>...
//		methods             <method>...
//		headers             <header>...|*
//		exposed_headers     <header>...
//		max_age             <duration>
//		credentials
//		private_network
//		enforce
//		profile             kong
//		preflight_continue
//		allow_origin_absent on|off
//	}
//
// Everything may be missing, and so may the block. Origins stand on the first line or in
// the option. The last two options need the profile kong.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	h.Origins = d.RemainingArgs()
	list := func(form string, p *[]string) options.Option {
		return options.Func(form, func(args []string) error {
			*p = append(*p, args...)
			return nil
		}).Repeat()
	}
	onFirstLine := len(h.Origins) > 0
	return options.ParseThen(d, "gateway_cors", options.Set{
		"origins": options.Func("<origin>...", func(args []string) error {
			if onFirstLine {
				return errors.New("there are origins on the first line already")
			}
			h.Origins = append(h.Origins, args...)
			return nil
		}).Repeat(),
		"origin_patterns": list("<expression>...", &h.OriginPatterns),
		"methods":         list("<method>...", &h.Methods),
		"headers":         list("<header>...", &h.Headers),
		"exposed_headers": list("<header>...", &h.ExposedHeaders),
		"max_age": options.Func("<duration>", func(args []string) error {
			age, err := options.ParseDuration(args[0], 0, mostMaxAge)
			if err != nil {
				return err
			}
			if age%time.Second != 0 {
				return fmt.Errorf("%s is no whole number of seconds", age)
			}
			h.MaxAge = new(caddy.Duration(age))
			return nil
		}),
		"credentials":         options.Flag(&h.Credentials),
		"private_network":     options.Flag(&h.PrivateNetwork),
		"enforce":             options.Flag(&h.Enforce),
		"profile":             options.Enum(&h.Profile, gateway.ProfileKong),
		"preflight_continue":  options.Flag(&h.PreflightContinue),
		"allow_origin_absent": options.BoolPtr(&h.AllowOriginAbsent),
	}, func() error {
		rehearsal := *h
		return rehearsal.compile(h.likeKong)
	})
}

// Interface guards
var _ caddyfile.Unmarshaler = (*Handler)(nil)
