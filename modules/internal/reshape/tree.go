// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package reshape

import (
	"bytes"
	"errors"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
)

// MaxNodes is how many members and elements of one document edits may reach: an object
// of a few bytes takes a hundred times its size once it is looked into.
const MaxNodes = 1 << 15

// MaxGrowth is how many bytes edits put into one document, one body of lines, or what
// leaves of a stream at once: a value for each of many elements is many times its size.
const MaxGrowth = 16 << 20

// ErrTooMany says that edits reach more than MaxNodes members and elements, or put more
// than MaxGrowth bytes into them.
var ErrTooMany = errors.New("edit json: the document has too many members that are edited")

// node is a member or an element that edits may reach, or a run of others that none
// does. What stands in an object or array is a list of nodes in the order of the text.
//
// A member is src[lead:name] white space, src[name:nameEnd] its name, src[nameEnd:value]
// a colon, val, and src[end:trail] white space. Of an added one there is but label and
// val.
type node struct {
	src   []byte
	val   []byte // the value, or all of a run
	label []byte // the name in JSON, if it is not that of src

	lead, name, nameEnd, value, end, trail int32

	first, last, next int32 // the nodes in the value, and the one behind; 0 for none
	run               int32 // how many others it stands for, with the commas between; 0 for a node
	tail              int32 // where in val the white space before the closing bracket begins
	opened            bool  // what is in the value stands in nodes
	edited            bool  // something in the value is not as val has it
	gone              bool
}

// Editor edits JSON documents. The zero value is ready; it keeps its memory for the
// next document. It is not safe for concurrent use.
type Editor struct {
	nodes  []node
	bound  *Bound
	strict bool
	lone   bool // the document holds lone surrogates
	grown  int
	err    error
}

// keptNodes is how many nodes are kept for the next document.
const keptNodes = 256

// reset prepares for a document, whose root is the node 1. Node 0 is none.
func (d *Editor) reset(doc []byte, b *Bound, strict bool) {
	d.nodes = append(d.nodes[:0], node{}, node{val: doc})
	d.bound, d.strict, d.grown, d.err = b, strict, 0, nil
}

// grow counts what an edit puts into the document, and says whether it still may.
func (d *Editor) grow(val []byte) bool {
	if d.grown += len(val); d.grown > MaxGrowth {
		d.err = ErrTooMany
	}
	return d.err == nil
}

// add puts a node behind the others in a value.
func (d *Editor) add(parent int32, n node) {
	if len(d.nodes) > MaxNodes {
		d.err = ErrTooMany
		return
	}
	d.nodes = append(d.nodes, n)
	at := int32(len(d.nodes) - 1) //nolint:gosec // up to MaxNodes
	p := &d.nodes[parent]
	if p.last == 0 {
		p.first = at
	} else {
		d.nodes[p.last].next = at
	}
	p.last = at
}

// open makes nodes of what is in an object or array, as far as edits look for it at that
// depth. It reports whether the value is one.
func (d *Editor) open(at int32, depth int) bool {
	val := d.nodes[at].val
	if d.nodes[at].opened {
		return true
	}
	walked := val
	if d.lone {
		if masked := withoutLoneSurrogates(val); masked != nil {
			walked = masked
		}
	}
	w, ok := jsonpeek.Walk(walked, 0)
	if !ok {
		return false
	}
	p := &d.nodes[at]
	p.opened, p.first, p.last, p.tail = true, 0, 0, 1
	level := &level{} // of an array to which something is appended
	if depth < len(d.bound.levels) {
		level = &d.bound.levels[depth]
	}
	object := val[0] == '{'
	from, run, end, tail := 0, int32(0), 0, 1 // of what nobody looks for
	for index := 0; w.Next() && d.err == nil; index++ {
		last := val[w.After] != ','
		trail := w.After
		if last {
			trail = w.End // what follows stands before the bracket
		}
		tail = trail
		if object && !level.wants(val[w.Name:w.NameEnd]) || !object && !level.reaches(index, val[w.Value]) {
			if run == 0 {
				from = w.Start
			}
			run, end = run+1, trail
			continue
		}
		if run > 0 {
			d.add(at, node{val: val[from:end], run: run})
			run = 0
		}
		d.add(at, node{
			src: val, val: val[w.Value:w.End], lead: int32(w.Start), name: int32(w.Name), nameEnd: int32(w.NameEnd), //nolint:gosec // see Apply
			value: int32(w.Value), end: int32(w.End), trail: int32(trail), //nolint:gosec // likewise
		})
	}
	if run > 0 {
		d.add(at, node{val: val[from:end], run: run})
	}
	d.nodes[at].tail = int32(tail) //nolint:gosec // likewise
	return true
}

// wants says that edits look for a member, or for one that some parsers would take for
// it.
func (l *level) wants(quotedName []byte) bool {
	plain := !l.foreign && isPlain(quotedName)
	for _, name := range l.names {
		if plain && len(quotedName) != len(name)+2 {
			continue // within ASCII a variant has the same length
		}
		if exact, variant := compare(quotedName, name); exact || variant {
			return true
		}
	}
	return false
}

// reaches says that edits look into an element.
func (l *level) reaches(index int, first byte) bool {
	return l.ends || index < l.upTo || l.each && first|0x20 == '{'
}

// compare says that a name in JSON, with its quotes, is the wanted one, or that it is a
// variant of it: one that differs in case alone.
func compare(quotedName []byte, name string) (exact, variant bool) {
	raw := quotedName[1 : len(quotedName)-1]
	if string(raw) == name {
		return bytes.IndexByte(raw, '\\') < 0, false
	}
	if isPlain(raw) {
		return false, strings.EqualFold(string(raw), name)
	}
	plain, _ := jsonpeek.String(quotedName)
	return plain == name, plain != name && strings.EqualFold(plain, name)
}

// isPlain reports whether a name is ASCII without escapes.
func isPlain(name []byte) bool {
	for _, c := range name {
		if c >= 0x80 || c == '\\' {
			return false
		}
	}
	return true
}

// quotedName returns the name of a member in JSON.
func (n *node) quotedName() []byte {
	if n.label != nil {
		return n.label
	}
	return n.src[n.name:n.nameEnd]
}

// give gives a node another value.
func (n *node) give(val []byte) {
	n.val, n.opened, n.edited, n.first, n.last = val, false, false, 0, 0
}

// render appends the value of a node.
func (d *Editor) render(dst []byte, at int32) []byte {
	n := &d.nodes[at]
	if !n.opened || !n.edited {
		return append(dst, n.val...)
	}
	dst = append(dst, n.val[0])
	comma := false
	for k := n.first; k != 0; k = d.nodes[k].next {
		m := &d.nodes[k]
		if m.gone {
			continue
		}
		if comma {
			dst = append(dst, ',')
		}
		comma = true
		switch {
		case m.run > 0:
			dst = append(dst, m.val...)
			continue
		case m.src == nil:
			if m.label != nil {
				dst = append(append(dst, m.label...), ':')
			}
			dst = d.render(dst, k)
			continue
		}
		dst = append(dst, m.src[m.lead:m.name]...)
		if m.name < m.nameEnd {
			dst = append(dst, m.quotedName()...)
		}
		dst = append(dst, m.src[m.nameEnd:m.value]...)
		dst = d.render(dst, k)
		dst = append(dst, m.src[m.end:m.trail]...)
	}
	return append(dst, n.val[n.tail:]...)
}
