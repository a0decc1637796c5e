// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package reshape

import (
	"net/url"
	"slices"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
)

// Query edits the raw query of a URL. Parameters that are not edited keep their
// spelling and their place. It reports whether anything has changed. Of more than MaxNodes
// parameters it is ErrTooMany.
//
// Strict is for senders who may want it to be misread: a name of an edit that is one only
// where semicolons separate parameters, as some servers have it, is a
// *jsonpeek.DuplicateError.
func (b *Bound) Query(raw string, strict bool) (edited string, changed bool, err error) {
	if len(b.query) == 0 {
		return raw, false, nil
	}
	return editPairs(raw, b.query, strict)
}

// Form is Query for a body of application/x-www-form-urlencoded, and the edits of
// bodies.
func (b *Bound) Form(raw string, strict bool) (edited string, changed bool, err error) {
	edits := make([]pairEdit, len(b.body))
	for i := range b.body {
		edits[i] = b.body[i].pair
	}
	return editPairs(raw, edits, strict)
}

// FormQuery is a form as the query of a URL. A form may hold bytes that no URL does, such
// as spaces and line breaks, which would end the URL in the line that a request begins
// with; they are escaped, and so is a semicolon, which some parsers take for "&".
func FormQuery(form string) string {
	const hex = "0123456789ABCDEF"
	var b []byte
	from := 0
	for i := range len(form) {
		if c := form[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"#;<>\\^`{|}", c) >= 0 {
			b = append(append(b, form[from:i]...), '%', hex[c>>4], hex[c&15])
			from = i + 1
		}
	}
	if b == nil {
		return form
	}
	return string(append(b, form[from:]...))
}

// pair is a parameter as it is written, and the name that it is found by.
type pair struct {
	name  string
	named bool // the name can be read
	raw   string
}

func parsePairs(raw string) []pair {
	var pairs []pair
	for text := range strings.SplitSeq(raw, "&") {
		if text == "" {
			continue
		}
		name, _, _ := strings.Cut(text, "=")
		plain, err := url.QueryUnescape(name)
		pairs = append(pairs, pair{plain, err == nil, text})
	}
	return pairs
}

func newPair(name, value string) pair {
	return pair{name, true, url.QueryEscape(name) + "=" + url.QueryEscape(value)}
}

// hidden finds a name of an edit that some servers see and the pair does not have: one
// between semicolons.
func (p *pair) hidden(edits []pairEdit) error {
	if !strings.Contains(p.raw, ";") {
		return nil
	}
	for i, piece := range parsePairs(strings.ReplaceAll(p.raw, ";", "&")) {
		if i == 0 && piece.named && p.is(piece.name) {
			continue // what is left of it goes as well
		}
		for k := range edits {
			if e := &edits[k]; piece.is(e.name) || e.verb == Rename && piece.is(e.to) {
				return &jsonpeek.DuplicateError{Name: piece.name}
			}
		}
	}
	return nil
}

func editPairs(raw string, edits []pairEdit, strict bool) (string, bool, error) {
	if strings.Count(raw, "&") >= MaxNodes {
		return raw, false, ErrTooMany
	}
	pairs := parsePairs(raw)
	if strict && strings.Contains(raw, ";") {
		for i := range pairs {
			if err := pairs[i].hidden(edits); err != nil {
				return raw, false, err
			}
		}
	}
	changed := false
	for i := range edits {
		var did bool
		pairs, did = edits[i].apply(pairs)
		changed = changed || did
	}
	if !changed {
		return raw, false, nil
	}
	var b strings.Builder
	for i := range pairs {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(pairs[i].raw)
	}
	return b.String(), true, nil
}

// apply makes an edit. Of a parameter that is there several times, replace and set leave
// one, with the new value, in place of the first.
func (e *pairEdit) apply(pairs []pair) (edited []pair, changed bool) {
	found := slices.ContainsFunc(pairs, func(p pair) bool { return p.is(e.name) })
	without := func(name string) []pair {
		return slices.DeleteFunc(pairs, func(p pair) bool { return p.is(name) })
	}
	switch e.verb {
	case Remove:
		return without(e.name), found
	case Rename:
		if !found || e.name == e.to {
			return pairs, false
		}
		pairs = without(e.to)
		for i := range pairs {
			if pairs[i].is(e.name) {
				_, value, _ := strings.Cut(pairs[i].raw, "=")
				pairs[i] = pair{e.to, true, url.QueryEscape(e.to) + "=" + value}
			}
		}
		return pairs, true
	case Replace, Set:
		switch {
		case found && e.none:
			return without(e.name), true
		case found:
			at := slices.IndexFunc(pairs, func(p pair) bool { return p.is(e.name) })
			rest := slices.DeleteFunc(slices.Clone(pairs[at+1:]), func(p pair) bool { return p.is(e.name) })
			return append(append(pairs[:at:at], newPair(e.name, e.value)), rest...), true
		case e.verb == Replace || e.none:
			return pairs, false
		}
	case Add:
		if found || e.none {
			return pairs, false
		}
	case Append:
		if e.none {
			return pairs, false
		}
	}
	return append(pairs, newPair(e.name, e.value)), true
}

func (p pair) is(name string) bool { return p.named && p.name == name }
