// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtauth

import (
	"errors"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/internal/apierror"
	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// kongAnswer makes a denial what Kong's plugin jwt answers: of claims an object with the claim
// as its member, and else a message; no request id. Refusals that it does not know keep our
// words, and have one.
func (t *Tokens) kongAnswer(d *state.Denial, err error) {
	text, known := t.kongMessage(err)
	if !known {
		return
	}
	d.Message = text
	if claim, why, ok := strings.Cut(text, ": "); ok && (claim == "exp" || claim == "nbf") {
		d.KongBody = `{"` + claim + `":"` + why + `"}`
		return
	}
	d.KongBody = string(apierror.Append(nil, apierror.Kong, apierror.Error{Message: text}))
}

// kongMessage is what Kong's plugin jwt says of an error that it knows.
func (t *Tokens) kongMessage(err error) (text string, known bool) {
	switch {
	case errors.Is(err, errMissing):
		return "Unauthorized", true
	case errors.Is(err, errDuplicate):
		return "Multiple tokens provided", true
	case errors.Is(err, errNoName):
		return "No mandatory '" + t.ConsumerKeys + "' in claims", true
	case errors.Is(err, errUnknownName):
		return "No credentials found for given '" + t.ConsumerKeys + "'", true
	}
	v, ok := errors.AsType[*jwtverify.Error](err)
	if !ok {
		return "", false
	}
	switch v.Reason {
	case jwtverify.NotYet:
		return "nbf: token not valid yet", v.Claim == "nbf" // it does not look at iat
	case jwtverify.Malformed:
		if v.Claim == "exp" || v.Claim == "nbf" {
			return v.Claim + ": must be a number", true
		}
		return "Bad token; invalid JSON", true
	case jwtverify.WrongAlgorithm:
		return "Invalid algorithm", true
	case jwtverify.WrongSignature, jwtverify.UnknownKey:
		return "Invalid signature", true
	case jwtverify.Expired:
		return "exp: token expired", true
	case jwtverify.TooLong:
		return "exp: exceeds maximum allowed expiration", true
	default:
		return "", false
	}
}
