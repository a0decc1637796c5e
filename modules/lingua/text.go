// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package lingua

import (
	"unicode"
	"unicode/utf8"

	"github.com/caddy-gateway/tollgate/modules/languages"
)

// script is a writing system of lingua-go's languages.
type script uint8

const (
	none script = iota // characters that are no letters
	latn
	cyrl
	arab
	deva
	han // ideographs, of Chinese and Japanese
	kana
	hang
	armn
	beng
	geor
	grek
	gujr
	guru
	hebr
	taml
	telu
	thai
	unknown // letters of all other scripts
	numScripts
)

// tables say which letters belong to a script.
var tables = [numScripts][]*unicode.RangeTable{
	latn: {unicode.Latin}, cyrl: {unicode.Cyrillic}, arab: {unicode.Arabic}, deva: {unicode.Devanagari},
	han: {unicode.Han}, kana: {unicode.Hiragana, unicode.Katakana}, hang: {unicode.Hangul},
	armn: {unicode.Armenian}, beng: {unicode.Bengali}, geor: {unicode.Georgian}, grek: {unicode.Greek},
	gujr: {unicode.Gujarati}, guru: {unicode.Gurmukhi}, hebr: {unicode.Hebrew}, taml: {unicode.Tamil},
	telu: {unicode.Telugu}, thai: {unicode.Thai},
}

// String returns the code of ISO 15924: of Japanese and Korean that of their writing as a
// whole, as their languages are known by it.
func (s script) String() string {
	return [numScripts]string{
		"Zyyy", "Latn", "Cyrl", "Arab", "Deva", "Hani", "Jpan", "Kore", "Armn", "Beng", "Geor", "Grek",
		"Gujr", "Guru", "Hebr", "Taml", "Telu", "Thai", "Zzzz",
	}[s]
}

// scriptOfCode returns the script of a language that lingua-go knows.
func scriptOfCode(code languages.Code) script {
	if code.WrittenIn("Hans") {
		return han
	}
	for s := latn; s < unknown; s++ {
		if code.WrittenIn(s.String()) {
			return s
		}
	}
	return unknown
}

// covers reports whether letters in script o count as letters in s: Japanese is written
// with ideographs as well.
func (s script) covers(o script) bool { return s == o || s == kana && o == han }

// scriptOf returns the script of a character, which often is that of the one before.
// Marks are none: lingua-go does not look at them.
func scriptOf(r rune, before script) script {
	switch {
	case r|0x20 >= 'a' && r|0x20 <= 'z':
		return latn
	case r < utf8.RuneSelf || !unicode.IsLetter(r):
		return none
	case unicode.In(r, tables[before]...):
		return before
	}
	for s := latn; s < unknown; s++ {
		if unicode.In(r, tables[s]...) {
			return s
		}
	}
	return unknown
}

// maxBytes and maxCounted bound how much of a text is read in search of its script, and
// maxLetters how many letters of that are taken. From 120 letters on, lingua-go looks at
// fewer n-grams.
const (
	maxBytes   = 2048
	maxCounted = 256
	maxLetters = 119
)

// excerpt is what is looked at of a text.
type excerpt struct {
	script  script
	letters int
	// words are these letters, in their words.
	words string
}

// excerptOf takes the letters of the script that most letters are in from the beginning
// of a text. It accepts any bytes.
func excerptOf(text []byte) excerpt {
	text = text[:min(len(text), maxBytes)]
	var counts [numScripts]int
	last, counted := none, 0
	for rest := text; len(rest) > 0 && counted < maxCounted; {
		r, size := utf8.DecodeRune(rest)
		rest = rest[size:]
		if s := scriptOf(r, last); s != none {
			last = s
			counts[s]++
			counted++
		}
	}
	if counts[kana] > 0 {
		counts[kana] += counts[han]
	}
	var e excerpt
	for s, n := range counts {
		if n > counts[e.script] {
			e.script = script(s)
		}
	}
	if e.script == none || e.script == unknown {
		e.letters = counts[e.script]
		return e
	}
	words, pending := make([]byte, 0, min(len(text), maxLetters*utf8.UTFMax)), false
	for rest := text; len(rest) > 0 && e.letters < maxLetters; {
		r, size := utf8.DecodeRune(rest)
		if e.script.covers(scriptOf(r, e.script)) {
			if pending && e.letters > 0 {
				words = append(words, ' ')
			}
			words, pending = append(words, rest[:size]...), false
			e.letters++
		} else {
			pending = true
		}
		rest = rest[size:]
	}
	e.words = string(words)
	return e
}
