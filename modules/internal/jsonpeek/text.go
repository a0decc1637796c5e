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

// refuse marks, by the high bit of their bytes, those of w that end the text of
// a string: control characters and quotes (XOR 2 turns the quote into the
// neighbour of the control characters) and backslashes. It may also mark bytes
// beyond ASCII. A borrow can only spoil bytes above a true mark, so the lowest
// one within ASCII is right.
func refuse(w uint64) uint64 {
	return ((w ^ ones*2) - ones*0x21) | ((w ^ ones*'\\') - ones)
}

// skipString validates the string whose content begins at i and returns the
// position after its closing quote, or a message and the position of the
// defect. Text beyond ASCII is read word by word, other text in blocks once its
// first word has shown that it is not short.
func skipString(doc []byte, i int) (int, string) {
	start, retry := i, i
	var foreign uint64 // high bits seen, perhaps a few beyond the string
	for i < len(doc) {
		if i+8 <= len(doc) {
			w := binary.LittleEndian.Uint64(doc[i:])
			foreign |= w
			hit := refuse(w) & ^w & highs
			if hit == 0 {
				if i += 8; i >= retry && foreign&highs == 0 {
					i = skipBlocks(doc, i)
					retry = i + 32 // what stopped it is closer
				}
				continue
			}
			i += bits.TrailingZeros64(hit) / 8
		}
		switch c := doc[i]; {
		case c == '"':
			if foreign&highs != 0 && !utf8.Valid(doc[start:i]) {
				return start, "invalid UTF-8 in string"
			}
			return i + 1, ""
		case c == '\\':
			if i+1 < len(doc) && plainEscape[doc[i+1]] {
				i += 2
				continue
			}
			var msg string
			if i, msg = skipEscape(doc, i+1); msg != "" {
				return i, msg
			}
		case c < ' ':
			return i, "control character in string"
		default: // within the last bytes of the document
			foreign |= uint64(c)
			i++
		}
	}
	return len(doc), "unexpected end of string"
}

// shortEnd returns the position after the closing quote of a string whose
// content begins at i, if it is at most seven bytes of plain ASCII, or zero.
// Most strings are that short, so it is kept simple enough to be inlined.
func shortEnd(doc []byte, i int) int {
	if i+8 <= len(doc) {
		w := binary.LittleEndian.Uint64(doc[i:])
		hit := (refuse(w) | w) & highs // the lowest is right
		if end := bits.TrailingZeros64(hit) / 8; end < 8 && byte(w>>(end*8)) == '"' {
			return i + end + 1
		}
	}
	return 0
}

// skipBlocks returns the position of the first block of 32 bytes, counted from
// i, that holds a quote, a backslash, a control character or anything beyond
// ASCII, or is not complete.
func skipBlocks(p []byte, i int) int {
	// Loaded, because constants would be put into registers again for each word.
	flip, low, back, one := blockMasks[0], blockMasks[1], blockMasks[2], blockMasks[3]
	for uint(i) <= uint(len(p)) && len(p)-i >= 32 {
		b := (*[32]byte)(p[i:])
		w := binary.LittleEndian.Uint64(b[0:8])
		hit := w | ((w ^ flip) - low) | ((w ^ back) - one)
		w = binary.LittleEndian.Uint64(b[8:16])
		hit |= w | ((w ^ flip) - low) | ((w ^ back) - one)
		w = binary.LittleEndian.Uint64(b[16:24])
		hit |= w | ((w ^ flip) - low) | ((w ^ back) - one)
		w = binary.LittleEndian.Uint64(b[24:32])
		hit |= w | ((w ^ flip) - low) | ((w ^ back) - one)
		if hit&highs != 0 {
			break
		}
		i += 32
	}
	return i
}

// blockMasks are the patterns of refuse.
var blockMasks = [4]uint64{ones * 2, ones * 0x21, ones * '\\', ones}

// plainEscape holds the characters that make an escape with the backslash alone.
var plainEscape = [256]bool{'"': true, '\\': true, '/': true, 'b': true, 'f': true, 'n': true, 'r': true, 't': true}

// skipEscape validates an escape sequence, i being the position after its
// backslash. A high surrogate takes the low one that must follow with it.
func skipEscape(doc []byte, i int) (int, string) {
	if i == len(doc) {
		return i, "unexpected end of string"
	}
	if c := doc[i]; plainEscape[c] {
		return i + 1, ""
	} else if c != 'u' {
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
	d := (*[4]byte)(doc[i:])
	r := rune(hexDigit[d[0]])<<12 | rune(hexDigit[d[1]])<<8 | rune(hexDigit[d[2]])<<4 | rune(hexDigit[d[3]])
	return r, r >= 0
}

// hexDigit holds the values of hexadecimal digits, and -1 for everything else.
var hexDigit = func() (t [256]int8) {
	for i := range t {
		c := byte(i)
		switch {
		case isDigit(c):
			t[i] = int8(c - '0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			t[i] = int8(c | 0x20 - 'a' + 10)
		default:
			t[i] = -1
		}
	}
	return t
}()

// appendUnescaped appends the text that the content of a string stands for.
// Defective escapes, which only lenient callers let through, become U+FFFD.
func appendUnescaped(dst, raw []byte) []byte {
	for i := 0; i < len(raw); {
		c := raw[i]
		i++
		if c != '\\' {
			dst = append(dst, c)
			continue
		}
		if i == len(raw) {
			break
		}
		var r rune
		if r, i = unescape(raw, i); r < utf8.RuneSelf {
			dst = append(dst, byte(r))
		} else {
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}

// unescape returns the character that an escape sequence stands for, i being the
// position after its backslash and within raw, and the position after the sequence.
func unescape(raw []byte, i int) (rune, int) {
	c := raw[i]
	i++
	switch c {
	case 'b':
		return '\b', i
	case 'f':
		return '\f', i
	case 'n':
		return '\n', i
	case 'r':
		return '\r', i
	case 't':
		return '\t', i
	case 'u':
	default:
		if c >= utf8.RuneSelf { // defective: the character stands for itself
			r, size := utf8.DecodeRune(raw[i-1:])
			return r, i - 1 + size
		}
		return rune(c), i
	}
	r, ok := hex4(raw, i)
	if !ok {
		return utf8.RuneError, i
	}
	if i += 4; !utf16.IsSurrogate(r) {
		return r, i
	}
	if i+1 < len(raw) && raw[i] == '\\' && raw[i+1] == 'u' {
		if low, ok := hex4(raw, i+2); ok {
			if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
				return r, i + 6
			}
		}
	}
	return utf8.RuneError, i
}
