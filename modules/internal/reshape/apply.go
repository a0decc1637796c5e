// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package reshape

import (
	"bytes"
	"math"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
)

// Apply appends the edited document to dst and reports whether anything was edited; if
// not, dst stays as it is. An empty document counts as an object without members.
//
// An edit whose path leads nowhere does nothing. What puts something there makes the
// objects on the way that are missing or null; it makes no arrays, but adds an element
// behind the last one. Append to what is no array makes it the first element of one.
//
// Strict is for documents of senders who may want them to be misread: a name on the way
// of an edit that is there twice, or in a spelling that differs in case alone, is a
// *jsonpeek.DuplicateError. Otherwise edits take place wherever a name is exactly
// theirs, also behind a byte order mark and among lone surrogates, which parsers take or
// leave.
//
// A document that is not valid is a *jsonpeek.SyntaxError, and one in which edits reach
// too much is ErrTooMany.
func (d *Editor) Apply(dst, doc []byte, b *Bound, strict bool) (out []byte, edited bool, err error) {
	if len(b.body) == 0 {
		return dst, false, nil
	}
	if len(doc) > math.MaxInt32 {
		return dst, false, ErrTooMany
	}
	mark := 0
	if !strict && bytes.HasPrefix(doc, bom) {
		mark = len(bom)
	}
	body := bytes.Trim(doc[mark:], " \t\r\n")
	if len(body) == 0 && mark == 0 {
		doc = []byte("{}")
		body = doc
	}
	lone := false
	if err := jsonpeek.Check(body); err != nil {
		masked := []byte(nil)
		if !strict {
			masked = withoutLoneSurrogates(body)
		}
		if masked == nil || jsonpeek.Check(masked) != nil {
			return dst, false, err
		}
		lone = true
	}
	d.reset(body, b, strict)
	d.lone = lone
	defer d.forget()
	for i := range b.body {
		edited = d.apply(&b.body[i], 1, 0) || edited
		if d.err != nil {
			return dst, false, d.err
		}
	}
	if !edited {
		return dst, false, nil
	}
	before := mark + bytes.Index(doc[mark:], body[:1])
	dst = append(dst, doc[:before]...)
	dst = d.render(dst, 1)
	return append(dst, doc[before+len(body):]...), true, nil
}

// forget drops what refers to a document.
func (d *Editor) forget() {
	clear(d.nodes)
	if cap(d.nodes) > keptNodes {
		d.nodes = nil
	}
	d.bound = nil
}

// apply makes an edit in a value to which its path has come.
func (d *Editor) apply(e *bodyEdit, at int32, depth int) (changed bool) {
	if !d.open(at, depth) || d.err != nil {
		return false
	}
	if d.nodes[at].val[0] == '{' {
		changed = d.inObject(e, at, depth)
	} else {
		changed = d.inArray(e, at, depth)
	}
	if changed {
		d.nodes[at].edited = true
	}
	return changed
}

func (d *Editor) inObject(e *bodyEdit, at int32, depth int) (changed bool) {
	s := &e.path[depth]
	if s.each {
		return false
	}
	hits := 0
	end := d.nodes[at].last // what is added now is not looked at
	for k := d.nodes[at].first; k != 0; k = d.nodes[k].next {
		if n := &d.nodes[k]; !n.gone && n.run == 0 {
			exact, variant := compare(n.quotedName(), s.name)
			if exact {
				hits++
			}
			if d.strict && (variant || hits > 1) {
				d.err = &jsonpeek.DuplicateError{Name: s.name}
				return false
			}
			if exact {
				changed = d.visit(e, at, k, depth) || changed
			}
		}
		if d.err != nil || k == end {
			break
		}
	}
	if hits > 0 || e.none || !e.verb.creates() || d.err != nil {
		return changed
	}
	val, ok := e.built(depth + 1)
	if !s.creates() || !ok || !d.grow(val) {
		return changed
	}
	d.add(at, node{label: quoted(s.name), val: val})
	return true
}

func (d *Editor) inArray(e *bodyEdit, at int32, depth int) (changed bool) {
	s := &e.path[depth]
	if !s.each && s.index < 0 {
		return false
	}
	index := 0
	for k := d.nodes[at].first; k != 0 && d.err == nil; k = d.nodes[k].next {
		n := &d.nodes[k]
		switch {
		case n.gone:
			continue
		case n.run > 0:
			index += int(n.run)
			continue
		case s.each:
			changed = d.visit(e, at, k, depth) || changed
		case s.index == index:
			return d.visit(e, at, k, depth)
		}
		index++
	}
	last := depth == len(e.path)-1
	if s.index == index && last && !e.none && (e.verb == Set || e.verb == Add) && d.grow(e.json) {
		d.add(at, node{val: e.json})
		return true
	}
	return changed
}

// visit makes an edit of a member or element, or goes on into it.
func (d *Editor) visit(e *bodyEdit, parent, k int32, depth int) bool {
	n := &d.nodes[k]
	if depth < len(e.path)-1 {
		if n.isMember() && string(n.val) == "null" && e.verb.creates() && !e.none {
			val, ok := e.built(depth + 1)
			if ok = ok && d.grow(val); ok {
				n.give(val)
			}
			return ok
		}
		return d.apply(e, k, depth+1)
	}
	switch e.verb {
	case Remove:
		n.gone = true
	case Rename:
		return d.rename(e, parent, k)
	case Replace, Set:
		if n.gone = e.none; !e.none {
			if !d.grow(e.json) {
				return false
			}
			n.give(e.json)
		}
	case Add:
		return false
	case Append:
		return d.append(e, k, depth)
	}
	return true
}

func (n *node) isMember() bool { return n.label != nil || n.name < n.nameEnd }

// rename gives a member another name and removes what has it.
func (d *Editor) rename(e *bodyEdit, parent, k int32) bool {
	if !d.nodes[k].isMember() || e.to == e.path[len(e.path)-1].name {
		return false
	}
	hits := 0
	for o := d.nodes[parent].first; o != 0; o = d.nodes[o].next {
		if n := &d.nodes[o]; o != k && !n.gone && n.run == 0 {
			exact, variant := compare(n.quotedName(), e.to)
			if exact {
				hits++
				n.gone = true
			}
			if d.strict && (variant || hits > 1) {
				d.err = &jsonpeek.DuplicateError{Name: e.to}
				return false
			}
		}
	}
	d.nodes[k].label = e.label
	return true
}

// append puts a value behind those of an array, or makes an array of another value and
// it.
func (d *Editor) append(e *bodyEdit, k int32, depth int) bool {
	if e.none || !d.grow(e.json) {
		return false
	}
	n := &d.nodes[k]
	switch {
	case n.val[0] == '[':
		d.open(k, depth+1)
		d.add(k, node{val: e.json})
		d.nodes[k].edited = true
	case string(n.val) == "null":
		n.give(arrayOf(nil, e.json))
	default:
		n.give(arrayOf(d.render(nil, k), e.json))
	}
	return true
}

// arrayOf returns an array of one value or two.
func arrayOf(first, second []byte) []byte {
	out := append(make([]byte, 0, len(first)+len(second)+3), '[')
	if first != nil {
		out = append(append(out, first...), ',')
	}
	return append(append(out, second...), ']')
}

// built returns the value of the edit in an object for every further name of its path.
func (e *bodyEdit) built(depth int) (val []byte, ok bool) {
	rest := e.path[depth:]
	for i := range rest {
		if !rest[i].creates() {
			return nil, false
		}
		val = append(append(append(val, '{'), quoted(rest[i].name)...), ':')
	}
	if e.verb == Append {
		val = append(val, arrayOf(nil, e.json)...)
	} else {
		val = append(val, e.json...)
	}
	return append(val, bytes.Repeat([]byte("}"), len(rest))...), true
}
