// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jsonpeek

import (
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

// skipString validates the string whose content begins at i and returns the
// position after its closing quote, or a message and the position of the
// defect.
func skipString(doc []byte, i int) (int, string) {
	start := i
	var foreign uint64 // high bits seen, perhaps a few beyond the string
	for {
		for i+8 <= len(doc) {
			w := binary.LittleEndian.Uint64(doc[i:])
			// A borrow can only spoil bytes above a true hit, and the lowest
			// hit is the one taken.
			hit := (w - ones*0x20) | ((w ^ ones*'"') - ones) | ((w ^ ones*'\\') - ones)
			hit &= ^w & highs
			foreign |= w & highs
			if hit != 0 {
				i += bits.TrailingZeros64(hit) / 8
				break
			}
			i += 8
		}
		for i < len(doc) && doc[i] != '"' && doc[i] != '\\' && doc[i] >= ' ' {
			foreign |= uint64(doc[i] & 0x80)
			i++
		}
		if i == len(doc) {
			return i, "unexpected end of string"
		}
		switch doc[i] {
		case '"':
			if foreign != 0 && !utf8.Valid(doc[start:i]) {
				return start, "invalid UTF-8 in string"
			}
			return i + 1, ""
		case '\\':
			var msg string
			if i, msg = skipEscape(doc, i+1); msg != "" {
				return i, msg
			}
		default:
			return i, "control character in string"
		}
	}
}

// skipEscape validates an escape sequence, i being the position after its
// backslash. A high surrogate takes the low one that must follow with it.
func skipEscape(doc []byte, i int) (int, string) {
	if i == len(doc) {
		return i, "unexpected end of string"
	}
	switch doc[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1, ""
	case 'u':
	default:
		return i, "invalid escape"
	}
	r, ok := hex4(doc, i+1)
	if !ok {
		return i, "invalid escape"
	}
	if !utf16.IsSurrogate(r) {
		return i + 5, ""
	}
	if next := i + 5; next+1 < len(doc) && doc[next] == '\\' && doc[next+1] == 'u' {
		if low, ok := hex4(doc, next+2); ok && utf16.DecodeRune(r, low) != utf8.RuneError {
			return next + 6, ""
		}
	}
	return i, "lone surrogate"
}

// hex4 reads the four hexadecimal digits at i.
func hex4(doc []byte, i int) (rune, bool) {
	if i+4 > len(doc) {
		return 0, false
	}
	var r rune
	for _, c := range doc[i : i+4] {
		switch {
		case isDigit(c):
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// appendUnescaped appends the text that the content of a string stands for.
// Defective escapes, which only lenient callers let through, become U+FFFD.
func appendUnescaped(dst, raw []byte) []byte {
	for i := 0; i < len(raw); {
		c := raw[i]
		if c != '\\' {
			dst = append(dst, c)
			i++
			continue
		}
		i++
		if i == len(raw) {
			break
		}
		c = raw[i]
		i++
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r, ok := hex4(raw, i)
			if !ok {
				dst = utf8.AppendRune(dst, utf8.RuneError)
				continue
			}
			i += 4
			if utf16.IsSurrogate(r) {
				pair := utf8.RuneError
				if i+1 < len(raw) && raw[i] == '\\' && raw[i+1] == 'u' {
					if low, ok := hex4(raw, i+2); ok {
						pair = utf16.DecodeRune(r, low)
					}
				}
				if r = pair; r != utf8.RuneError {
					i += 6
				}
			}
			dst = utf8.AppendRune(dst, r)
			continue
		}
		dst = append(dst, c)
	}
	return dst
}
