// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package langid

import "github.com/caddy-gateway/tollgate/modules/internal/langid/ngram"

// Other is the label of text in a language that is not in the set, or in none.
const Other Code = "other"

// How says what decided.
type How uint8

// What decides: nothing, as there are no letters; the script alone; the model of the
// languages that share the script.
const (
	HowNone How = iota
	HowScript
	HowModel
)

// String returns "none", "script" or "model".
func (h How) String() string {
	return [...]string{"none", "script", "model"}[h]
}

// Result is what Detect found.
type Result struct {
	// Label is the most probable language of the set, with its script where the language
	// is written in several, or Other.
	Label Code
	// Script is the ISO 15924 code of the script that most letters are in; "Zyyy" if
	// there are no letters, "Zzzz" if it is a script that is not distinguished.
	Script string
	// Confidence is the probability that Label is right, from 0 to 1, and 0 if there
	// are no letters.
	Confidence float32
	// Letters is how many letters of Script were looked at, at most 256.
	Letters int
	// Known is set if Label is a language of the set rather than Other.
	Known bool
	// How says what decided.
	How How
}

// maxBytes bounds how much of a text is read in search of letters.
const maxBytes = 2048

// clearShare is the share of letters in the script of the answer from which on letters
// in other scripts do not lessen the confidence. Texts quote names, mostly in Latin
// letters, which weigh less to begin with.
const clearShare = 0.75

// Detect identifies the language of a text. It reads a bounded prefix, so that its time
// is bounded too, accepts any bytes, and neither keeps nor alters them.
func (s *Set) Detect(text []byte) Result {
	c := gate(text[:min(len(text), maxBytes)])
	r := Result{Label: Other, Script: c.found.String(), Letters: c.letters}
	if c.letters == 0 {
		return r
	}
	r.How, r.Confidence = HowScript, 1
	if g, ok := c.found.group(); !ok {
		if s.scripts&(1<<c.found) != 0 {
			r.Label, r.Known = scriptLabels[c.found], true
		}
	} else if s.groups[g].any {
		s.model(&r, text[:c.end], g)
	}
	if c.share < clearShare {
		r.Confidence *= c.share / clearShare
	}
	return r
}

// model lets the model of a group decide.
func (s *Set) model(r *Result, text []byte, g ngram.Group) {
	var buffer [ngram.MaxIDs]byte
	ids := ngram.AppendIDs(buffer[:0], text, g)
	if len(ids) == 0 {
		*r = Result{Label: Other, Script: r.Script} // marks that are no letters by themselves
		return
	}
	m, chosen := &models[g], &s.groups[g]
	var p [maxLanes]float32
	m.probabilities(&p, &chosen.prior, ids)
	highest, outside := float32(-1), float32(0)
	for i, label := range m.labels {
		switch {
		case !chosen.lanes[i] || label == Other:
			outside += p[i]
		case p[i] > highest:
			highest, r.Label = p[i], label
		}
	}
	r.How, r.Confidence, r.Known = HowModel, highest, true
	if outside > highest {
		r.Label, r.Confidence, r.Known = Other, outside, false
	}
}
