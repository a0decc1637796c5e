// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jsonpeek

import "bytes"

// Scan validates a document that must be one JSON object (RFC 8259) and sets
// out[i] to the raw value of the i-th wanted name, or to nil where it is
// absent; the values are parts of doc. out must hold n.Len() elements.
//
// Beyond the grammar it refuses a byte order mark, invalid UTF-8, escapes of
// lone surrogates, nesting beyond MaxDepth and anything after the object, all
// with a *SyntaxError, and wanted names that appear twice or in a variant
// spelling, after resolving escapes, with a *DuplicateError. Members that are
// not wanted may repeat. It allocates nothing unless it fails or a member name
// contains escapes.
func Scan(doc []byte, n *Names, out [][]byte) error {
	clear(out)
	i := skipSpace(doc, 0)
	if i == len(doc) {
		return &SyntaxError{i, "empty document"}
	}
	if doc[i] != '{' {
		if bytes.HasPrefix(doc, bom) {
			return &SyntaxError{i, "byte order mark"}
		}
		return &SyntaxError{i, "top level is not an object"}
	}
	i = skipSpace(doc, i+1)
	if i < len(doc) && doc[i] == '}' {
		return scanEnd(doc, i+1)
	}
	for {
		start := i
		end, value, msg := memberStart(doc, i)
		if msg != "" {
			return &SyntaxError{value, msg}
		}
		index := -1
		if n.first[doc[start+1]] {
			var exact bool
			index, exact = n.find(doc[start+1 : end-1])
			if index >= 0 && (!exact || out[index] != nil) {
				return &DuplicateError{string(n.names[index])}
			}
		}
		if i, msg = skipValue(doc, value, 1); msg != "" {
			return &SyntaxError{i, msg}
		}
		if index >= 0 {
			out[index] = doc[value:i:i] //nolint:gosec // find returns positions in out
		}
		i = skipSpace(doc, i)
		if i == len(doc) {
			return &SyntaxError{i, "unexpected end"}
		}
		switch doc[i] {
		case ',':
			i = skipSpace(doc, i+1)
		case '}':
			return scanEnd(doc, i+1)
		default:
			return &SyntaxError{i, "expected comma or closing brace"}
		}
	}
}

// find returns the index of the wanted name that the raw member name means or is a
// variant of, or -1, and whether it is spelt as wanted.
func (n *Names) find(raw []byte) (index int, exact bool) {
	if n.odd {
		return n.findAny(raw)
	}
	for i, wanted := range n.names {
		if string(raw) == string(wanted) {
			return i, true
		}
	}
	if !plain(raw) {
		return n.findAny(raw)
	}
	for i, wanted := range n.names {
		// Within ASCII a variant has the same length.
		if len(wanted) == len(raw) && bytes.EqualFold(raw, wanted) {
			return i, false
		}
	}
	return -1, false
}

// findAny is find for names with escapes or beyond ASCII.
func (n *Names) findAny(raw []byte) (index int, exact bool) {
	var buf [64]byte
	name := raw
	if bytes.IndexByte(raw, '\\') >= 0 {
		name = appendUnescaped(buf[:0], raw)
	}
	index = -1
	for i, wanted := range n.names {
		if bytes.EqualFold(name, wanted) {
			if bytes.Equal(name, wanted) {
				return i, true
			}
			index = i
		}
	}
	return index, false
}

// plain reports whether a name is ASCII without escapes. Names are too short for
// anything but a loop to pay.
func plain(name []byte) bool {
	for _, c := range name {
		if c >= 0x80 || c == '\\' {
			return false
		}
	}
	return true
}

// scanEnd checks that only white space follows the document.
func scanEnd(doc []byte, i int) error {
	if i = skipSpace(doc, i); i < len(doc) {
		return &SyntaxError{i, "data after the document"}
	}
	return nil
}

// memberStart reads a member name and its colon. It returns the end of the
// quoted name and the position of the value, or a message and the position of
// the defect.
func memberStart(doc []byte, i int) (end, value int, msg string) {
	if i >= len(doc) {
		return 0, i, "unexpected end"
	}
	if doc[i] != '"' {
		return 0, i, "expected member name"
	}
	if end = shortEnd(doc, i+1); end == 0 {
		if end, msg = skipString(doc, i+1); msg != "" {
			return 0, end, msg
		}
	}
	if i = end; i >= len(doc) || doc[i] != ':' {
		if i = skipSpace(doc, end); i == len(doc) || doc[i] != ':' {
			return 0, i, "expected colon"
		}
	}
	if i++; i < len(doc) && doc[i] <= ' ' {
		i = skipSpace(doc, i)
	}
	return end, i, ""
}

// skipSpace returns the position of the next byte that is not white space.
func skipSpace(doc []byte, i int) int {
	for i < len(doc) && doc[i] <= ' ' && (doc[i] == ' ' || doc[i] == '\n' || doc[i] == '\r' || doc[i] == '\t') {
		i++
	}
	return i
}

var bom = []byte("\xEF\xBB\xBF")
