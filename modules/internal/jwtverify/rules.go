// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtverify

import (
	"slices"
	"strings"
	"time"
)

// Rules are what the claims of a token have to satisfy. The zero value asks for exp, and
// refuses a token for any audience, because it is for nobody in particular here.
type Rules struct {
	// Issuers are those whose tokens are accepted; with none, iss is not looked at.
	Issuers []string
	// Audiences are those for whom a token may be. A token must name one of them. With
	// none, a token must not name any (RFC 7519, section 4.1.3).
	Audiences []string
	// AnyAudience says that aud is not looked at.
	AnyAudience bool
	// Types are the values of typ that are accepted, with or without "application/", in
	// any case. With none: JWT, at+jwt, or no typ at all.
	Types []string
	// AnyType says that typ is not looked at.
	AnyType bool
	// Required are claims that must be there.
	Required []Requirement
	// Scopes are what the token must have been issued for, all of them.
	Scopes []string
	// Leeway is how far the clocks of issuer and gateway may be apart.
	Leeway time.Duration
	// NoExpiry says that a token without exp is accepted.
	NoExpiry bool
	// MaxLifetime bounds how far exp may be ahead; 0 does not.
	MaxLifetime time.Duration
}

// Requirement is that a claim is there and, if values are given, has one of them. A list
// has a value if it holds it.
type Requirement struct {
	// Claim is the path of the claim, with dots between members.
	Claim string
	// Values are alternatives; with none, any value but null will do.
	Values []string
}

// Check returns nil if the token satisfies the rules at the moment now, and else an *Error.
// Time is checked first, and scopes last: only a token that is good in every other way is
// said to lack a scope.
func (r *Rules) Check(t *Token, now time.Time) error {
	if !r.accepts(t.typ) {
		return refuse(WrongType, "The type of the token is not accepted")
	}
	if err := r.checkTime(t, now); err != nil {
		return err
	}
	if len(r.Issuers) > 0 && !slices.Contains(r.Issuers, t.Issuer()) {
		return refuseClaim(WrongIssuer, "iss", "The token is from another issuer")
	}
	if err := r.checkAudience(t); err != nil {
		return err
	}
	for i := range r.Required {
		if !r.Required[i].holds(t) {
			return refuseClaim(MissingClaim, r.Required[i].Claim, "A claim that is required is missing or has another value: "+r.Required[i].Claim)
		}
	}
	if len(r.Scopes) > 0 {
		has := t.Scopes()
		for _, s := range r.Scopes {
			if !slices.Contains(has, s) {
				return refuse(MissingScope, "The token was not issued for the scope "+s)
			}
		}
	}
	return nil
}

func (r *Rules) accepts(typ string) bool {
	if r.AnyType {
		return true
	}
	typ = mediaType(typ)
	if len(r.Types) == 0 {
		return typ == "" || strings.EqualFold(typ, "jwt") || strings.EqualFold(typ, "at+jwt")
	}
	return slices.ContainsFunc(r.Types, func(accepted string) bool { return strings.EqualFold(mediaType(accepted), typ) })
}

// checkTime relies on the form of the claims, which Parse has checked.
func (r *Rules) checkTime(t *Token, now time.Time) error {
	exp, ok := t.Expires()
	switch {
	case !ok && (!r.NoExpiry || r.MaxLifetime > 0):
		return refuseClaim(NoExpiry, "exp", "The token says nothing about when it expires")
	case ok && !now.Before(exp.Add(r.Leeway)):
		return refuseClaim(Expired, "exp", "The token has expired")
	}
	if nbf, ok := date(t.Claims["nbf"]); ok && now.Before(nbf.Add(-r.Leeway)) {
		return refuseClaim(NotYet, "nbf", "The token is not valid yet")
	}
	if iat, ok := date(t.Claims["iat"]); ok && now.Before(iat.Add(-r.Leeway)) {
		return refuseClaim(NotYet, "iat", "The token was issued in the future")
	}
	if r.MaxLifetime > 0 && exp.Sub(now) > r.MaxLifetime {
		return refuseClaim(TooLong, "exp", "The token expires later than is allowed")
	}
	return nil
}

func (r *Rules) checkAudience(t *Token) error {
	if r.AnyAudience {
		return nil
	}
	v, there := t.Claims["aud"]
	if len(r.Audiences) == 0 {
		if there {
			return refuseClaim(WrongAudience, "aud", "The token is for an audience, and none is configured here")
		}
		return nil
	}
	list, _ := texts(v)
	for _, a := range list {
		if slices.Contains(r.Audiences, a) {
			return nil
		}
	}
	return refuseClaim(WrongAudience, "aud", "The token is for another audience")
}

func (q *Requirement) holds(t *Token) bool {
	v, ok := t.Lookup(q.Claim)
	if !ok || v == nil {
		return false
	}
	if len(q.Values) == 0 {
		return true
	}
	if list, ok := v.([]any); ok {
		return slices.ContainsFunc(list, q.among)
	}
	return q.among(v)
}

func (q *Requirement) among(v any) bool {
	text, ok := scalar(v)
	return ok && slices.Contains(q.Values, text)
}
