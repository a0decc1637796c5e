// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package langid

import (
	"unicode/utf8"

	"github.com/caddy-gateway/tollgate/modules/internal/langid/ngram"
)

// script is a writing system. Those before shared have one language each here; those
// from it on have models.
type script uint8

const (
	none script = iota
	guru
	gujr
	orya
	taml
	telu
	knda
	mlym
	olck
	mtei
	sinh
	foreign
	deva
	beng
	arab
	latn
	numScripts = iota
)

// shared is the first script that several languages share, in the order of the groups.
const shared = deva

// String returns the code of ISO 15924.
func (s script) String() string {
	return [numScripts]string{
		"Zyyy", "Guru", "Gujr", "Orya", "Taml", "Telu", "Knda", "Mlym", "Olck", "Mtei",
		"Sinh", "Zzzz", "Deva", "Beng", "Arab", "Latn",
	}[s]
}

// group returns the group of languages that share a script.
func (s script) group() (ngram.Group, bool) {
	return ngram.Group(s - shared), s >= shared
}

// scriptLabels are the languages that their script gives away.
var scriptLabels = [numScripts]Code{
	guru: "pa", gujr: "gu", orya: "or", taml: "ta", telu: "te", knda: "kn", mlym: "ml", olck: "sat", mtei: "mni-Mtei",
}

// indic are the scripts of the blocks from U+0900 on, 128 code points each.
var indic = [10]script{deva, beng, guru, gujr, orya, taml, telu, knda, mlym, sinh}

// latinWeight is how many Latin letters weigh as much as one of another script: names
// and English words are quoted in texts of all languages.
const latinWeight = 3

// maxLetters bounds how many letters are looked at.
const maxLetters = 256

// maxStray bounds how many characters beyond ASCII are read that are no letters, emoji
// and invalid bytes for instance, which take longest.
const maxStray = 256

// census is what gate counts.
type census struct {
	found   script
	letters int     // in that script
	share   float32 // of those among all letters, by weight
	end     int     // how many bytes were read
}

// gate determines the script of a text. Signs of vowels count as letters; it reads no
// further than the bounds.
func gate(text []byte) census {
	var counts [numScripts]int32
	seen, stray, i := 0, 0, 0
	for i < len(text) && seen < maxLetters && stray < maxStray {
		b := text[i]
		if b < utf8.RuneSelf {
			i++
			if c := b | 0x20; c >= 'a' && c <= 'z' {
				counts[latn]++
				seen++
			}
			continue
		}
		var sc script
		if b == 0xe0 && i+2 < len(text) && text[i+1]-0xa4 < 2*byte(len(indic)) && text[i+2]&0xc0 == 0x80 {
			if id := text[i+1]&1<<6 | text[i+2]&0x3f; id != 0 && (id < 0x64 || id > 0x70) {
				sc = indic[(text[i+1]-0xa4)>>1]
			}
			i += 3
		} else {
			r, size := utf8.DecodeRune(text[i:])
			i += size
			sc = scriptOf(r)
		}
		if sc == none {
			stray++
			continue
		}
		counts[sc]++
		seen++
	}
	found, heaviest, total := none, int32(0), int32(0)
	for sc := guru; sc < numScripts; sc++ {
		weight := counts[sc] * latinWeight
		if sc == latn {
			weight = counts[sc]
		}
		total += weight
		if weight > heaviest {
			heaviest, found = weight, sc
		}
	}
	c := census{found: found, letters: int(counts[found]), end: i}
	if total > 0 {
		c.share = float32(heaviest) / float32(total)
	}
	return c
}

// scriptOf returns the script of a character that is neither ASCII nor in an Indic
// block, or none if it is no letter.
func scriptOf(r rune) script {
	switch {
	case r >= 0x600 && r <= 0x77f && (r < 0x700 || r >= 0x750):
		if r < 0x620 || r == 0x640 || r >= 0x660 && r <= 0x66d || r == 0x6d4 || r >= 0x6d6 && r <= 0x6ed || r >= 0x6f0 && r <= 0x6f9 {
			return none
		}
		return arab
	case r >= 0x1c5a && r <= 0x1c7d:
		return olck
	case r >= 0xabc0 && r <= 0xabea, r >= 0xabec && r <= 0xabed, r >= 0xaae0 && r <= 0xaaf6 && r != 0xaaf0 && r != 0xaaf1:
		return mtei
	case r >= 0xc0 && r <= 0x2af && r != 0xd7 && r != 0xf7, r >= 0x1e00 && r <= 0x1eff:
		return latn
	case r >= 0x8a0 && r <= 0x8ff, r >= 0xfb50 && r <= 0xfdff, r >= 0xfe70 && r <= 0xfefc:
		return arab
	case r >= 0x370 && r <= 0x1fff, r >= 0x2c00 && r <= 0x2dff, r >= 0x3041 && r <= 0xd7ff, r >= 0xf900 && r <= 0xfaff, r >= 0xff21 && r <= 0xffdc:
		return foreign
	case r >= 0x10000 && r <= 0x1cfff, r >= 0x1e000 && r <= 0x1efff, r >= 0x20000 && r <= 0x3ffff:
		return foreign
	}
	return none
}
