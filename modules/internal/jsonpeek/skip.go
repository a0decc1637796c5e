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
//
// Prose has an escaped quote here and there: the next one is searched for by a
// call, which takes a while to begin and little to go on. Code and JSON in a string
// are full of them: they are looked for word by word, and then skipped in blocks.
func stringEnd(p []byte, i int) (end int, closed bool) {
	const (
		near   = 40  // bytes searched by words before a call searches on
		dense  = 3   // escaped quotes in a row, each near the last
		blocks = 256 // bytes skipped in blocks then
	)
	last, row := i-near, 0
	for j := i; ; j++ {
		if row > 0 {
			for to := min(len(p)-8, j+near); j <= to; j += 8 {
				x := binary.LittleEndian.Uint64(p[j:]) ^ ones*'"'
				if hit := (x - ones) & ^x & highs; hit != 0 {
					j += bits.TrailingZeros64(hit) / 8
					goto found
				}
			}
		}
		if k := bytes.IndexByte(p[j:], '"'); k >= 0 {
			j += k
		} else {
			return len(p) + backslashes(p[i:])&1, false
		}
	found:
		if j == i || p[j-1] != '\\' || backslashes(p[i:j])&1 == 0 {
			return j + 1, true
		}
		if j-last > near {
			row = 0
		} else if row++; row >= dense {
			j = skipEscaped(p[:min(len(p), j+blocks)], j+1) - 1
		}
		last = j
	}
}

// skipEscaped returns the position, counted from j in blocks, of a block that may
// hold the quote that closes a string, or is not complete: one with a quote after
// anything but a backslash, or with two backslashes in a row. The byte before j
// must not be a backslash.
func skipEscaped(p []byte, j int) int {
	// Loaded, because constants would be put into registers again for each word.
	quote, back, one, rest := quoteMasks[0], quoteMasks[1], quoteMasks[2], quoteMasks[3]
	for j > 0 && j < len(p) && len(p)-j >= 16 {
		b := (*[17]byte)(p[j-1:])
		w := binary.LittleEndian.Uint64(b[1:9])
		x, y, z := w^quote, binary.LittleEndian.Uint64(b[0:8])^back, w^back
		z |= y
		hit := (x-one)&^x&((y&rest)+rest|y) | (z-one)&^z
		w = binary.LittleEndian.Uint64(b[9:17])
		x, y, z = w^quote, binary.LittleEndian.Uint64(b[8:16])^back, w^back
		z |= y
		hit |= (x-one)&^x&((y&rest)+rest|y) | (z-one)&^z
		if hit&highs != 0 {
			break
		}
		j += 16
	}
	return j
}

// quoteMasks are the patterns of skipEscaped.
var quoteMasks = [4]uint64{ones * '"', ones * '\\', ones, ^uint64(highs)}

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

// skipLoose returns the position after the value at i, or zero. It validates no
// more than strings and brackets, as the chunked Write does.
func skipLoose(p []byte, i int) int {
	if i >= len(p) {
		return 0
	}
	switch p[i] {
	case '"':
		return skipQuoted(p, i+1)
	case '{', '[':
	case '}', ']', ',', ':':
		return 0
	default:
		for i < len(p) && !ends[p[i]] {
			i++
		}
		return i
	}
	for depth := 0; ; {
		if i = skipPlain(p, i); i == len(p) {
			return 0
		}
		switch c := p[i]; {
		case c == '"':
			for next := true; next; { // strings often come in a row
				end := skipQuoted(p, i+1)
				if end == 0 {
					return 0
				}
				i = end + 1
				next = i < len(p) && p[i] == '"' && (p[end] == ':' || p[end] == ',')
			}
			i--
			continue
		case c|0x20 == '{':
			depth++
		default:
			depth--
		}
		if i++; depth == 0 {
			return i
		}
	}
}

// skipQuoted returns the position after the string whose content begins at i, or
// zero. Of two words it looks at both, because a wrong guess in which one a name
// ends takes longer.
func skipQuoted(p []byte, i int) int {
	if i+16 <= len(p) {
		x := binary.LittleEndian.Uint64(p[i:]) ^ ones*'"'
		y := binary.LittleEndian.Uint64(p[i+8:]) ^ ones*'"'
		x, y = (x-ones)&^x&highs, (y-ones)&^y&highs
		if x|y != 0 {
			n := bits.TrailingZeros64(x) / 8
			if x == 0 {
				n = bits.TrailingZeros64(y)/8 + 8
			}
			if p[i+n-1] != '\\' {
				return i + n + 1
			}
		}
	}
	if end, closed := stringEnd(p, i); closed {
		return end
	}
	return 0
}
