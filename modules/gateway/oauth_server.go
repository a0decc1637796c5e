// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/internal/oauthserver"
	"github.com/caddy-gateway/tollgate/modules/internal/options"
)

// OAuthServerConfig makes the gateway an OAuth 2.0 authorization server for machines: the
// handler oauth2_token issues access tokens to the oauth_clients of consumers, and the
// handler oauth2 accepts them.
type OAuthServerConfig struct {
	// Issuer is the URL under which clients reach the server: with https, or with http on
	// a loopback host, and without a slash at its end.
	Issuer string `json:"issuer"`

	// Audience are whom tokens are for. Default: the issuer.
	Audience []string `json:"audience,omitempty"`

	// Lifetime is how long tokens are good for, from 1m to 24h. Default: 1h.
	Lifetime caddy.Duration `json:"lifetime,omitempty"`

	// Algorithm signs tokens: ES256 (the default), EdDSA or RS256.
	Algorithm string `json:"algorithm,omitempty"`

	// Rotate is how long a key signs before the next one does, from 1h to 400d. Default:
	// 30d.
	Rotate caddy.Duration `json:"rotate,omitempty"`

	// Path is where the endpoints are below the issuer. Default: /oauth2.
	Path string `json:"path,omitempty"`

	// MandatoryScope refuses requests for tokens that name no scope. Default: such a
	// token is for all scopes of the client.
	MandatoryScope bool `json:"mandatory_scope,omitempty"`

	// Passphrase encrypts the signing keys in the store: a placeholder such as
	// {env.NAME} or {file.PATH}, the same on all gateways that share the store. Default:
	// keys are stored as they are.
	Passphrase string `json:"passphrase,omitempty"`
}

// OAuthServer returns the authorization server of the config, or nil if it has none.
func (a *App) OAuthServer() *oauthserver.Server { return a.oauth }

// loadOAuthServer sets up the authorization server.
func (a *App) loadOAuthServer() error {
	c := a.OAuthServerConfig
	if c == nil {
		return nil
	}
	config := oauthserver.Config{
		Issuer: c.Issuer, Audience: c.Audience, Algorithm: c.Algorithm, Path: c.Path, MandatoryScope: c.MandatoryScope,
		Lifetime: time.Duration(c.Lifetime), Rotate: time.Duration(c.Rotate),
	}
	if c.Passphrase != "" {
		var err error
		if config.Passphrase, err = ResolveSecret(c.Passphrase); err != nil {
			return fmt.Errorf("oauth2_server: passphrase: %w", err)
		}
		if len(config.Passphrase) < shortKey {
			return fmt.Errorf("oauth2_server: the passphrase has fewer than %d characters; make one with: caddy gateway key new", shortKey)
		}
	}
	var err error
	if a.oauth, err = oauthserver.New(config, a.table, a.Records); err != nil {
		return fmt.Errorf("oauth2_server: %w", err)
	}
	a.NeedRecords()
	return nil
}

// oauthServer reads the option oauth2_server.
func (p *parser) oauthServer(args []string) (options.Set, error) {
	if err := oauthserver.CheckIssuer(args[0]); err != nil {
		return nil, err
	}
	c := &OAuthServerConfig{Issuer: args[0]}
	p.app.OAuthServerConfig = c
	return options.Set{
		"audience": options.Func("<audience>...", func(args []string) error {
			for i, audience := range args {
				if audience == "" || slices.Contains(args[:i], audience) {
					return errors.New("an audience is empty or listed twice")
				}
			}
			c.Audience = args
			return nil
		}),
		"lifetime":  options.DurationBetween(&c.Lifetime, oauthserver.MinLifetime, oauthserver.MaxLifetime),
		"algorithm": options.Enum(&c.Algorithm, oauthserver.ES256, oauthserver.EdDSA, oauthserver.RS256),
		"rotate":    options.DurationBetween(&c.Rotate, oauthserver.MinRotate, oauthserver.MaxRotate),
		"path": options.Func("<path>", func(args []string) error {
			c.Path = args[0]
			return oauthserver.CheckPath(args[0])
		}),
		"mandatory_scope": options.Flag(&c.MandatoryScope),
		"passphrase": options.Func("<{env.NAME}|{file.PATH}>", func(args []string) error {
			c.Passphrase = args[0]
			return CheckSecret(args[0])
		}),
	}, nil
}

// OAuthServerIssuer returns the issuer that the gateway option declares, empty if it
// declares no authorization server.
func (d Declared) OAuthServerIssuer() string {
	if d.app.OAuthServerConfig == nil {
		return ""
	}
	return d.app.OAuthServerConfig.Issuer
}

// CountOAuth counts a request to an endpoint of the authorization server: by the endpoint,
// and by what became of it, both of closed sets.
func (a *App) CountOAuth(endpoint, result string) {
	a.shared.metrics.oauth.WithLabelValues(endpoint, result).Inc()
}

// CountIntrospection counts how a question to another authorization server was answered:
// by a result of a closed set.
func (a *App) CountIntrospection(result string) {
	a.shared.metrics.introspections.WithLabelValues(result).Inc()
}
