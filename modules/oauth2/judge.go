// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package oauth2

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
	"github.com/caddy-gateway/tollgate/modules/internal/introspect"
	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// credentialID is what credentials of tokens of other servers are called that belong to no
// client of a consumer.
const credentialID = "oauth2"

// Why a token is not accepted, besides what jwtverify says.
var (
	errInactive    = errors.New("the token is not good")
	errNotForUs    = errors.New("the token is for somebody else")
	errNobody      = errors.New("the token leads to no consumer")
	errScope       = errors.New("the token is not for that")
	errUnavailable = errors.New("nobody can tell what the token is worth")
)

// judge returns whose token it is and what it says.
func (t *Tokens) judge(ctx context.Context, token string) (*consumers.Credential, *state.Token, error) {
	ask := t.askServer
	if t.client != nil {
		ask = t.askOther
	}
	credential, says, err := ask(ctx, token)
	switch {
	case err != nil:
		return nil, nil, err
	case !says.HasScopes(t.Scopes):
		return nil, nil, errScope
	}
	return credential, says, nil
}

// askServer has the gateway's own server verify a token.
func (t *Tokens) askServer(ctx context.Context, token string) (*consumers.Credential, *state.Token, error) {
	v, err := t.server.Verify(ctx, token)
	if err != nil {
		if _, refused := errors.AsType[*jwtverify.Error](err); !refused {
			t.log(ctx, err)
			return nil, nil, errUnavailable
		}
		return nil, nil, err
	}
	return v.Client.Credential, &state.Token{
		Issuer: t.server.Issuer(), Subject: v.Client.ID, ID: v.ID, Client: v.Client.ID,
		Scopes: v.Scopes, Expires: v.Expires, Claims: v.Claims,
	}, nil
}

// askOther asks another server about a token.
func (t *Tokens) askOther(ctx context.Context, token string) (*consumers.Credential, *state.Token, error) {
	a, source, err := t.client.Ask(ctx, token)
	t.app.CountIntrospection(resultOf(a, source, err))
	switch {
	case err != nil:
		t.log(ctx, err)
		return nil, nil, errUnavailable
	case !a.Active:
		return nil, nil, errInactive
	case len(t.Issuers) > 0 && !slices.Contains(t.Issuers, a.Issuer), len(t.Audiences) > 0 && !a.For(t.Audiences):
		return nil, nil, errNotForUs
	}
	says := &state.Token{
		Issuer: a.Issuer, Subject: a.Subject, ID: a.ID, Client: a.Client,
		Scopes: a.Scopes, Expires: a.Expires, Claims: a.Claims,
	}
	credential := t.consumer(says)
	if credential == nil && t.UnknownConsumer != UnknownAllow {
		return nil, nil, errNobody
	}
	return credential, says, nil
}

// resultOf is what metrics call an answer.
func resultOf(a *introspect.Answer, source introspect.Source, err error) string {
	switch {
	case errors.Is(err, introspect.ErrBusy):
		return "busy"
	case err != nil:
		return "failed"
	case source == introspect.Cached:
		return "cached"
	case source == introspect.Stale:
		return "stale"
	case a.Active:
		return "active"
	default:
		return "inactive"
	}
}

// consumer finds the consumer of a token of another server; nil if there is none.
func (t *Tokens) consumer(says *state.Token) *consumers.Credential {
	if t.fixed != nil {
		return t.fixed
	}
	value, _ := says.Claim(t.ConsumerClaim)
	name, ok := value.(string)
	if !ok || name == "" {
		return nil
	}
	var c *consumers.Consumer
	switch t.ConsumerBy {
	case ByClient:
		if client := t.table.Client(name); client != nil {
			return client.Credential
		}
		return nil
	case ByCustomID:
		c = t.table.ConsumerWithCustomID(name)
	default:
		c = t.table.Consumer(name)
	}
	if c == nil {
		return nil
	}
	// Made once: there are as many as there are consumers.
	if known, ok := t.keyless.Load(c); ok {
		return known.(*consumers.Credential)
	}
	known, _ := t.keyless.LoadOrStore(c, c.Keyless(credentialID))
	return known.(*consumers.Credential)
}

// logEvery is how often failures are logged at most.
const logEvery = 5 * time.Second

// log tells the operator why tokens cannot be judged. The errors hold no secret.
func (t *Tokens) log(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return // the client has left
	}
	now := time.Now().Unix()
	if last := t.logged.Load(); now-last >= int64(logEvery/time.Second) && t.logged.CompareAndSwap(last, now) {
		t.logger.Error("access tokens cannot be judged, so requests with them are refused", zap.Error(err))
	}
}
