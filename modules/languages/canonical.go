// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languages

import (
	_ "embed" // the names
	"strings"
	"sync"
)

// namesFile lists the languages that have a code of ISO 639-1, and others of South Asia.
//
//go:embed names.txt
var namesFile string

// language is a line of the list.
type language struct {
	code Code
	// script is the one that the code alone stands for, or "" if it is written in
	// several.
	script string
}

// languages are the lines by code and by name, in lower case, with "-" for spaces.
var languages = sync.OnceValue(func() map[string]language {
	byName := make(map[string]language, 700)
	for line := range strings.Lines(namesFile) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") {
			continue
		}
		head, rest, _ := strings.Cut(line, ";")
		codes, names, _ := strings.Cut(rest, ";")
		code, script, _ := strings.Cut(head, " ")
		l := language{code: Code(code), script: strings.TrimPrefix(script, "+")}
		byName[code] = l
		for name := range strings.SplitSeq(codes+","+names, ",") {
			if name != "" {
				byName[strings.ToLower(strings.ReplaceAll(name, " ", "-"))] = l
			}
		}
	}
	return byName
})

// scriptNames are the names of scripts that stand beside the English name of a language,
// as in "Kashmiri (Arabic)" and "romanised Hindi".
var scriptNames = []struct{ name, script string }{
	{"devanagari", "Deva"},
	{"perso-arabic", "Arab"},
	{"arabic", "Arab"},
	{"bengali", "Beng"},
	{"bangla", "Beng"},
	{"meetei-mayek", "Mtei"},
	{"meitei-mayek", "Mtei"},
	{"meitei", "Mtei"},
	{"ol-chiki", "Olck"},
	{"gurmukhi", "Guru"},
	{"shahmukhi", "Arab"},
	{"latin", "Latn"},
	{"roman", "Latn"},
	{"romanised", "Latn"},
	{"romanized", "Latn"},
}

// maxName bounds how long a name is read; longer ones are unknown.
const maxName = 48

// Canonical returns the code of a language, given in any of the forms that clients and
// models use, in upper or lower case: ISO 639-1, 639-2 and 639-3 ("hi", "hin"), with a
// region or script ("hi-IN", "hi_IN", "hi-Latn-IN"), as FLORES and AI4Bharat name their
// classes ("hin_Deva", "mni_Mtei", "npi", "ory"), and in English ("Hindi", "Kashmiri
// (Devanagari)", "romanised Hindi"). A script is kept unless the language has but one. It
// is false for other text: for "auto", "und" and "other" too.
func Canonical(name string) (Code, bool) {
	var buffer [maxName]byte
	normal, ok := normalise(buffer[:0], name)
	if !ok {
		return "", false
	}
	if l, ok := languages()[string(normal)]; ok {
		return l.code, true
	}
	if name = string(normal); name == "hinglish" {
		return "hi-Latn", true
	}
	for _, s := range scriptNames {
		rest, ok := strings.CutSuffix(name, "-"+s.name)
		if !ok {
			rest, ok = strings.CutPrefix(name, s.name+"-")
		}
		if ok {
			if l, ok := languages()[rest]; ok {
				return l.in(s.script), true
			}
		}
	}
	first, rest, _ := strings.Cut(name, "-")
	l, ok := languages()[first]
	if !ok || len(first) > 3 {
		return "", false
	}
	return l.tagged(rest)
}

// normalise appends a name in lower case, with one "-" for spaces, brackets, "-" and "_"
// between words. It is false if nothing is left, or more than fits.
func normalise(dst []byte, name string) ([]byte, bool) {
	pending := false
	for i := range len(name) {
		c := name[i]
		switch {
		case c == ' ' || c == '_' || c == '-' || c == '(' || c == ')':
			pending = len(dst) > 0
			continue
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		}
		if len(dst)+2 > cap(dst) {
			return nil, false
		}
		if pending {
			dst, pending = append(dst, '-'), false
		}
		dst = append(dst, c)
	}
	return dst, len(dst) > 0
}

// in returns the code of the language in a script.
func (l language) in(script string) Code {
	if script == l.script {
		return l.code
	}
	return l.code + Code("-"+script)
}

// tagged returns the code for a language tag's subtags after the language (RFC 5646): a
// script of four letters counts, a region of two letters or three digits does not, nor
// do the variants and extensions that follow.
func (l language) tagged(subtags string) (Code, bool) {
	script := ""
	for i := 0; subtags != ""; i++ {
		var tag string
		tag, subtags, _ = strings.Cut(subtags, "-")
		switch {
		case !alphanumeric(tag):
			return "", false
		case len(tag) == 1:
			subtags = "" // an extension or private use: the rest is no language
		case i == 0 && len(tag) == 4 && tag[0] > '9':
			script = strings.ToUpper(tag[:1]) + tag[1:]
		case len(tag) > 8:
			return "", false
		}
	}
	if script == "" {
		return l.code, true
	}
	return l.in(script), true
}

// alphanumeric reports whether a subtag consists of letters and digits of ASCII.
func alphanumeric(tag string) bool {
	for i := range len(tag) {
		if c := tag[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return tag != ""
}
