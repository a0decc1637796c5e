// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package oauth2

import (
	"errors"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/introspect"
	"github.com/caddy-gateway/tollgate/modules/internal/options"
)

func init() { httpcaddyfile.RegisterHandlerDirective("oauth2", parseCaddyfile) }

func parseCaddyfile(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	handler := new(Handler)
	if err := handler.UnmarshalCaddyfile(h.Dispenser); err != nil {
		return nil, err
	}
	declared := gateway.DeclaredIn(h)
	for _, name := range []string{handler.Anonymous, handler.Consumer} {
		if name == "" {
			continue
		}
		if err := declared.Consumer(name); err != nil {
			return nil, h.Errf("oauth2: %w", err)
		}
	}
	if handler.Introspection == nil && declared.OAuthServerIssuer() == "" {
		return nil, h.Err("oauth2: whose tokens are meant? Declare the gateway's own server in the gateway option with: " +
			"oauth2_server https://api.example.com, or name another one here with: introspect https://auth.example.com/introspect")
	}
	return handler, nil
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	oauth2 [<matcher>] {
//		introspect <URL> {
//			client   <id> <{env.NAME}|{file.PATH}>
//			post
//			timeout  <duration>
//			cache    <duration>|off
//			negative <duration>|off
//			stale    <duration>
//			ca       <file>
//		}
//		issuer           <issuer...>
//		audience         <audience...>
//		scopes           <scope...>
//
//		consumer_claim   <claim> [oauth_client|name|custom_id]
//		consumer         <consumer>
//		unknown_consumer allow|refuse
//
//		query            on|off
//		hide_credentials on|off
//		realm            <text>
//		anonymous        <consumer>
//		preflight        on|off
//	}
//
// Every option may be missing, and so may the block.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	set := h.options()
	set["anonymous"] = options.String(&h.Anonymous)
	set["preflight"] = options.BoolPtr(&h.Preflight)
	return h.unmarshal(d, set)
}

// unmarshal reads a directive, on whose name d stands, with the options of set.
func (t *Tokens) unmarshal(d *caddyfile.Dispenser, set options.Set) error {
	name := d.Val()
	if _, err := options.Args(d, ""); err != nil {
		return err
	}
	if err := options.Parse(d, name, set); err != nil {
		return err
	}
	if err := t.check(); err != nil {
		return d.Errf("%s: %w", name, err)
	}
	return nil
}

// options are those which the handler and the provider have in common.
func (t *Tokens) options() options.Set {
	return options.Set{
		"introspect":       options.Block("<URL>", t.introspection),
		"issuer":           options.Strings(&t.Issuers),
		"audience":         options.Strings(&t.Audiences),
		"scopes":           options.Strings(&t.Scopes),
		"consumer_claim":   options.Func("<claim> [oauth_client|name|custom_id]", t.readConsumerClaim),
		"consumer":         options.String(&t.Consumer),
		"unknown_consumer": options.Enum(&t.UnknownConsumer, UnknownAllow, UnknownRefuse),
		"query":            options.Bool(&t.Query),
		"hide_credentials": options.BoolPtr(&t.HideCredentials),
		"realm":            options.String(&t.Realm),
	}
}

func (t *Tokens) readConsumerClaim(args []string) error {
	if args[0] == "" {
		return errors.New("the claim has no name")
	}
	t.ConsumerClaim = args[0]
	if len(args) > 1 {
		t.ConsumerBy = args[1]
	}
	return nil
}

func (t *Tokens) introspection(args []string) (options.Set, error) {
	if err := introspect.CheckURL(args[0]); err != nil {
		return nil, err
	}
	c := &IntrospectionConfig{URL: args[0]}
	t.Introspection = c
	return options.Set{
		"client": options.Func("<id> <{env.NAME}|{file.PATH}>", func(args []string) error {
			c.ClientID, c.ClientSecret = args[0], args[1]
			return gateway.CheckSecret(args[1])
		}),
		"post":     options.Flag(&c.Post),
		"timeout":  options.DurationBetween(&c.Timeout, 10*time.Millisecond, introspect.MaxTimeout),
		"cache":    options.Func("<duration>|off", durationOrOff(&c.Cache, introspect.MaxCache)),
		"negative": options.Func("<duration>|off", durationOrOff(&c.Negative, introspect.MaxNegative)),
		"stale":    options.DurationBetween(&c.Stale, time.Second, introspect.MaxStale),
		"ca":       options.String(&c.CA),
	}, nil
}

// durationOrOff reads a duration, or the word off as a negative one.
func durationOrOff(into *caddy.Duration, highest time.Duration) func([]string) error {
	return func(args []string) error {
		if args[0] == "off" {
			*into = -1
			return nil
		}
		d, err := options.ParseDuration(args[0], time.Second, highest)
		*into = caddy.Duration(d)
		return err
	}
}

// Interface guards
var _ caddyfile.Unmarshaler = (*Handler)(nil)
