// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package keyauth

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func init() { caddy.RegisterModule(new(Provider)) }

// Provider is key_auth as one of several ways to satisfy Caddy's
// authentication handler, whose providers are alternatives:
//
//	{
//		"handler": "authentication",
//		"providers": {
//			"gateway_key": {},
//			"http_basic": {...}
//		}
//	}
//
// It looks for keys, removes them and tells the upstream who calls as
// [Handler] does. The user has the consumer's name as {http.auth.user.id} and
// {http.auth.user.custom_id}, {http.auth.user.credential} and
// {http.auth.user.groups}. Bodies cannot be looked into here, because a
// provider does not see the end of the request; the anonymous consumer is a
// matter of the handler.
//
// Caddy asks providers in no fixed order until one accepts. If another one
// accepts first, this one does not see the request: a key in it travels on, and
// so does what the client says about its identity (X-Consumer-Username and the
// like), unless a gateway handler comes before the authentication. With other
// providers beside this one, put request_guard or correlation_id there; the
// first gateway handler of a request removes such headers, whoever accepts it.
// A provider cannot see whether there is one, so a load with other providers
// logs a warning that says so.
type Provider struct {
	Keys
}

// CaddyModule returns the Caddy module information.
func (*Provider) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.authentication.providers.gateway_key", New: func() caddy.Module { return new(Provider) }}
}

// Provision checks the options against the consumers of the gateway app.
func (p *Provider) Provision(ctx caddy.Context) error {
	app, err := gateway.Get(ctx)
	if err != nil {
		return err
	}
	if err := p.provision(app); err != nil {
		return fmt.Errorf("gateway_key: %w", err)
	}
	if p.readsBody {
		return errors.New("gateway_key: keys in bodies need the key_auth handler; remove body from the carriers")
	}
	if others := otherProviders(ctx); len(others) > 0 {
		ctx.Logger().Warn("another authentication provider can accept a request before gateway_key is asked, and identity headers "+
			"of the client would then reach the upstream: put request_guard or correlation_id in front of the authentication handler",
			zap.Strings("other_providers", others))
	}
	return nil
}

// otherProviders names the alternatives in the authentication handler that is
// loading the provider. Caddy forgets their configuration only afterwards.
func otherProviders(ctx caddy.Context) []string {
	line := ctx.Modules() // ends with the provider itself
	if len(line) < 2 {
		return nil
	}
	handler, ok := line[len(line)-2].(*caddyauth.Authentication)
	if !ok {
		return nil
	}
	var names []string
	for name := range handler.ProvidersRaw {
		if name != "gateway_key" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Authenticator implements state.AuthenticatorModule, for gateway_auth.
func (p *Provider) Authenticator() state.Authenticator { return &p.Keys }

// Authenticate implements caddyauth.Authenticator.
func (p *Provider) Authenticate(w http.ResponseWriter, r *http.Request) (caddyauth.User, bool, error) {
	return state.AuthenticateUser(w, r, &p.Keys)
}

// Interface guards
var (
	_ caddy.Provisioner         = (*Provider)(nil)
	_ caddyauth.Authenticator   = (*Provider)(nil)
	_ caddyfile.Unmarshaler     = (*Provider)(nil)
	_ state.AuthenticatorModule = (*Provider)(nil)
)
