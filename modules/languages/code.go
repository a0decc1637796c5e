// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languages

import "strings"

// Code is the canonical code of a language in the manner of BCP 47: that of ISO 639-1
// where there is one, else of ISO 639-3, with an ISO 15924 script only where the language
// is written in several: "hi", "hi-Latn", "ks-Arab", "brx".
type Code string

// Language returns the code without its script.
func (c Code) Language() Code {
	language, _, _ := strings.Cut(string(c), "-")
	return Code(language)
}

// Script returns the script that the code names, or "".
func (c Code) Script() string {
	_, script, _ := strings.Cut(string(c), "-")
	return script
}

// Covers reports whether c stands for another code: for itself, and, if it names no
// script, for the same language in any of the scripts native to it. Romanised text is
// covered by its own code alone.
func (c Code) Covers(other Code) bool {
	return c == other || c.Script() == "" && c == other.Language() && other.Script() != "Latn"
}

// WrittenIn reports whether text in the language can be expected in a script, given as
// its ISO 15924 code. Codes of languages that Canonical does not know are in none.
func (c Code) WrittenIn(script string) bool {
	if own := c.Script(); own != "" {
		return own == script
	}
	l, ok := languages()[string(c)]
	return ok && (l.script == script || l.script == "" && script != "Latn")
}
