// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package oauth2

import (
	"net/http"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// Authenticate implements state.Authenticator. The token is removed whatever it is worth.
func (t *Tokens) Authenticate(r *http.Request, rq *state.Request) (state.Authentication, error) {
	if t.app.Kong() {
		rq.KongErrors = true
	}
	s := t.find(r)
	t.take(r, s)
	switch {
	case s.n == 0:
		return state.Authentication{Denial: t.deny(errMissing)}, nil
	case s.n > 1:
		return state.Authentication{Verdict: state.Rejected, Denial: t.deny(errDuplicate), Uncached: s.inQuery}, nil
	}
	a := state.Authentication{Verdict: state.Accepted, Uncached: s.inQuery}
	var err error
	if a.Credential, a.Token, err = t.judge(r.Context(), s.token); err != nil {
		a.Verdict, a.Denial = state.Rejected, t.deny(err)
	}
	return a, nil
}

// Hide implements state.Hider.
func (t *Tokens) Hide(r *http.Request, _ *state.Request) error {
	t.take(r, t.find(r))
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
