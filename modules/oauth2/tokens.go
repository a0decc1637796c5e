// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package oauth2

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
	"github.com/caddy-gateway/tollgate/modules/internal/introspect"
	"github.com/caddy-gateway/tollgate/modules/internal/oauthserver"
)

// Values of Tokens.UnknownConsumer and Tokens.ConsumerBy.
const (
	UnknownAllow  = "allow"
	UnknownRefuse = "refuse"

	ByClient   = "oauth_client"
	ByName     = "name"
	ByCustomID = "custom_id"
)

// Tokens says who decides on tokens, and what they have to be good for.
//
// A token is looked for in "Authorization: Bearer" (RFC 6750, section 2.1), and nowhere else
// unless Query is set; never in a body. A request with two of them is refused.
//
// Tokens of the gateway's own authorization server are verified here. Whether one was
// revoked is asked of the store of the gateway, whose answer holds for two seconds; where
// that does not answer, the request is refused with 503.
//
// With Introspection, another server is asked about each token, and its answers are
// remembered for a short time. Where it gives none, the request is refused with 503, unless
// IntrospectionConfig.Stale permits an answer from before.
type Tokens struct {
	// Introspection is the server to ask. Default: tokens are those of the gateway.
	Introspection *IntrospectionConfig `json:"introspection,omitempty"`

	// Issuers are whose tokens count, if the server that is asked says an issuer at all.
	// With several servers behind one, a token without iss is refused. Default: iss is not
	// looked at. Only with Introspection.
	Issuers []string `json:"issuers,omitempty"`

	// Audiences are those for whom a token may be: the server must say one of them.
	// Default: aud is not looked at, since the server knows who asks. Only with
	// Introspection.
	Audiences []string `json:"audiences,omitempty"`

	// Scopes are what the token must be for, all of them.
	Scopes []string `json:"scopes,omitempty"`

	// ConsumerClaim is the member of the answer whose value leads to the consumer.
	// Default: client_id. Only with Introspection.
	ConsumerClaim string `json:"consumer_claim,omitempty"`

	// ConsumerBy says what the value of ConsumerClaim is: the id of an oauth_client of the
	// consumer, the consumer's name, or its custom_id. Default: oauth_client for
	// client_id, and name for others.
	ConsumerBy string `json:"consumer_by,omitempty"`

	// Consumer is whom all callers with a token are. Only with Introspection.
	Consumer string `json:"consumer,omitempty"`

	// UnknownConsumer says what becomes of a token that leads to no consumer: "refuse"
	// (the default) answers 403, "allow" lets the caller pass, known but no consumer.
	// Only with Introspection.
	UnknownConsumer string `json:"unknown_consumer,omitempty"`

	// Query accepts a token in the query parameter access_token. Default: false. A token
	// in a URL ends up in histories and in logs of others; the answer is marked as one
	// that nobody may keep.
	Query bool `json:"query,omitempty"`

	// HideCredentials says whether the token is removed before the request goes on.
	// Default: true.
	HideCredentials *bool `json:"hide_credentials,omitempty"`

	// Realm is shown in WWW-Authenticate. Default: gateway.
	Realm string `json:"realm,omitempty"`

	app     *gateway.App
	table   *consumers.Table
	server  *oauthserver.Server
	client  *introspect.Client
	logger  *zap.Logger
	logged  atomic.Int64 // when a failure was last logged, in seconds
	hide    bool
	fixed   *consumers.Credential
	keyless sync.Map // from *consumers.Consumer to its *consumers.Credential
}

// IntrospectionConfig is an authorization server that is asked about tokens (RFC 7662).
type IntrospectionConfig struct {
	// URL is its introspection endpoint, with https, or with http on a loopback host.
	URL string `json:"url"`

	// ClientID and ClientSecret are who the gateway is to that server. The secret is a
	// placeholder such as {env.NAME} or {file.PATH}.
	ClientID     string `json:"client_id,omitempty"`
	ClientSecret string `json:"client_secret,omitempty"`

	// Post sends them in the form. Default: with HTTP Basic.
	Post bool `json:"post,omitempty"`

	// Timeout is how long the server may take, up to 30s. Default: 2s.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	// Cache is how long a good token is not asked about again, up to 1h, and never longer
	// than it is good for. So long does a revoked token go on working. Default: 30s; a
	// negative value switches it off.
	Cache caddy.Duration `json:"cache,omitempty"`

	// Negative is the same for tokens that are not good, up to 1m. Default: 5s; a negative
	// value switches it off.
	Negative caddy.Duration `json:"negative,omitempty"`

	// Stale is how much longer an answer holds while the server gives none, up to 1h.
	// Default: not at all.
	Stale caddy.Duration `json:"stale,omitempty"`

	// CA is a file with certificates, in PEM, that vouch for the server. Default: those
	// that the system trusts.
	CA string `json:"ca,omitempty"`
}

// provision fills in the defaults, checks the options and finds the server.
func (t *Tokens) provision(ctx caddy.Context, app *gateway.App) error {
	t.app, t.table, t.logger = app, app.ConsumerTable(), ctx.Logger()
	t.hide = t.HideCredentials == nil || *t.HideCredentials
	if t.Realm == "" {
		t.Realm = "gateway"
	}
	if err := t.check(); err != nil {
		return err
	}
	gateway.HideInLogs([]string{"Authorization"}, []string{accessToken})
	if t.Introspection == nil {
		if t.server = app.OAuthServer(); t.server == nil {
			return errors.New("whose tokens are meant? Declare the gateway's own server in the gateway option with: " +
				"oauth2_server https://api.example.com, or name another one with: introspect https://auth.example.com/introspect")
		}
		return nil
	}
	if t.Consumer != "" {
		c := t.table.Consumer(t.Consumer)
		if c == nil {
			return fmt.Errorf("consumer %q does not exist", t.Consumer)
		}
		t.fixed = c.Keyless(credentialID)
	}
	if t.ConsumerClaim == "" {
		t.ConsumerClaim = clientIDClaim
	}
	if t.ConsumerBy == "" {
		t.ConsumerBy = ByName
		if t.ConsumerClaim == clientIDClaim {
			t.ConsumerBy = ByClient
		}
	}
	var err error
	t.client, err = t.Introspection.open()
	return err
}

func (t *Tokens) cleanup() error {
	if t.client != nil {
		t.client.Close()
	}
	return nil
}

const clientIDClaim = "client_id"

// check refuses options that cannot be meant.
func (t *Tokens) check() error {
	if strings.ContainsFunc(t.Realm, unicode.IsControl) {
		return errors.New("realm holds a control character")
	}
	for i, scope := range t.Scopes {
		if err := consumers.CheckScope(scope); err != nil {
			return fmt.Errorf("scopes: %q %w", scope, err)
		}
		if slices.Contains(t.Scopes[:i], scope) {
			return fmt.Errorf("scopes: %q is listed twice", scope)
		}
	}
	if t.Introspection == nil {
		for name, given := range map[string]bool{
			"issuer": t.Issuers != nil, "audience": t.Audiences != nil, "consumer": t.Consumer != "",
			"consumer_claim": t.ConsumerClaim != "" || t.ConsumerBy != "", "unknown_consumer": t.UnknownConsumer != "",
		} {
			if given {
				return fmt.Errorf("%s is for tokens of another server; with introspect it has a meaning", name)
			}
		}
		return nil
	}
	if t.Consumer != "" && (t.ConsumerClaim != "" || t.UnknownConsumer != "") {
		return errors.New("consumer says who all callers are, so consumer_claim and unknown_consumer have no meaning beside it")
	}
	if t.UnknownConsumer != "" && t.UnknownConsumer != UnknownAllow && t.UnknownConsumer != UnknownRefuse {
		return fmt.Errorf("unknown_consumer is %q; write allow or refuse", t.UnknownConsumer)
	}
	if t.ConsumerBy != "" && t.ConsumerBy != ByClient && t.ConsumerBy != ByName && t.ConsumerBy != ByCustomID {
		return fmt.Errorf("consumer_by is %q; write oauth_client, name or custom_id", t.ConsumerBy)
	}
	return introspect.CheckURL(t.Introspection.URL)
}

// open makes the client of an authorization server.
func (c *IntrospectionConfig) open() (*introspect.Client, error) {
	config := introspect.Config{
		URL: c.URL, ClientID: c.ClientID, Post: c.Post,
		Timeout: time.Duration(c.Timeout), Cache: time.Duration(c.Cache), Negative: time.Duration(c.Negative), Stale: time.Duration(c.Stale),
	}
	if (c.ClientID == "") != (c.ClientSecret == "") {
		return nil, errors.New("introspect: client_id and client_secret belong together")
	}
	if c.ClientSecret != "" {
		secret, err := gateway.ResolveSecret(c.ClientSecret)
		if err != nil {
			return nil, fmt.Errorf("introspect: client secret: %w", err)
		}
		config.Secret = secret
	}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("introspect: read certificates: %w", err)
		}
		config.Roots = x509.NewCertPool()
		if !config.Roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("introspect: %s holds no certificate in PEM", c.CA)
		}
	}
	client, err := introspect.New(config)
	if err != nil {
		return nil, fmt.Errorf("introspect: %w", err)
	}
	return client, nil
}
