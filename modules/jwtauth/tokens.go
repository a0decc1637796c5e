// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtauth

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
)

// Defaults and bounds.
const (
	defaultLeeway = 30 * time.Second
	maxLeeway     = time.Minute
	// cacheSize is how many bytes of memory a handler takes for tokens that are verified.
	cacheSize = 4 << 20
)

// Values of Tokens.UnknownConsumer and Tokens.ConsumerBy.
const (
	UnknownAllow  = "allow"
	UnknownRefuse = "refuse"

	ByName     = "name"
	ByCustomID = "custom_id"
)

// Tokens says where requests carry their token, which keys have signed it, and what it must
// say.
//
// The algorithm is a property of each key, never a choice of the token. A key counts for
// tokens of its own issuer alone. Tokens are refused that are longer than MaxToken,
// encrypted, nested, without a signature, ask for critical extensions, bring their own key,
// or repeat a member of their JSON; addresses in them are never called. A token that says an
// audience is refused unless Audiences names it.
//
// What a verified token says is remembered by its SHA-256 digest for at most a minute, so
// that the signature is not checked for each request; everything that depends on time is.
// That takes about 4 MiB for each handler.
type Tokens struct {
	// Keys are those that the config holds.
	Keys []KeyConfig `json:"keys,omitempty"`

	// KeySets are those in files, and those that issuers publish.
	KeySets []KeySetConfig `json:"key_sets,omitempty"`

	// ConsumerKeys is the claim that names the credential of a consumer by which the
	// token is signed: iss, or another one. Where the token has no such claim, the
	// member of its header with that name counts, so that kid may be used. Default:
	// none; iss where neither Keys nor KeySets has anything.
	ConsumerKeys string `json:"consumer_keys,omitempty"`

	// Issuers are those whose tokens are accepted by keys that name no issuer of their
	// own. With several, each key must name its own. Default: iss is not looked at.
	Issuers []string `json:"issuers,omitempty"`

	// Audiences are those for whom a token may be: it must name one of them. The word
	// any, alone, is that aud is not looked at. Default: none, so that a token which
	// names an audience is refused; with the profile kong, any.
	Audiences []string `json:"audiences,omitempty"`

	// Types are the values of the header typ that are accepted. The word any, alone, is
	// that typ is not looked at. Default: JWT, at+jwt or none; with the profile kong, any.
	Types []string `json:"types,omitempty"`

	// Require lists claims that must be there.
	Require []RequireConfig `json:"require,omitempty"`

	// Scopes are what the token must have been issued for, all of them: words of the
	// claim scope, or scp.
	Scopes []string `json:"scopes,omitempty"`

	// Leeway is how far the clocks of issuer and gateway may be apart, up to a minute.
	// Default: 30s; with the profile kong, 0.
	Leeway *caddy.Duration `json:"leeway,omitempty"`

	// NoExpiry accepts tokens without exp, which are good for ever.
	NoExpiry bool `json:"no_expiry,omitempty"`

	// MaxLifetime refuses tokens that are good for longer than that from now on.
	// Default: no bound.
	MaxLifetime caddy.Duration `json:"max_lifetime,omitempty"`

	// ConsumerClaim is the claim whose value leads to the consumer. Default: none, so
	// that the caller is known and is no consumer, unless Consumer or ConsumerKeys says
	// who it is.
	ConsumerClaim string `json:"consumer_claim,omitempty"`

	// ConsumerBy says what the value of ConsumerClaim is: the name (the default) or the
	// custom_id of the consumer.
	ConsumerBy string `json:"consumer_by,omitempty"`

	// Consumer is whom all callers with a token are.
	Consumer string `json:"consumer,omitempty"`

	// UnknownConsumer says what becomes of a token whose ConsumerClaim leads to nobody:
	// "refuse" (the default) answers 403, "allow" lets the caller pass, known but no
	// consumer.
	UnknownConsumer string `json:"unknown_consumer,omitempty"`

	// ClaimHeaders tell the upstream what the token says.
	ClaimHeaders []ClaimHeader `json:"claim_headers,omitempty"`

	// Bearer says whether "Authorization: Bearer" carries a token. Default: true.
	Bearer *bool `json:"bearer,omitempty"`

	// Headers are names of other headers that carry a token, with or without "Bearer"
	// before it.
	Headers []string `json:"headers,omitempty"`

	// Cookies are names of cookies that carry a token.
	Cookies []string `json:"cookies,omitempty"`

	// Query are names of query parameters that carry a token. Default: none; with the
	// profile kong, jwt. A token in a URL ends up in histories and in logs of others.
	Query []string `json:"query,omitempty"`

	// HideCredentials says whether the token is removed before the request goes on.
	// Default: true; with the profile kong, false.
	HideCredentials *bool `json:"hide_credentials,omitempty"`

	// MaxToken is how long a token may be, in bytes, up to 64 KiB. Default: 8 KiB.
	MaxToken int64 `json:"max_token,omitempty"`

	// Cache says whether tokens are remembered as verified. Default: true.
	Cache *bool `json:"cache,omitempty"`

	// Realm is shown in WWW-Authenticate. Default: gateway; with the profile kong, none.
	Realm string `json:"realm,omitempty"`

	// Profile "kong" takes defaults and messages from Kong's jwt plugin, for this handler
	// alone. Default: the gateway app's profile.
	Profile string `json:"profile,omitempty"`

	app      *gateway.App
	table    *consumers.Table
	kong     bool
	hide     bool
	places   []place
	sources  []*source
	pooled   []string // keys of issuers that were taken from the pool
	rules    jwtverify.Rules
	label    string // of credentials that are not those of a consumer
	fixed    *consumers.Credential
	keyless  sync.Map // from *consumers.Consumer to its *consumers.Credential
	verified *jwtverify.Cache[*verified]
}

// RequireConfig is a claim that must be there.
type RequireConfig struct {
	// Claim is its path, with dots between members, as in realm_access.roles.
	Claim string `json:"claim"`

	// Values are alternatives, one of which it must have; a list must hold one of them.
	// Default: any value will do.
	Values []string `json:"values,omitempty"`
}

// any is the word that switches a check off.
const anyValue = "any"

// provision fills in the defaults, checks the options and reads keys.
func (t *Tokens) provision(app *gateway.App) error {
	t.app, t.table = app, app.ConsumerTable()
	if t.Profile != "" && t.Profile != gateway.ProfileKong {
		return fmt.Errorf("profile is %q; the only profile is kong", t.Profile)
	}
	t.kong = app.Kong() || t.Profile == gateway.ProfileKong
	t.hide = t.HideCredentials == nil && !t.kong || t.HideCredentials != nil && *t.HideCredentials
	if t.MaxToken == 0 {
		t.MaxToken = jwtverify.DefaultMaxToken
	}
	if t.MaxToken < 0 || t.MaxToken > jwtverify.MaxToken {
		return fmt.Errorf("max_token is %d; it must be from 1 to %d", t.MaxToken, jwtverify.MaxToken)
	}
	if strings.ContainsFunc(t.Realm, unicode.IsControl) {
		return errors.New("realm holds a control character")
	}
	if t.Realm == "" && !t.kong {
		t.Realm = "gateway"
	}
	if err := t.place(); err != nil {
		return err
	}
	if err := t.makeRules(); err != nil {
		return err
	}
	if err := t.checkConsumers(); err != nil {
		return err
	}
	if err := checkClaimHeaders(t.ClaimHeaders); err != nil {
		return err
	}
	if t.Cache == nil || *t.Cache {
		t.verified = jwtverify.NewCache[*verified](cacheSize)
	}
	return t.loadKeys()
}

func (t *Tokens) makeRules() error {
	t.rules = jwtverify.Rules{
		Audiences: t.Audiences, Types: t.Types, Scopes: t.Scopes,
		Leeway: defaultLeeway, NoExpiry: t.NoExpiry, MaxLifetime: time.Duration(t.MaxLifetime),
	}
	var err error
	if t.rules.Audiences, t.rules.AnyAudience, err = anyOr("audience", t.Audiences, t.kong); err != nil {
		return err
	}
	if t.rules.Types, t.rules.AnyType, err = anyOr("types", t.Types, t.kong); err != nil {
		return err
	}
	if t.kong {
		t.rules.Leeway = 0
	}
	if t.Leeway != nil {
		t.rules.Leeway = time.Duration(*t.Leeway)
	}
	if t.rules.Leeway < 0 || t.rules.Leeway > maxLeeway {
		return fmt.Errorf("leeway is %s; it must be from 0 to %s", t.rules.Leeway, maxLeeway)
	}
	if t.MaxLifetime < 0 {
		return errors.New("max_lifetime is negative")
	}
	for _, q := range t.Require {
		if q.Claim == "" {
			return errors.New("require: the claim has no name")
		}
		t.rules.Required = append(t.rules.Required, jwtverify.Requirement{Claim: q.Claim, Values: q.Values})
	}
	return nil
}

// anyOr reads a list that may be the word any.
func anyOr(name string, list []string, byDefault bool) (values []string, all bool, err error) {
	switch {
	case len(list) == 0:
		return nil, byDefault, nil
	case len(list) == 1 && list[0] == anyValue:
		return nil, true, nil
	case slices.Contains(list, anyValue):
		return nil, false, fmt.Errorf("%s lists any beside other values; keep one of the two", name)
	}
	return list, false, nil
}

// checkConsumers compiles who a caller is.
func (t *Tokens) checkConsumers() error {
	switch t.ConsumerBy {
	case "", ByName, ByCustomID:
	default:
		return fmt.Errorf("consumer_by is %q; write name or custom_id", t.ConsumerBy)
	}
	switch t.UnknownConsumer {
	case "", UnknownAllow, UnknownRefuse:
	default:
		return fmt.Errorf("unknown_consumer is %q; write allow or refuse", t.UnknownConsumer)
	}
	if t.Consumer != "" && t.ConsumerClaim != "" {
		return errors.New("consumer and consumer_claim both say who the caller is; keep one of the two")
	}
	if t.ConsumerClaim == "" && (t.ConsumerBy != "" || t.UnknownConsumer != "") {
		return errors.New("consumer_by and unknown_consumer need a consumer_claim")
	}
	return nil
}
