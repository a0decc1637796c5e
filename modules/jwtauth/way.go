// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtauth

import (
	"net/http"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// Authenticate implements state.Authenticator. Tokens are removed whatever they are worth,
// and so is what the client says in headers that the token is to set.
func (t *Tokens) Authenticate(r *http.Request, rq *state.Request) (state.Authentication, error) {
	if t.kong {
		rq.KongErrors = true
	}
	t.retract(r.Header, rq)
	s := t.find(r)
	t.take(r)
	switch {
	case s.n == 0:
		return state.Authentication{Denial: t.deny(errMissing)}, nil
	case s.n > 1:
		return state.Authentication{Verdict: state.Rejected, Denial: t.deny(errDuplicate), Uncached: s.inQuery && !t.kong}, nil
	}
	a := state.Authentication{Verdict: state.Accepted, Uncached: s.inQuery && !t.kong}
	v, why := t.judge(r.Context(), s.token, rq.Start)
	if why != nil {
		a.Verdict, a.Denial = state.Rejected, why
		return a, nil
	}
	a.Credential, a.Token = v.credential, v.says
	t.assert(r.Header, rq, v.says)
	return a, nil
}

// Hide implements state.Hider: it removes every token, and what the client says in headers
// that a token would have set.
func (t *Tokens) Hide(r *http.Request, rq *state.Request) error {
	t.retract(r.Header, rq)
	t.take(r)
	return nil
}

// Challenge implements state.Authenticator.
func (t *Tokens) Challenge(h http.Header) { t.challenge(h, nil) }

// ChallengeOf implements state.Challenger.
func (t *Tokens) ChallengeOf(h http.Header, d *state.Denial) { t.challenge(h, d) }

// Interface guards
var (
	_ state.Authenticator = (*Tokens)(nil)
	_ state.Hider         = (*Tokens)(nil)
	_ state.Challenger    = (*Tokens)(nil)
)
