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
	lines := map[string]int{"origins": d.Line()}
	at := func(name, form string, read func(args []string) error) options.Option {
		return options.Func(form, func(args []string) error {
			lines[name] = d.Line()
			return read(args)
		})
	}
	list := func(name, form string, p *[]string) options.Option {
		return at(name, form, func(args []string) error {
			*p = append(*p, args...)
			return nil
		}).Repeat()
	}
	flag := func(name string, p *bool) options.Option {
		return at(name, "", func([]string) error {
			*p = true
			return nil
		})
	}
	onFirstLine := len(h.Origins) > 0
	err := options.Parse(d, "gateway_cors", options.Set{
		"origins": at("origins", "<origin>...", func(args []string) error {
			if onFirstLine {
				return errors.New("there are origins on the first line already")
			}
			h.Origins = append(h.Origins, args...)
			return nil
		}).Repeat(),
		"origin_patterns": list("origin_patterns", "<expression>...", &h.OriginPatterns),
		"methods":         list("methods", "<method>...", &h.Methods),
		"headers":         list("headers", "<header>...", &h.Headers),
		"exposed_headers": list("exposed_headers", "<header>...", &h.ExposedHeaders),
		"max_age": at("max_age", "<duration>", func(args []string) error {
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
		"credentials":         flag("credentials", &h.Credentials),
		"private_network":     flag("private_network", &h.PrivateNetwork),
		"enforce":             flag("enforce", &h.Enforce),
		"profile":             options.Enum(&h.Profile, gateway.ProfileKong),
		"preflight_continue":  flag("preflight_continue", &h.PreflightContinue),
		"allow_origin_absent": options.BoolPtr(&h.AllowOriginAbsent),
	})
	if err != nil {
		return err
	}
	rehearsal := *h
	if err := rehearsal.compile(h.likeKong); err != nil {
		line := d.Line()
		if m, ok := errors.AsType[*misuse](err); ok && lines[m.option] > 0 {
			line = lines[m.option]
		}
		return fmt.Errorf("gateway_cors: %w, at %s:%d", err, d.File(), line)
	}
	return nil
}

// Interface guards
var _ caddyfile.Unmarshaler = (*Handler)(nil)
