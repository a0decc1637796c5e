// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package lingua

import (
	"slices"
	"strings"
	"sync"

	"github.com/pemistahl/lingua-go"

	"github.com/caddy-gateway/tollgate/modules/languages"
)

// catalogue is what lingua-go knows, under the names that the gateway has for it.
type catalogue struct {
	codes     []languages.Code // sorted
	languages map[languages.Code]lingua.Language
}

// known returns the catalogue. All languages of lingua-go have a code of ISO 639-1.
var known = sync.OnceValue(func() *catalogue {
	c := &catalogue{languages: make(map[languages.Code]lingua.Language)}
	for _, language := range lingua.AllLanguages() {
		if code, ok := languages.Canonical(language.IsoCode639_1().String()); ok {
			c.codes = append(c.codes, code)
			c.languages[code] = language
		}
	}
	slices.Sort(c.codes)
	return c
})

// contrasts are, for a script that several languages of lingua-go share, those of which
// one is loaded where no other of that script is asked for: lingua-go gives everything in
// a script to its only language.
var contrasts = map[script][2]lingua.Language{
	latn: {lingua.English, lingua.French},
	cyrl: {lingua.Russian, lingua.Ukrainian},
	arab: {lingua.Arabic, lingua.Persian},
	deva: {lingua.Hindi, lingua.Marathi},
}

// fillers complete a choice to the two languages that lingua-go needs; their models are
// the smallest.
var fillers = [2]lingua.Language{lingua.Greek, lingua.Georgian}

// withContrasts returns languages with what they need beside them, sorted.
func withContrasts(chosen map[lingua.Language]languages.Code) []lingua.Language {
	perScript := make(map[script][]lingua.Language)
	var all []lingua.Language
	for language, code := range chosen {
		all = append(all, language)
		s := scriptOfCode(code)
		perScript[s] = append(perScript[s], language)
	}
	for s, pair := range contrasts {
		if of := perScript[s]; len(of) == 1 {
			all = append(all, other(pair, of[0]))
		}
	}
	if len(all) == 1 {
		all = append(all, other(fillers, all[0]))
	}
	slices.Sort(all)
	return all
}

// other returns the first of a pair that is not the language given.
func other(pair [2]lingua.Language, language lingua.Language) lingua.Language {
	if pair[0] == language {
		return pair[1]
	}
	return pair[0]
}

// key names a choice of languages and their accuracy.
func key(chosen []lingua.Language, lowAccuracy bool) string {
	var b strings.Builder
	for _, language := range chosen {
		b.WriteString(language.IsoCode639_1().String())
	}
	if lowAccuracy {
		b.WriteString("/low")
	}
	return b.String()
}
