// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtauth

import (
	"errors"

	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
)

// kongMessage is what Kong's plugin jwt says of an error. Refusals that it does not know keep
// our words.
func (t *Tokens) kongMessage(err error, ours string) string {
	switch {
	case errors.Is(err, errMissing):
		return "Unauthorized"
	case errors.Is(err, errDuplicate):
		return "Multiple tokens provided"
	case errors.Is(err, errNoName):
		return "No mandatory '" + t.ConsumerKeys + "' in claims"
	case errors.Is(err, errUnknownName):
		return "No credentials found for given '" + t.ConsumerKeys + "'"
	}
	v, ok := errors.AsType[*jwtverify.Error](err)
	if !ok {
		return ours
	}
	switch v.Reason {
	case jwtverify.Malformed:
		if v.Claim == "exp" || v.Claim == "nbf" {
			return v.Claim + ": must be a number"
		}
		return "Bad token; invalid JSON"
	case jwtverify.WrongAlgorithm:
		return "Invalid algorithm"
	case jwtverify.WrongSignature, jwtverify.UnknownKey:
		return "Invalid signature"
	case jwtverify.Expired:
		return "exp: token expired"
	case jwtverify.NotYet:
		return "nbf: token not valid yet"
	case jwtverify.TooLong:
		return "exp: exceeds maximum allowed expiration"
	default:
		return ours
	}
}
