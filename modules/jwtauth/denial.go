// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtauth

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/jwks"
	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// Codes of refusals.
const (
	codeMissing     = "token_missing"
	codeDuplicate   = "token_duplicate"
	codeInvalid     = "token_invalid"
	codeExpired     = "token_expired"
	codeNotYet      = "token_not_yet_valid"
	codeNotAccepted = "token_not_accepted"
	codeScope       = "insufficient_scope"
	codeConsumer    = "token_consumer_unknown"
	codeUnavailable = "token_keys_unavailable"
)

// What find tells, as errors like the others.
var (
	errMissing   = errors.New("no token")
	errDuplicate = errors.New("several tokens")
)

// retryAfter is when to come back while keys are missing: an outage has a cooldown.
const retryAfter = 10 * time.Second

// deny makes a refusal of what went wrong.
func (t *Tokens) deny(err error) *state.Denial {
	d := &state.Denial{Status: http.StatusUnauthorized}
	if v, ok := errors.AsType[*jwtverify.Error](err); ok {
		d.Code, d.Message = codeOf(v.Reason), v.Detail
		if v.Reason == jwtverify.MissingScope {
			d.Status = http.StatusForbidden
		}
	} else {
		switch {
		case errors.Is(err, errMissing):
			d.Code, d.Message = codeMissing, "No token found in request; send it as "+t.describe()
		case errors.Is(err, errDuplicate):
			d.Code, d.Message = codeDuplicate, "The request has more than one token"
			if !t.kong {
				d.Status = http.StatusBadRequest // RFC 6750, section 3.1
			}
		case errors.Is(err, errNobody):
			d.Status, d.Code, d.Message = http.StatusForbidden, codeConsumer, "The token is good, and its owner is not registered here"
		case errors.Is(err, jwks.ErrUnavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
			d.Status, d.Code, d.Message = http.StatusServiceUnavailable, codeUnavailable, "The keys for tokens are not available at the moment"
			d.RetryAfter = retryAfter
		default: // errNoName, errUnknownName
			d.Code, d.Message = codeInvalid, "The token is signed with a key that is not known"
		}
	}
	if t.kong {
		t.kongAnswer(d, err)
	}
	return d
}

func codeOf(r jwtverify.Reason) string {
	switch r {
	case jwtverify.Expired:
		return codeExpired
	case jwtverify.NotYet:
		return codeNotYet
	case jwtverify.MissingScope:
		return codeScope
	case jwtverify.WrongType, jwtverify.NoExpiry, jwtverify.TooLong, jwtverify.WrongIssuer, jwtverify.WrongAudience, jwtverify.MissingClaim:
		return codeNotAccepted
	default: // Malformed, TooLarge, WrongAlgorithm, UnknownKey, WrongSignature
		return codeInvalid
	}
}

// describe tells where a token may stand, without naming more than the first place.
func (t *Tokens) describe() string {
	switch p := t.places[0]; p.kind {
	case inBearer:
		return "Authorization: Bearer"
	case inHeader:
		return "the header " + p.name
	case inCookie:
		return "the cookie " + p.name
	default:
		return "the query parameter " + p.name
	}
}

// challenge adds WWW-Authenticate (RFC 6750, section 3): without an error where there was no
// token. Descriptions are the gateway's own words.
func (t *Tokens) challenge(h http.Header, d *state.Denial) {
	if d != nil && d.Status == http.StatusServiceUnavailable {
		return // another credential would not help
	}
	var params []string
	if t.Realm != "" {
		params = append(params, "realm="+quoted(t.Realm))
	}
	if d != nil {
		switch d.Code {
		case codeMissing, codeConsumer:
		case codeDuplicate:
			params = append(params, `error="`+map[bool]string{false: "invalid_request", true: "invalid_token"}[t.kong]+`"`)
		case codeScope:
			params = append(params, `error="insufficient_scope"`, "scope="+quoted(strings.Join(t.Scopes, " ")))
		default:
			params = append(params, `error="invalid_token"`)
			if !t.kong {
				params = append(params, "error_description="+quoted(d.Message))
			}
		}
	}
	challenge := "Bearer"
	if len(params) > 0 {
		challenge += " " + strings.Join(params, ", ")
	}
	h.Add("Www-Authenticate", challenge)
}

func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
