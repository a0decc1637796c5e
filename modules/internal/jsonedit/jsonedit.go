// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package jsonedit changes single members of JSON objects and leaves every other
// byte as it is: the order of members, white space, numbers and escapes.
//
// It walks a document without validating more than it needs to find its way.
// What is to be forwarded after an edit should have been through jsonpeek.Scan.
package jsonedit

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
)

// Set returns a copy of an object in which the member at a path of names has the
// value, which must be valid JSON. A member that is not there is inserted before
// the others of the innermost object of the path that is; objects on the way to
// it are made where they are missing or null.
//
// It returns a *jsonpeek.DuplicateError if a name of the path is there twice or
// in a spelling that differs only in case, a *jsonpeek.SyntaxError if it cannot
// follow the document, and another error if a value on the way is neither an
// object nor null. The result is the only allocation.
func Set(doc []byte, path []string, value []byte) ([]byte, error) {
	if len(path) == 0 {
		return nil, errors.New("edit json: the path is empty")
	}
	from, to := 0, len(doc) // the value that the names so far lead to
	for depth, name := range path {
		m, err := find(doc, from, name)
		switch {
		case err != nil:
			return nil, err
		case !m.found:
			return splice(doc, m.first, m.first, path[depth:], value, !m.empty), nil
		}
		from, to = m.value, m.end
		if depth == len(path)-1 {
			break
		}
		if jsonpeek.IsNull(doc[from:to]) {
			return splice(doc, from, to, path[depth+1:], value, false), nil
		}
		if doc[from] != '{' {
			return nil, fmt.Errorf("edit json: member %q is not an object", name)
		}
	}
	return splice(doc, from, to, nil, value, false), nil
}

// splice puts in the place of doc[from:to]: nothing but the value if there are no
// names; a member, with a comma if others follow it, if the place is empty; and
// an object otherwise. The value of a member is an object for every further name.
func splice(doc []byte, from, to int, names []string, value []byte, others bool) []byte {
	size := len(doc) - (to - from) + len(value) + 1
	for _, name := range names {
		size += len(name) + len(`{"":}`)
	}
	out := make([]byte, 0, size)
	out = append(out, doc[:from]...)
	braces := len(names)
	for i, name := range names {
		if i == 0 && from == to {
			braces--
		} else {
			out = append(out, '{')
		}
		out = append(appendQuoted(out, name), ':')
	}
	out = append(out, value...)
	for range braces {
		out = append(out, '}')
	}
	if others {
		out = append(out, ',')
	}
	return append(out, doc[to:]...)
}

// appendQuoted appends a member name.
func appendQuoted(dst []byte, name string) []byte {
	for i := range len(name) {
		if c := name[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			quoted, _ := json.Marshal(name) // a string cannot fail
			return append(dst, quoted...)
		}
	}
	return append(append(append(dst, '"'), name...), '"')
}

// AppendWithout appends an object to dst without its members of one name, each
// with the comma that separated it from another. The object may stand between
// white space. It returns a *jsonpeek.SyntaxError, and dst as it was, if it
// cannot follow the document.
func AppendWithout(dst, doc []byte, name string) ([]byte, error) {
	was := len(dst)
	w, err := open(doc, 0)
	if err != nil {
		return dst, err
	}
	var (
		from    = 0  // what is not copied yet
		kept    = -1 // the end of the last member that stays
		keptLen = 0  // the length of dst up to there, once it is copied
	)
	for w.next() {
		if !w.named(name) {
			kept = w.end
			continue
		}
		switch after := w.after(); {
		case after > 0:
			if kept >= from {
				keptLen = len(dst) + kept - from
			}
			dst = append(dst, doc[from:w.start]...)
			from = after
		case kept >= from: // the last member goes with the comma before it
			dst = append(dst, doc[from:kept]...)
			from = w.end
		case kept >= 0: // so did those before it, with the comma after them
			dst = dst[:keptLen]
			from = w.end
		default:
			dst = append(dst, doc[from:w.start]...)
			from = w.end
		}
	}
	if w.err != nil {
		return dst[:was], w.err
	}
	return append(dst, doc[from:]...), nil
}

// Member returns where the value of the member begins and ends whose name begins
// at a position of an object, quotes included. It reads the object from there
// on: it returns false unless that is a member of the object itself, provided that
// the object is valid.
func Member(doc []byte, at int) (value, end int, ok bool) {
	w, ok := memberAt(doc, at)
	return w.value, w.end, ok
}

// AppendWithoutAt is AppendWithout for the one member whose name begins at a
// position, quotes included, of a valid object. It reads the object from there on
// only. It returns false, and dst as it was, where Member does.
func AppendWithoutAt(dst, doc []byte, at int) ([]byte, bool) {
	w, ok := memberAt(doc, at)
	if !ok {
		return dst, false
	}
	from, to := w.start, w.end
	if after := w.after(); after > 0 {
		to = after
	} else if i := spaceBefore(doc, from); i > 0 && doc[i-1] == ',' {
		from = spaceBefore(doc, i-1)
	}
	return append(append(dst, doc[:from]...), doc[to:]...), true
}

// memberAt returns a walker that stands at the member whose name begins at a
// position, if that is a member of the object itself.
func memberAt(doc []byte, at int) (walker, bool) {
	w := walker{doc: doc, pos: at}
	if w.at(at) != '"' || !w.next() {
		return w, false
	}
	last := w
	for last.next() {
	}
	return w, last.err == nil && skipSpace(doc, last.pos+1) == len(doc)
}

// spaceBefore returns the position after the last byte before i that is not white
// space.
func spaceBefore(doc []byte, i int) int {
	for i > 0 && (doc[i-1] == ' ' || doc[i-1] == '\n' || doc[i-1] == '\r' || doc[i-1] == '\t') {
		i--
	}
	return i
}
