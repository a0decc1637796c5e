// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package jsonpeek looks into JSON documents without decoding them.
//
// It has two faces, because a gateway reads JSON for two purposes. [Scan] is
// for request bodies, on which decisions are based: it validates the whole
// document and refuses whatever two parsers could read differently, so that
// the field that decides is the field the upstream sees. [Reader] is for
// response documents, which only have to be measured: it takes them in chunks
// cut anywhere, picks a few members and is lenient about everything else.
//
// The remaining functions read the raw values that either returns.
package jsonpeek

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxDepth is the deepest nesting that Scan accepts, the top-level object
// being depth one.
const MaxDepth = 64

// SyntaxError says why and where a document was refused. The message never
// quotes the document.
type SyntaxError struct {
	Offset int    // bytes before the offending one
	Msg    string // what is wrong, in lower case
}

// Error describes the defect and its place.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("parse json: %s at byte %d", e.Msg, e.Offset)
}

// DuplicateError says that a wanted member appears twice, or under a spelling
// that differs only in case or Unicode folding and that a lenient parser would
// therefore take for it.
type DuplicateError struct {
	Name string // the wanted name
}

// Error names the member.
func (e *DuplicateError) Error() string {
	return fmt.Sprintf("parse json: member %q is given more than once or in a variant spelling", e.Name)
}

// Names is the set of top-level members that a Scan looks for. It is immutable
// and safe for concurrent use.
type Names struct {
	names [][]byte
	first [256]bool // first bytes that a wanted name or a variant can have
	odd   bool      // a name is not ASCII or holds a backslash
}

// NewNames returns a set. The position of a name is the index of its value in
// the output of Scan.
func NewNames(names ...string) *Names {
	n := &Names{}
	for _, name := range names {
		n.add(name)
	}
	// Beyond ASCII and behind an escape anything may hide.
	n.first['\\'] = true
	for c := 0x80; c < 0x100; c++ {
		n.first[c] = true
	}
	return n
}

// add puts a name behind the others.
func (n *Names) add(name string) {
	n.names = append(n.names, []byte(name))
	n.odd = n.odd || strings.ContainsFunc(name, func(r rune) bool { return r > unicode.MaxASCII || r == '\\' })
	// A name beyond ASCII can have variants within it.
	for first, size := utf8.DecodeRuneInString(name); size > 0; {
		for r := unicode.SimpleFold(first); ; r = unicode.SimpleFold(r) {
			n.first[string(r)[0]] = true
			if r == first {
				return
			}
		}
	}
}

// Len returns the number of names.
func (n *Names) Len() int { return len(n.names) }
