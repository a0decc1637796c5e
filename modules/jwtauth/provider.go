// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtauth

import (
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func init() { caddy.RegisterModule(new(Provider)) }

// Provider is jwt_auth as one of several ways to satisfy gateway_auth, or Caddy's own
// authentication handler:
//
//	{
//		"handler": "authentication",
//		"providers": {
//			"gateway_jwt": {"key_sets": [{"url": "https://login.example.com/keys"}]},
//			"http_basic": {...}
//		}
//	}
//
// It looks for tokens, removes them, and tells the upstream who calls as [Handler] does. The
// user has the consumer's name as {http.auth.user.id}, or the token's subject if it leads to
// no consumer, and {http.auth.user.custom_id}, {http.auth.user.credential} and
// {http.auth.user.groups}. The anonymous consumer is a matter of the handler.
//
// Where nobody can judge a token the answer is 503, and 403 where it is good and not for this,
// if a handler of the gateway stands before Caddy's; otherwise Caddy makes it 401.
//
// Caddy asks providers in no fixed order until one accepts. If another one accepts first,
// this one does not see the request: a token in it travels on, and so does what the client
// says in headers that the token would have set. With claim_headers, use gateway_auth, which
// has all ways clear up.
type Provider struct {
	Tokens
}

// CaddyModule returns the Caddy module information.
func (*Provider) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.authentication.providers.gateway_jwt", New: func() caddy.Module { return new(Provider) }}
}

// Provision checks the options, and reads keys that are not fetched.
func (p *Provider) Provision(ctx caddy.Context) error {
	app, err := gateway.Get(ctx)
	if err != nil {
		return err
	}
	if err := p.provision(app); err != nil {
		return fmt.Errorf("gateway_jwt: %w", err)
	}
	return nil
}

// Cleanup gives keys of issuers back that no other config needs.
func (p *Provider) Cleanup() error { return p.cleanup() }

// Authenticator implements state.AuthenticatorModule, for gateway_auth.
func (p *Provider) Authenticator() state.Authenticator { return &p.Tokens }

// Authenticate implements caddyauth.Authenticator.
func (p *Provider) Authenticate(w http.ResponseWriter, r *http.Request) (caddyauth.User, bool, error) {
	return state.AuthenticateUser(w, r, &p.Tokens)
}

// UnmarshalCaddyfile sets up the provider from Caddyfile tokens, as a way of gateway_auth. It
// has all options of jwt_auth but anonymous and preflight:
//
//	jwt {
//		<options of jwt_auth>
//	}
func (p *Provider) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the name of the way
	return p.unmarshal(d, p.options())
}

// Interface guards
var (
	_ caddy.Provisioner         = (*Provider)(nil)
	_ caddy.CleanerUpper        = (*Provider)(nil)
	_ caddyauth.Authenticator   = (*Provider)(nil)
	_ caddyfile.Unmarshaler     = (*Provider)(nil)
	_ state.AuthenticatorModule = (*Provider)(nil)
)
