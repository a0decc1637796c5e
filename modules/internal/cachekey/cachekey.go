// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package cachekey says what makes two requests the same.
//
// A [Key] is the SHA-256 digest of a list of labelled parts: method, host, path,
// scope, headers and, for calls whose request is a JSON document, the document in
// its canonical form. A [Hasher] takes the parts one after the other. Two different
// lists never give the digest the same input, because every part is framed.
//
// In the canonical form of a document the order of members, white space, the way
// numbers are written and the escapes of strings do not matter, and everything else
// does:
//   - Members are sorted by their names after unescaping, in the order of their
//     bytes. A name that appears twice in one object, anywhere, is an error: two
//     readers of such a document need not agree on what it says.
//   - Numbers are compared by their exact decimal value, of any length: 1, 1.0, 1e0
//     and 10e-1 are equal, 0.1 and 0.10000000000000001 are not. Minus zero is zero.
//     An exponent beyond [MaxExponent] either way is an error.
//   - Strings are compared after unescaping, code point by code point. There is no
//     Unicode normalisation and no folding of case.
//   - A member that is null differs from one that is absent, and an empty object
//     from none, since defaults are the provider's business.
//
// What is not JSON (RFC 8259), is not UTF-8, holds escapes of lone surrogates, has
// anything before or after the document or nests deeper than [MaxDepth] is an error.
//
// Time is linear in the size of the document apart from the sorting. Memory is
// bounded by some eight times its size where it consists of one-digit numbers, and
// is about a third of it for a chat; it is pooled unless it has grown large.
package cachekey

import (
	"encoding/hex"
	"fmt"
)

const (
	// MaxDepth is the deepest nesting of a document, its top level being depth one.
	MaxDepth = 64

	// MaxExponent bounds the exponent that a number is written with.
	MaxExponent = 1_000_000
)

// Key identifies what a request asks for. It is comparable, and tells nothing
// about the request to who does not know it.
type Key [32]byte

// String returns the 64 hexadecimal digits of the key.
func (k Key) String() string { return hex.EncodeToString(k[:]) }

// Reason says in one word why a document has no key. It is meant for metrics,
// logs and headers.
type Reason string

// The reasons.
const (
	NotJSON         Reason = "not_json"         // not one JSON text in UTF-8
	DuplicateMember Reason = "duplicate_member" // a name appears twice in an object
	TooDeep         Reason = "too_deep"         // nesting beyond MaxDepth
	NumberRange     Reason = "number_range"     // an exponent beyond MaxExponent
	TooLarge        Reason = "too_large"        // more than 2 GiB
)

// Error says why a document has no key. It never quotes the document.
type Error struct {
	Reason Reason
	Offset int // bytes before the offending one; of a duplicate, zero
}

// Error names the reason and the place.
func (e *Error) Error() string {
	return fmt.Sprintf("canonicalise json: %s at byte %d", e.Reason, e.Offset)
}
