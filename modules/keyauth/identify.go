// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package keyauth

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// finding is what a request shows.
type finding struct {
	verdict    verdict
	at         place // the carrier that decided, unless missing
	credential *consumers.Credential
	token      *state.Token // what a ticket was exchanged for, if that was a token
}

type verdict uint8

const (
	missing verdict = iota
	valid
	invalid     // unknown, malformed, not yet or no longer valid: all the same
	duplicate   // the carrier occurs twice
	unavailable // of tickets: nobody knows
)

// identify looks for a key and says whose it is, and removes keys from headers
// and URL if they are to be hidden. Its errors are those of reading a body.
func (k *Keys) identify(r *http.Request, rq *state.Request) (finding, error) {
	s, err := k.find(r, rq)
	if err == nil && k.hide {
		k.hideOutside(r, rq, s.at)
	}
	return s, err
}

// find takes the first carrier that holds something.
func (k *Keys) find(r *http.Request, rq *state.Request) (finding, error) {
	var fields body
	for _, p := range k.places {
		var value string
		var n int
		switch p.kind {
		case inHeader:
			if v := r.Header[p.name]; len(v) > 0 {
				value, n = v[0], len(v)
			}
		case inBearer:
			value, n = bearer(r.Header[p.name])
		case inQuery:
			value, n = queryValue(r.URL.RawQuery, p.name)
		case inBody:
			if err := fields.read(k, r, rq); err != nil {
				return finding{}, err
			}
			value, n = fields.value(p.name)
		case inWebSocket:
			value, n = k.protocolKey(r)
		case inTicket:
			value, n = k.ticket(r, p.name)
		}
		switch {
		case n > 1:
			return finding{verdict: duplicate, at: p}, nil
		case value != "" && p.kind == inTicket:
			return k.redeem(r, rq, p, value), nil
		case value != "":
			return k.judge(p, value, rq.Start), nil
		}
	}
	return finding{}, nil
}

// judge looks a key up. With the profile kong a comma is part of the key.
func (k *Keys) judge(p place, value string, now time.Time) finding {
	s := finding{verdict: invalid, at: p}
	if err := apikey.Check(value); err != nil && (!k.kong || errors.Is(err, apikey.ErrTooLong)) {
		return s
	}
	if c := k.table.Lookup(apikey.Hash(value)); c != nil && c.Active(now) {
		s.verdict, s.credential = valid, c
	}
	return s
}

// bearer returns the token of Authorization lines and how many lines compete
// to be it. Other schemes are no carrier, unless beside a bearer token.
func bearer(lines []string) (token string, n int) {
	for _, line := range lines {
		if t, ok := bearerToken(line); ok {
			token = t
			n = len(lines)
		}
	}
	return token, n
}

// bearerToken returns the token of "Bearer <token>", with the scheme in any
// case (RFC 9110, section 11.1).
func bearerToken(line string) (string, bool) {
	const scheme = "Bearer "
	if len(line) < len(scheme) || !strings.EqualFold(line[:len(scheme)], scheme) {
		return "", false
	}
	return strings.TrimLeft(line[len(scheme):], " "), true
}
