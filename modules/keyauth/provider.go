// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package keyauth

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
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
// does, a key in the same request is not looked at and travels on.
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
	return nil
}

// Authenticate implements caddyauth.Authenticator.
func (p *Provider) Authenticate(w http.ResponseWriter, r *http.Request) (caddyauth.User, bool, error) {
	rq := state.Ensure(r)
	if p.kong {
		rq.KongErrors = true
	}
	f, err := p.identify(r, rq)
	if err != nil {
		return caddyauth.User{}, false, err
	}
	if f.verdict != valid {
		p.challenge(w.Header())
		return caddyauth.User{}, false, nil
	}
	if f.at.kind == inQuery && !p.kong {
		forbidKeeping(w.Header())
	}
	c := f.credential
	rq.Credential, rq.Anonymous = c, false
	rq.AssertIdentity(r)
	return caddyauth.User{ID: c.Consumer.Name, Metadata: map[string]string{
		"custom_id":  c.Consumer.CustomID,
		"credential": c.ID,
		"groups":     strings.Join(c.Groups, " "),
	}}, true, nil
}

// Interface guards
var (
	_ caddy.Provisioner       = (*Provider)(nil)
	_ caddyauth.Authenticator = (*Provider)(nil)
)
