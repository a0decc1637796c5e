// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtauth

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/jwks"
	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
	"github.com/caddy-gateway/tollgate/modules/internal/options"
)

func init() { httpcaddyfile.RegisterHandlerDirective("jwt_auth", parseCaddyfile) }

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
			return nil, h.Errf("jwt_auth: %w", err)
		}
	}
	return handler, nil
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	jwt_auth [<matcher>] {
//		secret     <{env.NAME}|{file.PATH}> [<algorithm>...] {
//			id     <key id>
//			issuer <issuer>
//			base64
//		}
//		public_key <{env.NAME}|{file.PATH}|PEM> [<algorithm>...] {
//			id     <key id>
//			issuer <issuer>
//		}
//		jwks       <URL|file> [<algorithm>...] {
//			issuer   <issuer>
//			ca       <file>
//			refresh  <duration>
//			keep     <duration>
//			insecure
//		}
//		discover   <issuer> [<algorithm>...] {
//			ca       <file>
//			refresh  <duration>
//			keep     <duration>
//			insecure
//		}
//		consumer_keys    [<claim>]
//
//		issuer           <issuer...>
//		audience         <audience...>|any
//		types            <type...>|any
//		require          <claim> [<value>...]
//		scopes           <scope...>
//		leeway           <duration>
//		max_lifetime     <duration>
//		no_expiry
//
//		consumer_claim   <claim> [name|custom_id]
//		consumer         <consumer>
//		unknown_consumer allow|refuse
//		header           <name> <claim>
//
//		bearer           on|off
//		headers          <name...>
//		cookies          <name...>
//		query            <name...>
//		hide_credentials on|off
//		max_token        <size>
//		cache            on|off
//		realm            <text>
//		profile          kong
//
//		anonymous        <consumer>
//		preflight        on|off
//	}
//
// Every option may be missing; secret, public_key, jwks, discover, require and header may
// repeat. Without the first four, consumer_keys is meant, with the claim iss.
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
	if err := errors.Join(t.checkConsumers(), checkClaimHeaders(t.ClaimHeaders), t.checkAddresses()); err != nil {
		return d.Errf("%s: %w", name, err)
	}
	return nil
}

// checkAddresses refuses what must not be fetched.
func (t *Tokens) checkAddresses() error {
	for i := range t.KeySets {
		k := &t.KeySets[i]
		if k.File != "" {
			continue
		}
		o := jwks.Options{URL: k.URL, Issuer: k.Discover, Insecure: k.Insecure}
		if err := o.Check(); err != nil {
			return err
		}
	}
	return nil
}

// options are those which the handler and the provider have in common.
func (t *Tokens) options() options.Set {
	return options.Set{
		"secret":        options.Block("<secret> [<algorithm>...]", t.keyBlock(false)).Repeat(),
		"public_key":    options.Block("<key> [<algorithm>...]", t.keyBlock(true)).Repeat(),
		"jwks":          options.Block("<URL|file> [<algorithm>...]", t.setBlock(false)).Repeat(),
		"discover":      options.Block("<issuer> [<algorithm>...]", t.setBlock(true)).Repeat(),
		"consumer_keys": options.Func("[<claim>]", t.readConsumerKeys),

		"issuer":       options.Strings(&t.Issuers),
		"audience":     options.Func("<audience>...", listOrAny("audience", &t.Audiences)),
		"types":        options.Func("<type>...", listOrAny("types", &t.Types)),
		"require":      options.Func("<claim> [<value>...]", t.readRequire).Repeat(),
		"scopes":       options.Strings(&t.Scopes),
		"leeway":       options.Func("<duration>", t.readLeeway),
		"max_lifetime": options.DurationBetween(&t.MaxLifetime, time.Second, 10*365*24*time.Hour),
		"no_expiry":    options.Flag(&t.NoExpiry),

		"consumer_claim":   options.Func("<claim> [name|custom_id]", t.readConsumerClaim),
		"consumer":         options.String(&t.Consumer),
		"unknown_consumer": options.Enum(&t.UnknownConsumer, UnknownAllow, UnknownRefuse),
		"header":           options.Func("<name> <claim>", t.readHeader).Repeat(),

		"bearer":           options.BoolPtr(&t.Bearer),
		"headers":          options.Headers(&t.Headers),
		"cookies":          options.Strings(&t.Cookies),
		"query":            options.Strings(&t.Query),
		"hide_credentials": options.BoolPtr(&t.HideCredentials),
		"max_token":        options.SizeBetween(&t.MaxToken, 64, jwtverify.MaxToken),
		"cache":            options.BoolPtr(&t.Cache),
		"realm":            options.Func("<text>", t.readRealm),
		"profile":          options.Enum(&t.Profile, gateway.ProfileKong),
	}
}

// keyBlock reads secret and public_key.
func (t *Tokens) keyBlock(public bool) func([]string) (options.Set, error) {
	return func(args []string) (options.Set, error) {
		if err := gateway.CheckSecret(args[0]); err != nil {
			return nil, err
		}
		algorithms, err := jwtverify.ParseAlgorithms(args[1:])
		if err != nil {
			return nil, err
		}
		kind := jwtverify.Symmetric
		if public {
			kind = jwtverify.Asymmetric
		}
		if other := algorithms &^ kind; other != 0 {
			return nil, fmt.Errorf("%s is not for such a key", other)
		}
		t.Keys = append(t.Keys, KeyConfig{Algorithms: args[1:]})
		k := &t.Keys[len(t.Keys)-1]
		set := options.Set{"id": options.String(&k.ID), "issuer": options.String(&k.Issuer)}
		if public {
			k.PublicKey = args[0]
		} else {
			k.Secret = args[0]
			set["base64"] = options.Flag(&k.Base64)
		}
		return set, nil
	}
}

// setBlock reads jwks and discover.
func (t *Tokens) setBlock(discover bool) func([]string) (options.Set, error) {
	return func(args []string) (options.Set, error) {
		if _, err := jwtverify.ParseAlgorithms(args[1:]); err != nil {
			return nil, err
		}
		t.KeySets = append(t.KeySets, KeySetConfig{Algorithms: args[1:]})
		k := &t.KeySets[len(t.KeySets)-1]
		set := options.Set{
			"ca":       options.String(&k.CA),
			"refresh":  options.DurationBetween(&k.Refresh, time.Minute, 24*time.Hour),
			"keep":     options.DurationBetween(&k.Keep, time.Minute, 30*24*time.Hour),
			"insecure": options.Flag(&k.Insecure),
		}
		switch {
		case discover:
			k.Discover = args[0]
			return set, nil
		case strings.HasPrefix(args[0], "https://"), strings.HasPrefix(args[0], "http://"):
			k.URL = args[0]
		case strings.Contains(args[0], "://"):
			return nil, fmt.Errorf("%q is neither an https URL nor the name of a file", args[0])
		default:
			k.File = args[0]
			set = options.Set{}
		}
		set["issuer"] = options.String(&k.Issuer)
		return set, nil
	}
}

func (t *Tokens) readConsumerKeys(args []string) error {
	t.ConsumerKeys = "iss"
	if len(args) > 0 {
		t.ConsumerKeys = args[0]
	}
	if t.ConsumerKeys == "" {
		return errors.New("the claim has no name")
	}
	return nil
}

func (t *Tokens) readRequire(args []string) error {
	if args[0] == "" {
		return errors.New("the claim has no name")
	}
	if slices.ContainsFunc(t.Require, func(q RequireConfig) bool { return q.Claim == args[0] }) {
		return fmt.Errorf("the claim %s is required twice; list all values in one line", args[0])
	}
	t.Require = append(t.Require, RequireConfig{Claim: args[0], Values: args[1:]})
	return nil
}

func (t *Tokens) readLeeway(args []string) error {
	d, err := options.ParseDuration(args[0], 0, maxLeeway)
	leeway := caddy.Duration(d)
	t.Leeway = &leeway
	return err
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

func (t *Tokens) readHeader(args []string) error {
	t.ClaimHeaders = append(t.ClaimHeaders, ClaimHeader{Header: args[0], Claim: args[1]})
	return checkClaimHeaders(t.ClaimHeaders)
}

func (t *Tokens) readRealm(args []string) error {
	if args[0] == "" || strings.ContainsFunc(args[0], unicode.IsControl) {
		return errors.New("the text is empty or holds a control character")
	}
	t.Realm = args[0]
	return nil
}

func listOrAny(name string, into *[]string) func([]string) error {
	return func(args []string) error {
		for i, v := range args {
			if v == "" || slices.Contains(args[:i], v) {
				return errors.New("a value is empty or listed twice")
			}
		}
		*into = args
		_, _, err := anyOr(name, args, false)
		return err
	}
}

// Interface guards
var _ caddyfile.Unmarshaler = (*Handler)(nil)
