// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ngram

import "unicode/utf8"

// beyondArabic are the letters that languages other than Arabic add to its script, as
// low bytes of the block 0600: of Urdu, Kashmiri, Sindhi, and of the languages from
// which those are told apart. Letters that are not among them share identifiers.
const beyondArabic = "\x71\x72\x73\x79\x7a\x7b\x7c\x7d\x7e\x7f\x80\x81\x83\x84\x85\x86\x87\x88\x89\x8a\x8c\x8d\x8e\x8f" +
	"\x91\x93\x95\x96\x98\x99\x9a\xa4\xa6\xa9\xaa\xab\xad\xaf\xb1\xb3\xb5\xba\xbb\xbc\xc4\xc6\xc7\xc8\xcb\xcc\xcd\xce\xd0\xd2\xd5\xfd\xfe"

// The identifiers of the first 64 letters and marks, of those beyond, of all others.
const (
	arabicBase   = 0x1f
	arabicBeyond = 65
	arabicRest   = 122
)

// arabicIDs maps the low byte of a code point of the block 0600 to an identifier, or to
// 0 if it is no letter; arabicSeconds has the mark that follows it. Keyboards and
// converters write one letter as any of several code points, which become one here;
// letters with a hamza or madda are taken apart, as both forms occur.
var arabicIDs, arabicSeconds = func() (ids, seconds [256]byte) {
	for b := 0x20; b <= 0x5f; b++ {
		ids[b] = byte(b - arabicBase)
	}
	for b := 0x6e; b <= 0xd5; b++ {
		ids[b] = arabicRest + byte(b%6)
	}
	for i := range len(beyondArabic) {
		ids[beyondArabic[i]] = arabicBeyond + byte(i)
	}
	for _, b := range []byte{0xee, 0xef, 0xfa, 0xfb, 0xfc, 0xff} {
		ids[b] = arabicRest + b%6
	}
	const alef, waw, yeh, kaf, heh, yehBarree = 0x27, 0x48, 0xcc, 0xa9, 0x47, 0xd2
	for _, f := range [][2]byte{
		{0x4a, yeh},
		{0x49, yeh},
		{0x26, yeh},
		{0x43, kaf},
		{0xbe, heh},
		{0xc1, heh},
		{0x29, heh},
		{0xc3, heh},
		{0xc0, heh},
		{0xc2, heh},
		{0x22, alef},
		{0x23, alef},
		{0x25, alef},
		{0x24, waw},
		{0xd3, yehBarree},
	} {
		ids[f[0]] = ids[f[1]]
	}
	const madda, hamzaAbove, hamzaBelow = 0x53, 0x54, 0x55
	for _, f := range [][2]byte{
		{0x22, madda},
		{0x23, hamzaAbove},
		{0x25, hamzaBelow},
		{0x24, hamzaAbove},
		{0x26, hamzaAbove},
		{0xc0, hamzaAbove},
		{0xc2, hamzaAbove},
		{0xd3, hamzaAbove},
	} {
		seconds[f[0]] = f[1] - arabicBase
	}
	ids[0x40], ids[0xd4] = 0, 0 // the stretching stroke, and a full stop
	return ids, seconds
}()

// appendArabic reads the blocks of Arabic letters.
func appendArabic(dst, text []byte) []byte {
	start := len(dst)
	inside := false
	for i := 0; i < len(text) && len(dst)-start <= full; {
		b := text[i]
		var id, second byte
		switch {
		case b < utf8.RuneSelf:
			i++
		case b >= 0xd8 && b <= 0xdb && i+1 < len(text) && text[i+1]&0xc0 == 0x80:
			low := b<<6 | text[i+1]&0x3f
			i += 2
			if b == 0xd9 && low == 0x40 {
				continue
			}
			id, second = arabicIDs[low], arabicSeconds[low]
		default:
			r, size := utf8.DecodeRune(text[i:])
			i += size
			if joins(r) {
				continue
			}
			if r >= 0x750 && r <= 0x77f || r >= 0x8a0 && r <= 0x8ff || r >= 0xfb50 && r <= 0xfdff || r >= 0xfe70 && r <= 0xfefc {
				id = arabicRest + byte(r%6)
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
		if second != 0 {
			dst = append(dst, second)
		}
	}
	if inside {
		dst = append(dst, Boundary)
	}
	return dst
}
