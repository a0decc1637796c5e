// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jsonedit

import (
	"bytes"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
)

// walker goes from member to member of an object. Unlike the functions of
// jsonpeek it knows where they are.
type walker struct {
	doc  []byte
	pos  int // where the next member begins, or the closing brace is
	err  error
	done bool

	start, colon, value, end int // of the current member: its name, what follows that, its value, what follows that
}

// open returns a walker for the object at i, which white space may precede.
func open(doc []byte, i int) (walker, error) {
	w := walker{doc: doc, pos: skipSpace(doc, i)}
	if w.pos == len(doc) || doc[w.pos] != '{' {
		return w, &jsonpeek.SyntaxError{Offset: w.pos, Msg: "not an object"}
	}
	w.pos++
	return w, nil
}

// next goes to the next member. It returns false after the last one and, with
// err set, where the document cannot be followed.
func (w *walker) next() bool {
	if w.done {
		return false
	}
	first := w.end == 0
	i := skipSpace(w.doc, w.pos)
	if first && w.at(i) == '}' {
		w.done = true
		return false
	}
	w.start = i
	if w.at(i) != '"' {
		return w.fail(i, "expected member name")
	}
	if i = stringEnd(w.doc, i); i == 0 {
		return w.fail(w.start, "unexpected end of string")
	}
	w.colon = i
	if i = skipSpace(w.doc, i); w.at(i) != ':' {
		return w.fail(i, "expected colon")
	}
	w.value = skipSpace(w.doc, i+1)
	if w.end = valueEnd(w.doc, w.value); w.end == 0 {
		return w.fail(w.value, "invalid value")
	}
	switch w.pos = skipSpace(w.doc, w.end); w.at(w.pos) {
	case ',':
		w.pos++
	case '}':
		w.done = true
	default:
		return w.fail(w.pos, "expected comma or closing brace")
	}
	return true
}

// name returns the name of the current member as it is written.
func (w *walker) name() []byte { return w.doc[w.start+1 : w.colon-1] }

// named reports whether the current member has the name, once its escapes are
// resolved.
func (w *walker) named(name string) bool {
	written := w.name()
	if string(written) == name {
		return true
	}
	if bytes.IndexByte(written, '\\') < 0 {
		return false
	}
	plain, _ := jsonpeek.String(w.doc[w.start:w.colon])
	return plain == name
}

// varies reports whether the name of the current member is the wanted one but for
// case. Within ASCII such names have the same length.
func (w *walker) varies(name string) bool {
	written := w.name()
	if isPlain(written) {
		return len(written) == len(name) && bytes.EqualFold(written, []byte(name))
	}
	plain, _ := jsonpeek.String(w.doc[w.start:w.colon])
	return strings.EqualFold(plain, name)
}

// after returns where the member after the current one begins, or zero.
func (w *walker) after() int {
	if w.done {
		return 0
	}
	return skipSpace(w.doc, w.pos)
}

// at returns the byte at i, or zero beyond the end.
func (w *walker) at(i int) byte {
	if i < len(w.doc) {
		return w.doc[i]
	}
	return 0
}

func (w *walker) fail(i int, msg string) bool {
	w.done, w.err = true, &jsonpeek.SyntaxError{Offset: i, Msg: msg}
	return false
}

// place is where a member is, or where it would be put.
type place struct {
	found      bool
	value, end int
	first      int  // after the opening brace
	empty      bool // the object has no members
}

// find looks for a member of the object at i. It sees all members, because a
// second one of the name would make it unclear which one counts.
func find(doc []byte, i int, name string) (place, error) {
	w, err := open(doc, i)
	if err != nil {
		return place{}, err
	}
	p := place{first: w.pos, empty: true}
	for w.next() {
		p.empty = false
		switch {
		case !w.varies(name):
		case p.found || !w.named(name):
			return place{}, &jsonpeek.DuplicateError{Name: name}
		default:
			p.found, p.value, p.end = true, w.value, w.end
		}
	}
	return p, w.err
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

// skipSpace returns the position of the next byte that is not white space.
func skipSpace(doc []byte, i int) int {
	for i < len(doc) && (doc[i] == ' ' || doc[i] == '\n' || doc[i] == '\r' || doc[i] == '\t') {
		i++
	}
	return i
}

// stringEnd returns the position after the string whose opening quote is at i, or
// zero.
func stringEnd(doc []byte, i int) int {
	for j := i + 1; j < len(doc); {
		k := bytes.IndexByte(doc[j:], '"')
		if k < 0 {
			return 0
		}
		j += k + 1
		n := 0
		for j-2-n > i && doc[j-2-n] == '\\' {
			n++
		}
		if n%2 == 0 {
			return j
		}
	}
	return 0
}

// valueEnd returns the position after the value at i, or zero.
func valueEnd(doc []byte, i int) int {
	start, depth := i, 0
	for i < len(doc) {
		switch c := doc[i]; c {
		case '"':
			if i = stringEnd(doc, i); i == 0 {
				return 0
			}
			if depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
			if depth < 0 { // ends the object around a number or a word
				return ended(start, i)
			}
		case ',', ':', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return ended(start, i)
			}
		}
		i++
	}
	return 0
}

// ended returns where a number or a word ends, or zero if there is none.
func ended(start, end int) int {
	if start == end {
		return 0
	}
	return end
}
