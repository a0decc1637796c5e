// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package keyauth

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/options"
	"github.com/caddy-gateway/tollgate/modules/internal/tickets"
)

func init() { httpcaddyfile.RegisterHandlerDirective("key_auth", parseCaddyfile) }

// parseCaddyfile reads the directive and checks what it refers to, so that a
// mistake is reported where it stands.
func parseCaddyfile(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	handler := new(Handler)
	if err := handler.UnmarshalCaddyfile(h.Dispenser); err != nil {
		return nil, err
	}
	if handler.Anonymous != "" {
		if err := gateway.DeclaredIn(h).Consumer(handler.Anonymous); err != nil {
			return nil, h.Errf("key_auth: anonymous: %w", err)
		}
	}
	if !keysDeclaredIn(h) {
		return nil, h.Err("key_auth: no consumer has a key, so every request would be refused; give one a key in the gateway option")
	}
	return handler, nil
}

// keysKey is where an adaptation keeps whether its gateway option has keys.
const keysKey = "key_auth.keys"

// keysDeclaredIn says that the gateway option of the Caddyfile has a key, or
// names a file that may have one.
func keysDeclaredIn(h httpcaddyfile.Helper) bool {
	if known, ok := h.State[keysKey].(bool); ok {
		return known
	}
	var app struct {
		Consumers []struct {
			Keys []json.RawMessage `json:"keys"`
		} `json:"consumers"`
		Files []string `json:"consumers_files"`
	}
	if opt, ok := h.Option("gateway").(httpcaddyfile.App); ok {
		_ = json.Unmarshal(opt.Value, &app) // it was marshalled by the option's own parser
	}
	has := len(app.Files) > 0
	for _, c := range app.Consumers {
		has = has || len(c.Keys) > 0
	}
	if h.State != nil {
		h.State[keysKey] = has
	}
	return has
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	key_auth [<matcher>] {
//		headers          <name...>
//		bearer           on|off
//		query            <name...>
//		body             <field...>
//		websocket        <form...>
//		ticket           [<name>]
//		ticket_requests  websocket|any
//		carriers         header|bearer|websocket|query|ticket|body...
//		max_body         <size>
//		hide_credentials on|off
//		anonymous        <consumer>
//		realm            <text>
//		preflight        on|off
//		profile          kong
//	}
//
// Every option may be missing, and so may the block. The option headers takes
// the place of the default names; websocket, query, ticket and body add to the
// carriers. A form is tollgate, openai, kubernetes, bearer, or a prefix that ends
// in a dot, behind base64url: where keys are encoded.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if _, err := options.Args(d, ""); err != nil {
		return err
	}
	set := h.options()
	set["body"] = options.Func("<field>...", names(&h.Body, false))
	set["carriers"] = options.EnumList(&h.Carriers, carriers...)
	set["max_body"] = options.SizeBetween(&h.MaxBody, 1, mostMaxBody)
	set["anonymous"] = options.String(&h.Anonymous)
	set["preflight"] = options.BoolPtr(&h.Preflight)
	if err := options.Parse(d, "key_auth", set); err != nil {
		return err
	}
	if _, err := h.kinds(); err != nil {
		return d.Errf("key_auth: %w", err)
	}
	return nil
}

// options are those which the handler and the provider have in common.
func (k *Keys) options() options.Set {
	return options.Set{
		"headers":          options.Func("<name>...", names(&k.Headers, true)),
		"bearer":           options.BoolPtr(&k.Bearer),
		"query":            options.Func("<name>...", names(&k.Query, false)),
		"websocket":        options.Func("<form>...", forms(&k.WebSocket)),
		"ticket":           options.Func("[<name>]", ticketName(&k.Ticket)),
		"ticket_requests":  options.Enum(&k.TicketRequests, TicketsWebSocket, TicketsAny),
		"hide_credentials": options.BoolPtr(&k.HideCredentials),
		"realm":            options.Func("<text>", realm(&k.Realm)),
		"profile":          options.Enum(&k.Profile, gateway.ProfileKong),
	}
}

// UnmarshalCaddyfile sets up the provider from Caddyfile tokens, as a way of gateway_auth:
//
//	key {
//		headers          <name...>
//		bearer           on|off
//		query            <name...>
//		websocket        <form...>
//		ticket           [<name>]
//		ticket_requests  websocket|any
//		carriers         header|bearer|websocket|query|ticket...
//		hide_credentials on|off
//		realm            <text>
//		profile          kong
//	}
//
// Every option may be missing, and so may the block.
func (p *Provider) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the name of the way
	name := d.Val()
	if _, err := options.Args(d, ""); err != nil {
		return err
	}
	set := p.options()
	set["carriers"] = options.EnumList(&p.Carriers, CarrierHeader, CarrierBearer, CarrierQuery, CarrierWebSocket, CarrierTicket)
	if err := options.Parse(d, name, set); err != nil {
		return err
	}
	if _, err := p.kinds(); err != nil {
		return d.Errf("%s: %w", name, err)
	}
	return nil
}

// names reads a list of names, of which none may be empty or occur twice.
func names(into *[]string, headers bool) func([]string) error {
	return func(args []string) error {
		for i, name := range args {
			if name == "" {
				return errors.New("a name is empty")
			}
			for _, earlier := range args[:i] {
				if earlier == name || headers && strings.EqualFold(earlier, name) {
					return errors.New(name + " is listed twice")
				}
			}
		}
		if headers {
			if err := checkHeaders(args); err != nil {
				return err
			}
		}
		*into = args
		return nil
	}
}

// forms reads a list of forms of keys in subprotocols.
func forms(into *[]string) func([]string) error {
	return func(args []string) error {
		_, err := parseForms(args)
		*into = args
		return err
	}
}

// ticketName reads the name of the parameter for tickets.
func ticketName(into *string) func([]string) error {
	return func(args []string) error {
		*into = tickets.DefaultName
		if len(args) == 0 {
			return nil
		}
		if *into = args[0]; *into == "" {
			return errors.New("the name is empty")
		}
		return nil
	}
}

func realm(into *string) func([]string) error {
	return func(args []string) error {
		if args[0] == "" || strings.ContainsFunc(args[0], unicode.IsControl) {
			return errors.New("the text is empty or holds a control character")
		}
		*into = args[0]
		return nil
	}
}

// Interface guards
var _ caddyfile.Unmarshaler = (*Handler)(nil)
