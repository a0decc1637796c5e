// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package acl

import (
	"errors"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/options"
)

func init() { httpcaddyfile.RegisterHandlerDirective("acl", parseCaddyfile) }

// parseCaddyfile reads the directive and checks that the groups exist, so that
// a slip of the pen is reported where it stands.
func parseCaddyfile(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	handler := new(Handler)
	if err := handler.UnmarshalCaddyfile(h.Dispenser); err != nil {
		return nil, err
	}
	declared := gateway.DeclaredIn(h)
	for _, name := range handler.groups() {
		if err := declared.Group(name); err != nil {
			return nil, h.Errf("acl: %w", err)
		}
	}
	return handler, nil
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	acl [<matcher>] [allow|deny <group...>] {
//		allow <group...>
//		deny  <group...>
//		hide_groups_header
//	}
//
// The groups stand on the line or in the block, and either all are allowed or
// all denied.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	args := d.RemainingArgs()
	if len(args) > 0 {
		into := &h.Allow
		switch args[0] {
		case "allow":
		case "deny":
			into = &h.Deny
		default:
			return d.Errf("acl: %q is neither allow nor deny; write: acl allow <group>...", args[0])
		}
		if len(args) == 1 {
			return d.Errf("acl: %s takes at least 1 argument, not 0; write: acl %s <group>...", args[0], args[0])
		}
		*into = args[1:]
	}
	err := options.Parse(d, "acl", options.Set{
		"allow":              options.Func("<group>...", h.list(&h.Allow)),
		"deny":               options.Func("<group>...", h.list(&h.Deny)),
		"hide_groups_header": options.Flag(&h.HideGroupsHeader),
	})
	if err != nil {
		return err
	}
	if err := h.check(); err != nil {
		return d.Errf("acl: %w", err)
	}
	return nil
}

// list reads groups in the block, where there are none on the line.
func (h *Handler) list(into *[]string) func([]string) error {
	return func(args []string) error {
		if len(*into) > 0 {
			return errors.New("groups are listed on the line of acl already; list them all in one place")
		}
		*into = args
		return nil
	}
}

// Interface guards
var _ caddyfile.Unmarshaler = (*Handler)(nil)
