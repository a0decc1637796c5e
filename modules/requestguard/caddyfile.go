// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package requestguard

import (
	"fmt"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/options"
)

func init() { httpcaddyfile.RegisterHandlerDirective("request_guard", parseCaddyfile) }

func parseCaddyfile(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	g := new(Handler)
	return g, g.UnmarshalCaddyfile(h.Dispenser)
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	request_guard [<matcher>] {
//		methods          <method>...
//		off              <rule>...
//		websocket        on|off
//		max_query_params <number>
//		max_query        <size>
//		max_headers      <number>
//	}
//
// Every option may be missing, and so may the block. The rules are methods,
// early_data, absolute_form, path_characters, backslashes, encoded_slashes,
// double_encoding, dot_segments, empty_segments, path_parameters, query,
// headers, duplicate_headers, expect, connection, upgrade, overrides,
// forwarded and trailers; off may repeat.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if _, err := options.Args(d, ""); err != nil {
		return err
	}
	err := options.Parse(d, "request_guard", options.Set{
		"methods":          options.Func("<method>...", h.readMethods),
		"off":              options.EnumList(&h.Off, allRules[:]...).Repeat(),
		"websocket":        options.BoolPtr(&h.WebSocket),
		"max_query_params": options.Int(&h.MaxQueryParams, 1, highestQueryParams),
		"max_query":        options.SizeBetween(&h.MaxQuery, 1, highestQuery),
		"max_headers":      options.Int(&h.MaxHeaders, 1, highestHeaders),
	})
	if err != nil {
		return err
	}
	if err := h.contradiction(); err != nil {
		return d.Errf("request_guard: %w", err)
	}
	return nil
}

func (h *Handler) readMethods(args []string) error {
	for _, m := range args {
		if err := checkMethod(m); err != nil {
			return err
		}
		if slices.Contains(h.Methods, m) {
			return fmt.Errorf("%q is listed twice", m)
		}
		h.Methods = append(h.Methods, m)
	}
	return nil
}

// ruleNames lists the rules for error messages.
func ruleNames() string {
	names := make([]string, len(allRules))
	for i, rule := range allRules {
		names[i] = string(rule)
	}
	return strings.Join(names, ", ")
}

// Interface guards
var _ caddyfile.Unmarshaler = (*Handler)(nil)
