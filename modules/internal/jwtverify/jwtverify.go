// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package jwtverify reads and verifies signed JSON Web Tokens (RFC 7519) as RFC 8725
// recommends: strictly, and with algorithms that are properties of keys and never chosen by
// the token. Signatures and keys are the work of go-jose, and nobody else verifies any.
//
// The steps are apart, because what a token says decides on the key that must have signed
// it: [Parse] reads a token without believing it, [Token.SignedBy] asks one key, [Rules] is
// what the claims have to satisfy. What was verified may be kept in a [Cache] for a short
// time, since a signature costs more than everything else that a gateway does for a request.
//
// A token is a compact JWS of at most a given size. Refused are: encrypted tokens, nested
// ones, detached and unencoded payloads, critical extensions, keys inside the token,
// compression, base64 that is not canonical, JSON with repeated members or below 32 levels,
// and dates that are not plain numbers. Nothing that a token names is ever fetched.
package jwtverify

// Limits of what is read.
const (
	// DefaultMaxToken is how long a token may be, in bytes, unless told otherwise.
	DefaultMaxToken = 8 << 10
	// MaxToken is the longest size that a limit may be set to.
	MaxToken = 64 << 10
	// MaxKeyID is how long the identifier of a key may be, in bytes.
	MaxKeyID = 128
	// MaxDepth is how deeply claims may be nested.
	MaxDepth = 32
	// MaxKeys is how many keys of a set are looked at.
	MaxKeys = 100
	// MaxCandidates is how many keys are tried for a token that names none.
	MaxCandidates = 4
)

// Reason is why a token is not accepted.
type Reason uint8

// The reasons.
const (
	// Malformed is that it is no token, or not one of the kind that is read.
	Malformed Reason = iota + 1
	// TooLarge is that it is longer than the limit.
	TooLarge
	// WrongAlgorithm is that its algorithm is none that a key has.
	WrongAlgorithm
	// UnknownKey is that no key is known that could have signed it.
	UnknownKey
	// WrongSignature is that the key has not signed it.
	WrongSignature
	// WrongType is that the header typ says it is a token for something else.
	WrongType
	// NoExpiry is that it lacks exp.
	NoExpiry
	// Expired is that its time is over.
	Expired
	// TooLong is that its time ends later than is allowed.
	TooLong
	// NotYet is that its time has not begun, or that it was issued in the future.
	NotYet
	// WrongIssuer is that it is from somebody else.
	WrongIssuer
	// WrongAudience is that it is for somebody else.
	WrongAudience
	// MissingClaim is that a required claim is absent or has another value.
	MissingClaim
	// MissingScope is that it was not issued for what is asked.
	MissingScope
)

// Error is why a token is not accepted. It quotes nothing that the token says.
type Error struct {
	// Reason is the reason in short.
	Reason Reason
	// Detail is the reason in words, a sentence without a full stop.
	Detail string
	// Claim is the name of the claim that is at fault, if there is one.
	Claim string
}

// Error is the detail.
func (e *Error) Error() string { return e.Detail }

func refuse(r Reason, detail string) *Error { return &Error{Reason: r, Detail: detail} }

func refuseClaim(r Reason, claim, detail string) *Error {
	return &Error{Reason: r, Detail: detail, Claim: claim}
}
