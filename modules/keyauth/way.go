// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package keyauth

import (
	"net/http"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// Authenticate implements state.Authenticator. Keys are removed from headers and URL
// whatever they are worth, and from a body if the request is not refused, so that the
// bodies of others are not read for it.
func (k *Keys) Authenticate(r *http.Request, rq *state.Request) (state.Authentication, error) {
	if k.kong {
		rq.KongErrors = true
	}
	f, err := k.identify(r, rq)
	if err != nil {
		return state.Authentication{}, err
	}
	a := state.Authentication{Uncached: k.uncached(f)}
	switch f.verdict {
	case valid:
		a.Verdict, a.Credential, a.Token = state.Accepted, f.credential, f.token
		rq.ByTicket = f.at.kind == inTicket
		return a, k.hideInBody(r, rq, f.at)
	case missing:
		a.Verdict = state.Missing
	default:
		a.Verdict = state.Rejected
	}
	a.Denial = k.denial(f)
	return a, nil
}

// Hide implements state.Hider: it removes whatever is a key of this gateway, valid now or
// not. Anything else in the carriers may be the credential of another way.
func (k *Keys) Hide(r *http.Request, rq *state.Request) error {
	return k.hideKnown(r, rq)
}

// Challenge implements state.Authenticator. The values are copied, because handlers
// that edit response headers do so in place.
func (k *Keys) Challenge(h http.Header) {
	for _, c := range k.challenges {
		h.Add("Www-Authenticate", c)
	}
}

// uncached says that the credential stood in the URL.
func (k *Keys) uncached(f finding) bool {
	return f.verdict != missing && (f.at.kind == inTicket || f.at.kind == inQuery && !k.kong)
}

// denial is the 401. Every key that does not work gets the same one, and so does every
// ticket.
func (k *Keys) denial(f finding) *state.Denial {
	switch f.verdict {
	case unavailable:
		return denialOfTickets()
	case missing:
		return &state.Denial{Status: http.StatusUnauthorized, Code: "key_missing", Message: k.missing}
	case duplicate:
		return &state.Denial{Status: http.StatusUnauthorized, Code: "key_duplicate", Message: "Duplicate API key found"}
	default:
		if f.at.kind == inTicket {
			return denialOfTicket()
		}
		return &state.Denial{Status: http.StatusUnauthorized, Code: "key_invalid", Message: k.invalid}
	}
}

// Interface guards
var (
	_ state.Authenticator = (*Keys)(nil)
	_ state.Hider         = (*Keys)(nil)
)
