// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtauth

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// verified is what is remembered of a token whose signature was checked.
type verified struct {
	token      *jwtverify.Token
	credential *consumers.Credential // nil: no consumer
	says       *state.Token
	source     *source // nil: the credential of a consumer
	generation uint64  // of the keys of an issuer
}

// fresh says that the keys by which the token was verified still hold.
func (v *verified) fresh(now time.Time) bool {
	return v.source == nil || v.source.remote == nil || v.source.remote.Current(now) == v.generation
}

// judge says who shows the token, or why it is not accepted. Signatures are remembered;
// rules are checked each time, since they depend on the moment.
func (t *Tokens) judge(ctx context.Context, text string, now time.Time) (*verified, *state.Denial) {
	if int64(len(text)) > t.MaxToken {
		return nil, t.deny(&jwtverify.Error{Reason: jwtverify.TooLarge, Detail: "The token is longer than is accepted"})
	}
	var digest jwtverify.Digest
	if t.verified != nil {
		digest = jwtverify.DigestOf(text)
		if v, ok := t.verified.Get(digest, now); ok && v.fresh(now) {
			if err := t.rules.Check(v.token, now); err != nil {
				return nil, t.deny(err)
			}
			return v, nil
		}
	}
	token, err := jwtverify.Parse(text, int(t.MaxToken))
	if err != nil {
		return nil, t.deny(err)
	}
	v, err := t.verify(ctx, token, now)
	if err != nil {
		return nil, t.deny(err)
	}
	if err := t.rules.Check(token, now); err != nil {
		return nil, t.deny(err)
	}
	if err := t.identify(v); err != nil {
		return nil, t.deny(err)
	}
	v.says = says(token)
	if t.verified != nil {
		t.verified.Put(digest, v, token.Size(), now)
	}
	return v, nil
}

// verify finds the key that has signed the token.
func (t *Tokens) verify(ctx context.Context, token *jwtverify.Token, now time.Time) (*verified, error) {
	if t.ConsumerKeys != "" {
		v, err := t.verifyConsumer(token)
		if v != nil || err != nil && len(t.sources) == 0 {
			return v, err
		}
	}
	issuer := token.Issuer()
	var why, unavailable error = &jwtverify.Error{Reason: jwtverify.WrongIssuer, Detail: "The token is from another issuer", Claim: "iss"}, nil
	var candidates []*jwtverify.Key
	var owners []*verified
	for _, s := range t.sources {
		if !s.accepts(issuer) {
			continue
		}
		set, owner := s.static, &verified{token: token, source: s}
		if s.remote != nil {
			var err error
			if set, owner.generation, err = s.remote.Keys(ctx, token.KeyID, now); err != nil {
				unavailable = err
				continue
			}
		}
		first := len(candidates)
		candidates = set.For(candidates, token)
		for range candidates[first:] {
			owners = append(owners, owner)
		}
		why = nil
	}
	if why != nil {
		if unavailable != nil {
			why = unavailable
		}
		return nil, why
	}
	key, err := token.Signer(candidates)
	if err != nil {
		if unavailable != nil {
			err = unavailable // it may have been one of those keys
		}
		return nil, err
	}
	for i := range candidates {
		if candidates[i] == key {
			return owners[i], nil
		}
	}
	return nil, err
}

// Errors that only credentials of consumers have.
var (
	errNoName      = errors.New("the token does not say by whose credential it is signed")
	errUnknownName = errors.New("no consumer has the credential that the token names")
	errNobody      = errors.New("the token leads to no consumer")
)

// verifyConsumer asks the credential that the token names: in a claim, or in its header.
func (t *Tokens) verifyConsumer(token *jwtverify.Token) (*verified, error) {
	v, there := token.Claims[t.ConsumerKeys]
	if !there {
		v, there = token.Header[t.ConsumerKeys]
	}
	name, ok := v.(string)
	switch {
	case !there || ok && name == "" && !t.kong:
		return nil, errNoName
	case !ok:
		return nil, errUnknownName
	}
	credential := t.table.JWT(name)
	if credential == nil {
		return nil, errUnknownName
	}
	if _, err := token.Signer([]*jwtverify.Key{credential.Key}); err != nil {
		return nil, err
	}
	if t.ConsumerKeys != "iss" && len(t.Issuers) > 0 && !slices.Contains(t.Issuers, token.Issuer()) {
		return nil, &jwtverify.Error{Reason: jwtverify.WrongIssuer, Detail: "The token is from another issuer", Claim: "iss"}
	}
	return &verified{token: token, credential: credential.Credential}, nil
}

// identify finds the consumer of a token that is not signed by one.
func (t *Tokens) identify(v *verified) error {
	switch {
	case v.credential != nil:
		return nil
	case t.fixed != nil:
		v.credential = t.fixed
		return nil
	case t.ConsumerClaim == "":
		return nil
	}
	value, _ := v.token.Lookup(t.ConsumerClaim)
	name := state.ClaimText(value)
	if _, list := value.([]any); list {
		name = "" // a list leads to nobody, also if it has one element
	}
	var c *consumers.Consumer
	if t.ConsumerBy == ByCustomID {
		c = t.table.ConsumerWithCustomID(name)
	} else {
		c = t.table.Consumer(name)
	}
	switch {
	case c != nil:
		v.credential = t.access(c)
	case t.UnknownConsumer != UnknownAllow:
		return errNobody
	}
	return nil
}

// access is the keyless credential of a consumer, made once: there are as many as there are
// consumers.
func (t *Tokens) access(c *consumers.Consumer) *consumers.Credential {
	if known, ok := t.keyless.Load(c); ok {
		return known.(*consumers.Credential)
	}
	known, _ := t.keyless.LoadOrStore(c, c.Keyless(t.label))
	return known.(*consumers.Credential)
}

// says is what the request state tells of a token.
func says(t *jwtverify.Token) *state.Token {
	s := &state.Token{
		Issuer: t.Issuer(), Subject: t.Text("sub"), ID: t.Text("jti"),
		Client: t.Text("client_id"), Scopes: t.Scopes(), Claims: t.Claims,
	}
	if s.Client == "" {
		s.Client = t.Text("azp")
	}
	s.Expires, _ = t.Expires()
	return s
}
