// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package reshape

import (
	"net/textproto"
	"slices"
	"strings"
)

// Bound is the edits of a plan for one request or answer, their placeholders replaced.
type Bound struct {
	headers []headerEdit
	query   []pairEdit
	body    []bodyEdit
	levels  []level
	deepest int // positions that edits of one level may shift

	// Unusable is how many edits are without a name or a value, because what a
	// placeholder has come to is none: a header field cannot hold it, it is too long,
	// or of another type. Replace and Set then leave nothing, rather than what they
	// were to replace; the others do nothing.
	Unusable int
}

type headerEdit struct {
	verb     Verb
	name, to string
	value    string // empty if there is none
}

type pairEdit struct {
	verb     Verb
	name, to string
	value    string
	none     bool // there is no value
}

type bodyEdit struct {
	verb  Verb
	path  []step
	to    string
	label []byte // to as a JSON string
	json  []byte
	none  bool // there is no value
	pair  pairEdit
}

// Bind replaces the placeholders of all edits. Expand returns what a text with
// placeholders comes to; it is called before anything is edited.
func (p *Plan) Bind(expand func(string) string) *Bound {
	if p.static != nil {
		return p.static
	}
	return p.bind(expand)
}

// bind returns nil if there is something to replace and nobody who can.
func (p *Plan) bind(expand func(string) string) *Bound {
	dynamic := false
	replaced := func(text string) string {
		if !strings.Contains(text, "{") {
			return text
		}
		if dynamic = true; expand == nil {
			return ""
		}
		return expand(text)
	}
	b := &Bound{
		headers: make([]headerEdit, 0, len(p.headers)),
		query:   make([]pairEdit, 0, len(p.query)),
		body:    make([]bodyEdit, 0, len(p.body)),
	}
	for i := range p.headers {
		b.bindHeader(&p.headers[i], p.options.Reserved, replaced)
	}
	for i := range p.query {
		r := &p.query[i]
		e := pairEdit{verb: r.verb, name: replaced(r.name), to: replaced(r.to), value: replaced(r.value)}
		e.none = r.verb.HasValue() && (e.value == "" || len(e.value) > MaxText)
		if b.usable(isName(e.name) && (r.verb != Rename || isName(e.to)), e.none) {
			b.query = append(b.query, e)
		}
	}
	for i := range p.body {
		b.bindBody(&p.body[i], replaced)
	}
	if dynamic && expand == nil {
		return nil
	}
	b.level()
	return b
}

// usable says that an edit can be made, and counts what is missing of one.
func (b *Bound) usable(named, none bool) bool {
	if !named || none {
		b.Unusable++
	}
	return named
}

func isName(s string) bool { return s != "" && len(s) <= MaxName }

func (b *Bound) bindHeader(r *headerRule, reserved func(string) string, expand func(string) string) {
	e := headerEdit{verb: r.verb, name: r.name, to: r.to}
	named := true
	if r.dynamic {
		e.name, named = dynamicName(r.name, reserved, expand)
		if r.verb == Rename && named {
			e.to, named = dynamicName(r.to, reserved, expand)
		}
	}
	none := false
	if r.verb.HasValue() {
		text := expand(r.value)
		if none = text == "" || len(text) > MaxText || !validValue(text); !none {
			e.value = text
		}
	}
	if b.usable(named, none) {
		b.headers = append(b.headers, e)
	}
}

// dynamicName returns the canonical name of a header field that may have come from
// placeholders.
func dynamicName(text string, reserved func(string) string, expand func(string) string) (string, bool) {
	name := expand(text)
	if !isName(name) || !validName(name) {
		return "", false
	}
	name = textproto.CanonicalMIMEHeaderKey(name)
	return name, reserved(name) == ""
}

func (b *Bound) bindBody(r *bodyRule, expand func(string) string) {
	path, named := bindPath(r.path, expand)
	e := bodyEdit{verb: r.verb, path: path}
	if named && r.verb == Rename {
		to, ok := bindPath([]step{r.to}, expand)
		if named = ok; ok {
			e.to = to[0].name
			e.label = quoted(e.to)
		}
	}
	var text string
	if r.verb.HasValue() {
		var ok bool
		e.json, text, ok = r.value.bind(expand)
		e.none = !ok
	}
	if !b.usable(named, e.none) {
		return
	}
	e.pair = pairEdit{verb: r.verb, name: field(path), to: e.to, value: text, none: e.none}
	b.body = append(b.body, e)
}

// level is what edits look for at one depth of a document.
type level struct {
	names   []string // of members
	foreign bool     // a name is not ASCII
	each    bool     // elements through which a path goes on
	ends    bool     // elements in which a path ends
	upTo    int      // positions before this one
}

// level notes, for each depth, what edits look for there.
func (b *Bound) level() {
	for i := range b.body {
		e := &b.body[i]
		for depth := range e.path {
			if depth == len(b.levels) {
				b.levels = append(b.levels, level{})
			}
			l, s := &b.levels[depth], &e.path[depth]
			last := depth == len(e.path)-1
			l.each = l.each || s.each && !last
			l.ends = l.ends || s.each && last
			if s.index >= 0 {
				l.upTo = max(l.upTo, s.index+1)
				b.deepest++
			}
			l.want(s.name)
			if last && e.verb == Rename {
				l.want(e.to)
			}
		}
	}
	for i := range b.levels {
		if b.levels[i].upTo > 0 {
			b.levels[i].upTo += b.deepest // what is removed has others move up
		}
	}
}

func (l *level) want(name string) {
	if !slices.Contains(l.names, name) {
		l.names = append(l.names, name)
		l.foreign = l.foreign || !isPlain([]byte(name))
	}
}

// EditsBody reports whether a body is edited.
func (b *Bound) EditsBody() bool { return len(b.body) > 0 }

// CreatesBody reports whether a body is edited by a verb that puts something where
// there is nothing.
func (b *Bound) CreatesBody() bool {
	return slices.ContainsFunc(b.body, func(e bodyEdit) bool { return e.verb.creates() && !e.none })
}
