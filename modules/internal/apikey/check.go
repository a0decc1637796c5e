// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package apikey

import (
	"errors"
	"strings"
)

// MaxLength is the length in bytes beyond which a presented key is not even
// hashed, so that junk costs nothing. Generated keys have [Length].
const MaxLength = 512

var (
	// ErrTooLong reports a key of more than MaxLength bytes.
	ErrTooLong = errors.New("key is longer than 512 bytes")
	// ErrComma reports a key with a comma. A header with a comma is what a
	// proxy makes of two lines (RFC 9110, section 5.3), so it cannot be told
	// from two keys.
	ErrComma = errors.New("key holds a comma")
)

// Check returns ErrTooLong or ErrComma for a key that the gateway refuses
// whoever has it, and nil for any other. Configurations are held to the same
// rule as requests, so that no key is accepted at load that can never work.
// The errors do not quote the key. It does not allocate.
func Check(key string) error {
	switch {
	case len(key) > MaxLength:
		return ErrTooLong
	case strings.IndexByte(key, ',') >= 0:
		return ErrComma
	}
	return nil
}
