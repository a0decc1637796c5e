// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package oauth2

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// Codes of refusals. Those of jwt_auth mean the same.
const (
	codeMissing     = "token_missing"
	codeDuplicate   = "token_duplicate"
	codeInvalid     = "token_invalid"
	codeExpired     = "token_expired"
	codeNotAccepted = "token_not_accepted"
	codeScope       = "insufficient_scope"
	codeConsumer    = "token_consumer_unknown"
	codeUnavailable = "token_status_unavailable"
)

// What find tells, as errors like the others.
var (
	errMissing   = errors.New("no token")
	errDuplicate = errors.New("several tokens")
)

// retryAfter is when to come back while nobody can judge tokens.
const retryAfter = time.Second

// deny makes a refusal of what went wrong.
func (t *Tokens) deny(err error) *state.Denial {
	d := &state.Denial{Status: http.StatusUnauthorized}
	switch {
	case errors.Is(err, errMissing):
		d.Code, d.Message = codeMissing, "No access token found in request; send it as Authorization: Bearer"
	case errors.Is(err, errDuplicate):
		d.Status, d.Code, d.Message = http.StatusBadRequest, codeDuplicate, "The request has more than one access token" // RFC 6750, section 3.1
	case errors.Is(err, errScope):
		d.Status, d.Code = http.StatusForbidden, codeScope
		d.Message = "The access token is not for all of: " + strings.Join(t.Scopes, " ")
	case errors.Is(err, errNobody):
		d.Status, d.Code, d.Message = http.StatusForbidden, codeConsumer, "The access token is good, and its owner is not registered here"
	case errors.Is(err, errNotForUs):
		d.Code, d.Message = codeNotAccepted, "The access token is from another issuer or for another audience"
	case errors.Is(err, errInactive):
		d.Code, d.Message = codeInvalid, "The access token is not valid, or no longer"
	case errors.Is(err, errUnavailable):
		d.Status, d.Code, d.RetryAfter = http.StatusServiceUnavailable, codeUnavailable, retryAfter
		d.Message = "Nobody can tell at the moment what the access token is worth"
	default:
		d.Code, d.Message = codeInvalid, "The access token is not valid"
		if v, ok := errors.AsType[*jwtverify.Error](err); ok {
			d.Code, d.Message = codeOf(v.Reason), v.Detail
		}
	}
	return d
}

func codeOf(r jwtverify.Reason) string {
	switch r {
	case jwtverify.Expired:
		return codeExpired
	case jwtverify.WrongType, jwtverify.NoExpiry, jwtverify.TooLong, jwtverify.NotYet, jwtverify.WrongIssuer,
		jwtverify.WrongAudience, jwtverify.MissingClaim, jwtverify.MissingScope:
		return codeNotAccepted
	case jwtverify.Malformed, jwtverify.TooLarge, jwtverify.WrongAlgorithm, jwtverify.UnknownKey, jwtverify.WrongSignature:
		return codeInvalid
	}
	return codeInvalid
}

// challenge adds WWW-Authenticate (RFC 6750, section 3): without an error where there was no
// token. Descriptions are the gateway's own words.
func (t *Tokens) challenge(h http.Header, d *state.Denial) {
	params := []string{"realm=" + quoted(t.Realm)}
	if d != nil {
		switch d.Code {
		case codeMissing, codeConsumer:
		case codeUnavailable:
			return // another token would not help
		case codeDuplicate:
			params = append(params, `error="invalid_request"`)
		case codeScope:
			params = append(params, `error="insufficient_scope"`)
		default:
			params = append(params, `error="invalid_token"`, "error_description="+quoted(d.Message))
		}
	}
	if len(t.Scopes) > 0 {
		params = append(params, "scope="+quoted(strings.Join(t.Scopes, " ")))
	}
	h.Add("Www-Authenticate", "Bearer "+strings.Join(params, ", "))
}

func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
