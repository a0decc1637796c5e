// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
)

// TokenWay is a way to authenticate by tokens.
type TokenWay interface {
	Authenticator
	Challenger
	Hider
}

// Gate is a handler of one way to authenticate by tokens, as far as all such handlers are
// the same: what becomes of a request by the verdict. It is not changed once it is used.
type Gate struct {
	// Way judges.
	Way TokenWay
	// Anonymous is who a request without a token is taken for; nil refuses it.
	Anonymous *consumers.Credential
	// Preflight says whether CORS preflights need a token; see [Waved].
	Preflight *bool
	// Kong has a token that is refused be as none where there is an anonymous consumer,
	// unless it cannot be judged.
	Kong bool
}

// Handle lets a request pass, or refuses it.
func (g *Gate) Handle(w http.ResponseWriter, r *http.Request, rq *Request, next caddyhttp.Handler) error {
	if g.Kong {
		rq.KongErrors = true
	}
	if Waved(r, g.Preflight, g.Kong) || g.Anonymous != nil && rq.Known(r) {
		if err := g.Way.Hide(r, rq); err != nil {
			return err
		}
		return next.ServeHTTP(w, r)
	}
	a, err := g.Way.Authenticate(r, rq)
	if err != nil {
		return err
	}
	if !a.Uncached {
		return g.serve(w, r, rq, &a, next)
	}
	w = rq.Uncached(w, r)
	if err := g.serve(w, r, rq, &a, next); err != nil {
		return err
	}
	return rq.EndTapped(w)
}

// serve acts on what the way has found.
func (g *Gate) serve(w http.ResponseWriter, r *http.Request, rq *Request, a *Authentication, next caddyhttp.Handler) error {
	var err error
	switch {
	case a.Verdict == Accepted && rq.Differs(a.Credential):
		g.Way.Challenge(w.Header())
		return DenyWith(ErrConsumersDiffer)
	case a.Verdict == Accepted:
		if a.Credential == nil && (rq.Credential == nil || rq.Anonymous) && rq.repl != nil {
			rq.repl.Set(userIDPlaceholder, a.Token.Subject)
		}
		err = rq.Admit(r, a)
	case g.Anonymous != nil && (a.Verdict == Missing || g.Kong && a.Denial.Status < http.StatusInternalServerError):
		err = rq.AdmitAnonymous(r, g.Anonymous)
	default:
		g.Way.ChallengeOf(w.Header(), a.Denial)
		return DenyWith(a.Denial)
	}
	if err != nil {
		return err
	}
	return next.ServeHTTP(w, r)
}

// Waved says that r is a CORS preflight which needs no credential, since browsers send none
// with it: needed says whether it does, and does so by default. In Kong it is any OPTIONS.
func Waved(r *http.Request, needed *bool, kong bool) bool {
	if needed == nil || *needed || r.Method != http.MethodOptions {
		return false
	}
	return kong || r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}
