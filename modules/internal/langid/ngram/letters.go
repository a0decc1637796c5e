// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ngram

import "unicode/utf8"

// nuktaDeva and nuktaBeng decompose the letters that Unicode also writes with a nukta,
// as both forms occur: the identifier of the base letter, or 0.
var (
	nuktaDeva = [128]byte{
		0x29: 0x28, 0x31: 0x30, 0x34: 0x33,
		0x58: 0x15, 0x59: 0x16, 0x5a: 0x17, 0x5b: 0x1c, 0x5c: 0x21, 0x5d: 0x22, 0x5e: 0x2b, 0x5f: 0x2f,
	}
	nuktaBeng = [128]byte{0x5c: 0x21, 0x5d: 0x22, 0x5f: 0x2f}
)

// nukta is the sign's place in each Indic block.
const nukta = 0x3c

// indicLetter reports whether a place in an Indic block holds a letter or vowel sign,
// rather than a danda, a digit or the sign of abbreviation.
func indicLetter(id byte) bool { return id != 0 && (id < 0x64 || id > 0x70) }

// appendIndic reads the Indic block whose characters are encoded as 0xe0, first or
// first+1, and a third byte.
func appendIndic(dst, text []byte, first byte, decomposed *[128]byte) []byte {
	start := len(dst)
	inside := false
	for i := 0; i < len(text) && len(dst)-start <= full; {
		b := text[i]
		if b < utf8.RuneSelf {
			if inside && b != '\'' {
				dst, inside = append(dst, Boundary), false
			}
			i++
			continue
		}
		if b == 0xe0 && i+2 < len(text) && text[i+1]&0xfe == first && text[i+2]&0xc0 == 0x80 {
			id := text[i+1]&1<<6 | text[i+2]&0x3f
			i += 3
			if !indicLetter(id) {
				if inside {
					dst, inside = append(dst, Boundary), false
				}
				continue
			}
			if !inside {
				if len(dst) == start {
					dst = append(dst, Boundary)
				}
				inside = true
			}
			if base := decomposed[id]; base != 0 {
				dst = append(dst, base, nukta)
			} else {
				dst = append(dst, id)
			}
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		i += size
		if inside && !joins(r) {
			dst, inside = append(dst, Boundary), false
		}
	}
	if inside {
		dst = append(dst, Boundary)
	}
	return dst
}

// joins reports whether a character may stand within a word without being a letter:
// the joiners, marks of direction and apostrophes.
func joins(r rune) bool {
	switch r {
	case '\u200b', '\u200c', '\u200d', '\u200e', '\u200f', '\u2060', '\u2019', '\u2018', '\u02bc', '\ufeff', '\u00ad':
		return true
	}
	return false
}

// appendLatin reads Latin letters: a to z as 1 to 26, all others by their code point.
func appendLatin(dst, text []byte) []byte {
	start := len(dst)
	inside := false
	for i := 0; i < len(text) && len(dst)-start <= full; {
		var id byte
		if b := text[i]; b < utf8.RuneSelf {
			i++
			if c := b | 0x20; c >= 'a' && c <= 'z' {
				id = c - 'a' + 1
			} else if b == '\'' {
				continue
			}
		} else {
			r, size := utf8.DecodeRune(text[i:])
			i += size
			if joins(r) {
				continue
			}
			if latinLetter(r) {
				id = byte(27 + r%101)
			}
		}
		if id == 0 {
			if inside {
				dst, inside = append(dst, Boundary), false
			}
			continue
		}
		if !inside {
			if len(dst) == start {
				dst = append(dst, Boundary)
			}
			inside = true
		}
		dst = append(dst, id)
	}
	if inside {
		dst = append(dst, Boundary)
	}
	return dst
}

// latinLetter reports whether a character beyond ASCII is a Latin letter or a mark on
// one.
func latinLetter(r rune) bool {
	return r >= 0xc0 && r <= 0x24f && r != 0xd7 && r != 0xf7 ||
		r >= 0x250 && r <= 0x2af || r >= 0x300 && r <= 0x36f || r >= 0x1e00 && r <= 0x1eff
}
