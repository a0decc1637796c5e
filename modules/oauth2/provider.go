// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package oauth2

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

// Provider is oauth2 as one of several ways to satisfy gateway_auth, or Caddy's own
// authentication handler:
//
//	{
//		"handler": "authentication",
//		"providers": {
//			"gateway_oauth2": {"scopes": ["chat"]},
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
// this one does not see the request, and a token in it travels on. Use gateway_auth, which
// has all ways clear up.
type Provider struct {
	Tokens
}

// CaddyModule returns the Caddy module information.
func (*Provider) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.authentication.providers.gateway_oauth2", New: func() caddy.Module { return new(Provider) }}
}

// Provision checks the options, and finds the authorization server.
func (p *Provider) Provision(ctx caddy.Context) error {
	app, err := gateway.Get(ctx)
	if err != nil {
		return err
	}
	if err := p.provision(ctx, app); err != nil {
		return fmt.Errorf("gateway_oauth2: %w", err)
	}
	return nil
}

// Cleanup ends connections that nobody uses.
func (p *Provider) Cleanup() error { return p.cleanup() }

// Authenticator implements state.AuthenticatorModule, for gateway_auth.
func (p *Provider) Authenticator() state.Authenticator { return &p.Tokens }

// Authenticate implements caddyauth.Authenticator.
func (p *Provider) Authenticate(w http.ResponseWriter, r *http.Request) (caddyauth.User, bool, error) {
	return state.AuthenticateUser(w, r, &p.Tokens)
}

// UnmarshalCaddyfile sets up the provider from Caddyfile tokens, as a way of gateway_auth. It
// has all options of the directive oauth2 but anonymous and preflight:
//
//	oauth2 {
//		<options of oauth2>
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
