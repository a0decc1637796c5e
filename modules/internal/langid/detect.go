// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package langid

import (
	"github.com/caddy-gateway/tollgate/modules/internal/langid/ngram"
	"github.com/caddy-gateway/tollgate/modules/languages"
)

// Code is languages.Code, as the labels of this package are.
type Code = languages.Code

// Result is languages.Result.
type Result = languages.Result

// Other is languages.Other.
const Other = languages.Other

// What decides, as the source of a Result: the script alone, or the model of the
// languages that share it.
const (
	ByScript = "script"
	ByModel  = "model"
)

// maxBytes bounds how much of a text is read in search of letters.
const maxBytes = 2048

// clearShare is the share of letters in the script of the answer from which on letters
// in other scripts do not lessen the confidence. Texts quote names, mostly in Latin
// letters, which weigh less to begin with.
const clearShare = 0.75

// Identify identifies the language of a text. It reads a bounded prefix, so that its time
// is bounded too, accepts any bytes, and neither keeps nor alters them.
func (s *Set) Identify(text []byte) Result {
	c := gate(text[:min(len(text), maxBytes)])
	r := Result{Script: c.found.String(), Letters: c.letters}
	if c.letters == 0 {
		return r
	}
	r.Language, r.Confidence, r.Source = Other, 1, ByScript
	if g, ok := c.found.group(); !ok {
		if s.scripts&(1<<c.found) != 0 {
			r.Language = scriptLabels[c.found]
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
		*r = Result{Script: r.Script} // marks that are no letters by themselves
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
			highest, r.Language = p[i], label
		}
	}
	r.Confidence, r.Source = highest, ByModel
	if outside > highest {
		r.Language, r.Confidence = Other, outside
	}
}
