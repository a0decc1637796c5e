// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jsonpeek

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// stringEnd returns the position after the quote that closes the string whose
// content begins at i, which must not be within an escape. When the string goes
// on beyond p, the position is len(p), or len(p)+1 if the first byte to come is
// escaped.
func stringEnd(p []byte, i int) (end int, closed bool) {
	for {
		j := bytes.IndexByte(p[i:], '"')
		if j < 0 {
			return len(p) + backslashes(p[i:])&1, false
		}
		if backslashes(p[i:i+j])&1 == 0 {
			return i + j + 1, true
		}
		i += j + 1
	}
}

// backslashes counts the backslashes at the end of p.
func backslashes(p []byte) int {
	n := 0
	for n < len(p) && p[len(p)-1-n] == '\\' {
		n++
	}
	return n
}

// skipPlain returns the position of the first quote, brace or bracket at or
// after i, or len(p). Arrays of numbers are what makes its speed matter.
func skipPlain(p []byte, i int) int {
	for i+8 <= len(p) {
		w := binary.LittleEndian.Uint64(p[i:])
		folded := w | ones*0x20 // makes brackets look like braces
		hit := ((w ^ ones*'"') - ones) | ((folded ^ ones*'{') - ones) | ((folded ^ ones*'}') - ones)
		if hit &= ^w & highs; hit != 0 {
			return i + bits.TrailingZeros64(hit)/8
		}
		i += 8
	}
	for i < len(p) {
		switch p[i] {
		case '"', '{', '}', '[', ']':
			return i
		}
		i++
	}
	return i
}
