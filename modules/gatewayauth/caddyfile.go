// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewayauth

import (
	"encoding/json"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/options"
)

func init() { httpcaddyfile.RegisterHandlerDirective("gateway_auth", parseCaddyfile) }

// parseCaddyfile reads the directive and checks what it refers to, so that a
// mistake is reported where it stands.
func parseCaddyfile(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	handler := new(Handler)
	if err := handler.UnmarshalCaddyfile(h.Dispenser); err != nil {
		return nil, err
	}
	if handler.Anonymous != "" {
		if err := gateway.DeclaredIn(h).Consumer(handler.Anonymous); err != nil {
			return nil, h.Errf("gateway_auth: anonymous: %w", err)
		}
	}
	return handler, nil
}

// namespace is that of Caddy's authentication providers.
const namespace = "http.authentication.providers"

// shortNames are those of ways that need not be written out.
var shortNames = map[string]string{
	"key": "gateway_key", "jwt": "gateway_jwt", "oauth2": "gateway_oauth2", "basic": "http_basic",
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	gateway_auth [<matcher>] {
//		any|all {
//			key    { <options of key_auth> }
//			jwt    { <options of jwt_auth> }
//			oauth2 { <options of oauth2> }
//			basic  [<hash_algorithm> [<realm>]] {
//				<username> <hashed_password>
//			}
//			<provider> ...
//		}
//		anonymous        <consumer>
//		users            consumers|required|elsewhere
//		hide_credentials on|off
//		preflight        on|off
//		profile          kong
//	}
//
// One of any and all is given, with at least one way; each of them may occur more than
// once. Any other provider is written by the name of its module, if that can be
// configured in a Caddyfile.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if _, err := options.Args(d, ""); err != nil {
		return err
	}
	err := options.Parse(d, "gateway_auth", options.Set{
		"any":              options.Raw(func(d *caddyfile.Dispenser) error { return readWays(d, &h.AnyRaw) }),
		"all":              options.Raw(func(d *caddyfile.Dispenser) error { return readWays(d, &h.AllRaw) }),
		"anonymous":        options.String(&h.Anonymous),
		"users":            options.Enum(&h.Users, UsersConsumers, UsersRequired, UsersElsewhere),
		"hide_credentials": options.BoolPtr(&h.HideCredentials),
		"preflight":        options.BoolPtr(&h.Preflight),
		"profile":          options.Enum(&h.Profile, gateway.ProfileKong),
	})
	if err != nil {
		return err
	}
	if err := h.check(); err != nil {
		return d.Errf("gateway_auth: %w", err)
	}
	return nil
}

// readWays reads a list of ways, on whose name d stands.
func readWays(d *caddyfile.Dispenser, into *[]json.RawMessage) error {
	list := d.Val()
	if _, err := options.Args(d, ""); err != nil {
		return err
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		raw, err := readWay(d)
		if err != nil {
			return err
		}
		*into = append(*into, raw)
	}
	if len(*into) == 0 {
		return d.Errf("it lists no way; write for example: %s { key }", list)
	}
	return nil
}

// readWay reads one way, on whose name d stands.
func readWay(d *caddyfile.Dispenser) (json.RawMessage, error) {
	name := d.Val()
	if full, ok := shortNames[name]; ok {
		name = full
	}
	if name == "http_basic" {
		return readBasic(d.NewFromNextSegment())
	}
	id := namespace + "." + name
	if _, err := caddy.GetModule(id); err != nil {
		return nil, d.Errf("there is no way %q in this build; there are: %s", d.Val(), wayNames())
	}
	module, err := caddyfile.UnmarshalModule(d, id)
	if err != nil {
		return nil, err
	}
	return caddyconfig.JSONModuleObject(module, "provider", name, nil), nil
}

// wayNames lists what can be written, short where there is a short name.
func wayNames() string {
	names := make([]string, 0, len(shortNames))
	for _, info := range caddy.GetModules(namespace) {
		name := info.ID.Name()
		for short, full := range shortNames {
			if full == name {
				name = short
			}
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// readBasic reads accounts as Caddy's basic_auth has them; its own parser belongs to that
// directive alone.
func readBasic(d *caddyfile.Dispenser) (json.RawMessage, error) {
	d.Next() // the name of the way
	name := d.Val()
	args, err := options.Args(d, "[<hash_algorithm>] [<realm>]")
	if err != nil {
		return nil, err
	}
	ba := caddyauth.HTTPBasicAuth{HashCache: new(caddyauth.Cache)}
	algorithm := "bcrypt"
	if len(args) > 0 {
		algorithm = args[0]
	}
	if len(args) > 1 {
		ba.Realm = args[1]
	}
	hash, err := caddy.GetModule("http.authentication.hashes." + algorithm)
	if err != nil {
		return nil, d.Errf("%s: unknown hash algorithm %q; write bcrypt or argon2id", name, algorithm)
	}
	ba.HashRaw = caddyconfig.JSONModuleObject(hash.New(), "algorithm", algorithm, nil)
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		account := caddyauth.Account{Username: d.Val()}
		if !d.Args(&account.Password) || d.NextArg() || account.Username == "" || account.Password == "" {
			return nil, d.Errf("%s: write an account as: <username> <hashed_password>", name)
		}
		for _, earlier := range ba.AccountList {
			if earlier.Username == account.Username {
				return nil, d.Errf("%s: user %s is listed twice", name, account.Username)
			}
		}
		ba.AccountList = append(ba.AccountList, account)
	}
	if len(ba.AccountList) == 0 {
		return nil, d.Errf("%s: no account is listed, so it would accept nobody", name)
	}
	return caddyconfig.JSONModuleObject(ba, "provider", "http_basic", nil), nil
}

// Interface guards
var _ caddyfile.Unmarshaler = (*Handler)(nil)
