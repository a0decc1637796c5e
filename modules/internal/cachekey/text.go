// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachekey

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// Patterns for looking at eight bytes at a time.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// stringEnd validates the string whose content begins at i and returns the position
// of its closing quote, or a negative number, and whether it has escapes.
func stringEnd(doc []byte, i int) (end int, escaped bool) {
	start := i
	var seen uint64 // high bits, perhaps a few of what follows the string
	for {
		for i+8 <= len(doc) {
			w := binary.LittleEndian.Uint64(doc[i:])
			seen |= w
			// Marked are quotes, control characters (XOR 2 makes the quote a neighbour
			// of them) and backslashes. The lowest mark is right.
			hit := (((w ^ ones*2) - ones*0x21) | ((w ^ ones*'\\') - ones)) & ^w & highs
			if hit != 0 {
				i += bits.TrailingZeros64(hit) / 8
				break
			}
			i += 8
		}
		if i >= len(doc) {
			return -1, false
		}
		switch c := doc[i]; {
		case c == '"':
			if seen&highs != 0 && !utf8.Valid(doc[start:i]) {
				return -1, false
			}
			return i, escaped
		case c == '\\':
			escaped = true
			_, n := unescape(doc[i:])
			if n == 0 {
				return -1, false
			}
			i += n
		case c < ' ':
			return -1, false
		default: // within the last bytes of the document
			seen |= uint64(c)
			i++
		}
	}
}

// unescape reads the escape with which p begins and returns its character and its
// length, which is zero if it is none. A pair of surrogates is one escape.
func unescape(p []byte) (rune, int) {
	if len(p) < 2 {
		return 0, 0
	}
	switch p[1] {
	case '"', '\\', '/':
		return rune(p[1]), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
	default:
		return 0, 0
	}
	r, ok := hex4(p[2:])
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if len(p) > 7 && p[6] == '\\' && p[7] == 'u' {
		if low, ok := hex4(p[8:]); ok {
			if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
				return r, 12
			}
		}
	}
	return 0, 0
}

// hex4 reads four hexadecimal digits.
func hex4(p []byte) (rune, bool) {
	if len(p) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range p[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// appendText appends what the content of a valid string stands for.
func appendText(dst, raw []byte) []byte {
	for {
		k := bytes.IndexByte(raw, '\\')
		if k < 0 {
			return append(dst, raw...)
		}
		dst = append(dst, raw[:k]...)
		r, n := unescape(raw[k:])
		dst = utf8.AppendRune(dst, r)
		raw = raw[k+n:]
	}
}

// text adds what the content of a valid string stands for.
func (h *Hasher) text(raw []byte) {
	for {
		k := 0
		for k < len(raw) && k < 16 && raw[k] != '\\' { // escapes often come in a row
			k++
		}
		if k == 16 {
			if k = bytes.IndexByte(raw, '\\'); k < 0 {
				k = len(raw)
			}
		}
		h.write(raw[:k])
		if k == len(raw) {
			return
		}
		r, n := unescape(raw[k:])
		if r < utf8.RuneSelf {
			h.byte(byte(r))
		} else {
			h.write(h.tmp[:utf8.EncodeRune(h.tmp[:], r)])
		}
		raw = raw[k+n:]
	}
}
