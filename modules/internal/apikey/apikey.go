// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package apikey generates gateway keys and turns presented keys into the
// digests by which they are stored and looked up.
//
// A key is kept nowhere: only its SHA-256 digest is. A plain fast hash is the
// right choice for keys with 256 random bits, as New makes them, because
// guessing is hopeless however cheap one guess is. It is no protection for a
// key that a person invented; operators should use New.
//
// A digest is not a credential. Presenting the text "sha256:<hex>" as a key is
// hashed like any other text and so matches nothing, which means that a leaked
// configuration does not open the gateway.
package apikey

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unsafe"
)

// Scheme is the prefix of a digest written as text.
const Scheme = "sha256:"

// ErrNotDigest reports that a literal is not of the form "sha256:<hex>". The
// literal is not part of the error, because it may be a key in clear.
var ErrNotDigest = errors.New(`key is not of the form "sha256:" and 64 hexadecimal digits`)

// Digest is the SHA-256 digest of a key.
type Digest [sha256.Size]byte

// Hash returns the digest of a key as it was presented, byte for byte; nothing
// is trimmed. It does not allocate.
func Hash(key string) Digest {
	// The hash only reads its input, and a copy of the key would be one more
	// place in memory that holds it.
	return sha256.Sum256(unsafe.Slice(unsafe.StringData(key), len(key)))
}

// IsLiteral reports whether s claims to be a digest: whether it starts with
// Scheme. Such a text is never to be taken for a key in clear, even when Parse
// refuses it, since a mistyped digest would then silently become a key.
func IsLiteral(s string) bool {
	return strings.HasPrefix(s, Scheme)
}

// Parse reads a digest from its text form, "sha256:" followed by exactly 64
// hexadecimal digits in either case. The error wraps ErrNotDigest and says
// what is wrong without quoting the literal.
func Parse(literal string) (Digest, error) {
	var d Digest
	digits, ok := strings.CutPrefix(literal, Scheme)
	if !ok {
		return d, ErrNotDigest
	}
	if len(digits) != hex.EncodedLen(len(d)) {
		return d, fmt.Errorf("%w: it has %d characters after the colon", ErrNotDigest, len(digits))
	}
	if _, err := hex.Decode(d[:], []byte(digits)); err != nil {
		return Digest{}, fmt.Errorf("%w: it holds another character", ErrNotDigest)
	}
	return d, nil
}

// String returns the text form that Parse reads, in lower case.
func (d Digest) String() string {
	return Scheme + hex.EncodeToString(d[:])
}

// ID returns a short identifier that is safe to show in logs, answers and
// metrics: "key_" and 12 hexadecimal digits. They come from a second hash over
// the digest, so that an identifier reveals no part of the digest. With 48 bits
// two of 100,000 keys share an identifier with a probability of 1 in 56,000, so
// it names a key to people and is not an index.
func (d Digest) ID() string {
	again := sha256.Sum256(d[:])
	return "key_" + hex.EncodeToString(again[:6])
}
