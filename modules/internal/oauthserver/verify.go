// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package oauthserver

import (
	"context"
	stderrors "errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-oauth2/oauth2/v4/errors"

	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
)

const (
	// leeway is how far the clocks of gateways may be apart.
	leeway = 5 * time.Second
	// verifiedBytes bounds what is remembered of tokens that were verified.
	verifiedBytes = 16 << 20
)

// Verified is an access token of the server that is good at the moment. It never changes.
type Verified struct {
	// Client is whose token it is: one that the config of now still has.
	Client *consumers.Client
	// Scopes are what it is for: those it was issued for, as far as the client may still
	// have them.
	Scopes []string
	// ID is the claim jti.
	ID string
	// Expires is the claim exp.
	Expires time.Time
	// Claims are all claims, with numbers as json.Number, and scope as in Scopes.
	Claims map[string]any

	token *jwtverify.Token
}

// rules are what tokens of the server have to satisfy.
func (s *Server) rules() jwtverify.Rules {
	return jwtverify.Rules{
		Issuers:     []string{s.config.Issuer},
		Audiences:   s.config.Audience,
		Types:       []string{tokenType},
		Required:    []jwtverify.Requirement{{Claim: "client_id"}, {Claim: "sub"}, {Claim: "jti"}, {Claim: "iat"}},
		Leeway:      leeway,
		MaxLifetime: MaxLifetime + leeway,
	}
}

// refusedToken says why a token is not accepted, where jwtverify cannot tell.
func refusedToken(reason jwtverify.Reason, detail string) error {
	return &jwtverify.Error{Reason: reason, Detail: detail}
}

// Verify returns what a token says if the server has issued it, it has not expired, was
// not revoked, and is of a client that still exists. An error that is not a
// *jwtverify.Error means that nobody can tell; the token must not be accepted then
// either.
func (s *Server) Verify(ctx context.Context, compact string) (*Verified, error) {
	now := s.now()
	digest := jwtverify.DigestOf(compact)
	v, known := s.verified.Get(digest, now)
	if !known {
		var err error
		if v, err = s.read(compact); err != nil {
			return nil, err
		}
	}
	// A key may have gone, and time has passed, since the signature was looked at.
	k, err := s.find(ctx, v.token.KeyID)
	switch {
	case err != nil:
		return nil, err
	case k == nil:
		return nil, refusedToken(jwtverify.UnknownKey, "The token is signed with a key that is not known")
	}
	if !known && !v.token.SignedBy(k.verifier) {
		return nil, refusedToken(jwtverify.WrongSignature, "The signature of the token is wrong")
	}
	if err := s.tokenRules.Check(v.token, now); err != nil {
		return nil, err
	}
	if v.Client == nil || !v.Client.HasSecret() {
		return nil, refusedToken(jwtverify.MissingClaim, "The client of the token does not exist, or may have none any more")
	}
	if !known {
		s.verified.Put(digest, v, v.token.Size(), now)
	}
	revoked, err := s.isRevoked(ctx, v.ID, v.Expires)
	switch {
	case err != nil:
		return nil, err
	case revoked:
		return nil, refusedToken(jwtverify.Expired, "The token was revoked")
	}
	return v, nil
}

// read reads a token without believing it.
func (s *Server) read(compact string) (*Verified, error) {
	t, err := jwtverify.Parse(compact, jwtverify.DefaultMaxToken)
	if err != nil {
		return nil, err
	}
	if t.KeyID == "" {
		return nil, refusedToken(jwtverify.UnknownKey, "The token names no key")
	}
	v := &Verified{ID: t.Text("jti"), Claims: t.Claims, token: t}
	v.Expires, _ = t.Expires()
	if len(v.ID) > maxTokenID {
		return nil, refusedToken(jwtverify.Malformed, "The identifier of the token is too long")
	}
	if v.Client = s.clients.Client(t.Text("client_id")); v.Client != nil {
		v.narrow(t.Scopes())
	}
	return v, nil
}

// narrow leaves of the scopes of a token those that its client may still have. Whoever reads
// claims must find no others there.
func (v *Verified) narrow(scopes []string) {
	for _, scope := range scopes {
		if slices.Contains(v.Client.Scopes, scope) {
			v.Scopes = append(v.Scopes, scope)
		}
	}
	if len(v.Scopes) == len(scopes) {
		return
	}
	v.Claims = maps.Clone(v.Claims)
	if v.Claims["scope"] = strings.Join(v.Scopes, " "); len(v.Scopes) == 0 {
		delete(v.Claims, "scope")
	}
}

// maxTokenID is how long the claim jti may be, in bytes.
const maxTokenID = 64

// serveRevocation revokes a token of the client that asks. What is no token of the server,
// or one no more, is answered as if it had been revoked (RFC 7009, section 2.2).
func (s *Server) serveRevocation(w http.ResponseWriter, r *http.Request, form url.Values) (Outcome, error) {
	compact := form.Get("token")
	if compact == "" {
		return refuse(w, problem(errors.ErrInvalidRequest, "The parameter token is missing"))
	}
	v, err := s.Verify(r.Context(), compact)
	if _, refused := stderrors.AsType[*jwtverify.Error](err); err != nil && !refused {
		return refuse(w, unavailable(err))
	}
	if err == nil {
		if v.Client != clientOf(r.Context()) {
			return refuse(w, problem(errors.ErrUnauthorizedClient, "The token was issued to another client"))
		}
		if err := s.revoke(r.Context(), v.ID, v.Expires); err != nil {
			return refuse(w, unavailable(err))
		}
	}
	return Outcome{Code: outcomeOK}, writeJSON(w, struct{}{}, nil, http.StatusOK)
}
