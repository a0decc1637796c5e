// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachekey

import "math"

// tree is a document as a list of nodes in the order of the text: of an object, its
// node and then those of a name and a value for each member; of an array, its node
// and those of its elements.
type tree struct {
	doc   []byte
	nodes []node
	names []byte  // names that are written with escapes, resolved
	order []entry // members of the objects being hashed
}

// node is a value or a name.
type node struct {
	kind       kind
	escaped    bool  // a string with escapes; of a name, that it lies in names
	start, end int32 // of a scalar, where it lies without its quotes
	next       int32 // the node after this one and all within
}

type kind uint8

const (
	isObject kind = iota
	isArray
	isString
	isNumber
	isTrue
	isFalse
	isNull
)

// keepNodes and keepNames are the sizes from which on memory is given up.
const (
	keepNodes = 16 << 10
	keepNames = 64 << 10
)

// forget drops the document and what has grown large.
func (t *tree) forget() {
	t.doc = nil
	if cap(t.nodes) > keepNodes {
		t.nodes = nil
	}
	if cap(t.order) > keepNodes {
		t.order = nil
	}
	if cap(t.names) > keepNames {
		t.names = nil
	}
}

// read validates a document and lists its nodes.
func (t *tree) read(doc []byte) error {
	if len(doc) > math.MaxInt32 {
		return &Error{TooLarge, math.MaxInt32}
	}
	t.doc, t.nodes, t.names, t.order = doc, t.nodes[:0], t.names[:0], t.order[:0]
	i, err := t.value(skipSpace(doc, 0), 1)
	if err != nil {
		return err
	}
	if i = skipSpace(doc, i); i < len(doc) {
		return notJSON(i)
	}
	return nil
}

func notJSON(i int) error { return &Error{NotJSON, i} }

// value reads the value at i and returns the position after it.
func (t *tree) value(i, depth int) (int, error) {
	if i >= len(t.doc) {
		return 0, notJSON(i)
	}
	switch c := t.doc[i]; c {
	case '{', '[':
		if depth > MaxDepth {
			return 0, &Error{TooDeep, i}
		}
		at := len(t.nodes)
		var err error
		if c == '{' {
			t.nodes = append(t.nodes, node{kind: isObject})
			i, err = t.members(i+1, depth)
		} else {
			t.nodes = append(t.nodes, node{kind: isArray})
			i, err = t.elements(i+1, depth)
		}
		t.nodes[at].next = int32(len(t.nodes)) //nolint:gosec // fewer than bytes
		return i, err
	case '"':
		end, escaped := stringEnd(t.doc, i+1)
		if end < 0 {
			return 0, notJSON(i)
		}
		t.add(isString, escaped, i+1, end)
		return end + 1, nil
	case 't':
		return t.literal(isTrue, i, "true")
	case 'f':
		return t.literal(isFalse, i, "false")
	case 'n':
		return t.literal(isNull, i, "null")
	}
	end, ok := numberEnd(t.doc, i)
	if !ok {
		return 0, notJSON(i)
	}
	t.add(isNumber, false, i, end)
	return end, nil
}

func (t *tree) add(k kind, escaped bool, start, end int) {
	//nolint:gosec // within the document, whose size has been checked
	t.nodes = append(t.nodes, node{k, escaped, int32(start), int32(end), int32(len(t.nodes) + 1)})
}

func (t *tree) literal(k kind, i int, word string) (int, error) {
	end := i + len(word)
	if end > len(t.doc) || string(t.doc[i:end]) != word {
		return 0, notJSON(i)
	}
	t.add(k, false, i, end)
	return end, nil
}

// members reads what follows an opening brace.
func (t *tree) members(i, depth int) (int, error) {
	doc := t.doc
	if i = skipSpace(doc, i); i < len(doc) && doc[i] == '}' {
		return i + 1, nil
	}
	for {
		if i >= len(doc) || doc[i] != '"' {
			return 0, notJSON(i)
		}
		end, escaped := stringEnd(doc, i+1)
		if end < 0 {
			return 0, notJSON(i)
		}
		if escaped {
			from := len(t.names)
			t.names = appendText(t.names, doc[i+1:end])
			t.add(isString, true, from, len(t.names))
		} else {
			t.add(isString, false, i+1, end)
		}
		if i = skipSpace(doc, end+1); i >= len(doc) || doc[i] != ':' {
			return 0, notJSON(i)
		}
		var err error
		if i, err = t.value(skipSpace(doc, i+1), depth+1); err != nil {
			return 0, err
		}
		if i = skipSpace(doc, i); i >= len(doc) || doc[i] != ',' && doc[i] != '}' {
			return 0, notJSON(i)
		}
		if doc[i] == '}' {
			return i + 1, nil
		}
		i = skipSpace(doc, i+1)
	}
}

// elements reads what follows an opening bracket.
func (t *tree) elements(i, depth int) (int, error) {
	doc := t.doc
	if i = skipSpace(doc, i); i < len(doc) && doc[i] == ']' {
		return i + 1, nil
	}
	for {
		var err error
		if i, err = t.value(i, depth+1); err != nil {
			return 0, err
		}
		if i = skipSpace(doc, i); i >= len(doc) || doc[i] != ',' && doc[i] != ']' {
			return 0, notJSON(i)
		}
		if doc[i] == ']' {
			return i + 1, nil
		}
		i = skipSpace(doc, i+1)
	}
}

// skipSpace returns the position of the next byte that is not white space.
func skipSpace(doc []byte, i int) int {
	for i < len(doc) && doc[i] <= ' ' && (doc[i] == ' ' || doc[i] == '\n' || doc[i] == '\r' || doc[i] == '\t') {
		i++
	}
	return i
}
