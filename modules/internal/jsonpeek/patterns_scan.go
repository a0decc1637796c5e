// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jsonpeek

import "bytes"

// Match is a value that a pattern leads to.
type Match struct {
	Pattern int    // the index of the pattern
	Element int    // the index in the outermost array that the pattern goes through, or zero
	Value   []byte // as it stands in the document, of which it is a part
}

// Scan validates a document as the function Scan does, except that it may be an array
// as well as an object, and calls found for every value that a pattern leads to, of
// whatever type it is. A pattern that goes through a value of another type than it
// names leads to nothing.
//
// The order is that in which the values end: that of the document, with what is within
// a value before the value itself. Scan refuses what the function Scan refuses: bad
// syntax with a *SyntaxError, and members that lead on, of the objects that patterns go
// through, if they appear twice or in a variant spelling, with a *DuplicateError, unless
// only lenient patterns go there. The matches before an error have then been reported
// already. It allocates nothing unless it fails or a member name contains escapes.
func (p *Patterns) Scan(doc []byte, found func(Match)) error {
	i := skipSpace(doc, 0)
	switch {
	case i == len(doc):
		return &SyntaxError{i, "empty document"}
	case doc[i] == '{' || doc[i] == '[':
	case bytes.HasPrefix(doc, bom):
		return &SyntaxError{i, "byte order mark"}
	default:
		return &SyntaxError{i, "top level is neither an object nor an array"}
	}
	i, err := p.root.value(doc, i, 0, -1, found)
	if err != nil {
		return err
	}
	return scanEnd(doc, i)
}

// value reads the value at i, which is at this place, and returns the position after
// it. Depth counts the containers around it; element is the index in
// the outermost array that the patterns went through, or -1.
func (p *place) value(doc []byte, i, depth, element int, found func(Match)) (int, error) {
	var (
		start = i
		err   error
		msg   string
	)
	switch {
	case p.names != nil && i < len(doc) && doc[i] == '{':
		if depth == MaxDepth {
			return i, &SyntaxError{i, "nested too deep"}
		}
		i, err = p.object(doc, i+1, depth+1, element, found)
	case p.element != nil && i < len(doc) && doc[i] == '[':
		if depth == MaxDepth {
			return i, &SyntaxError{i, "nested too deep"}
		}
		i, err = p.element.array(doc, i+1, depth+1, element, found)
	default:
		if i, msg = skipValue(doc, i, depth); msg != "" {
			err = &SyntaxError{i, msg}
		}
	}
	if err != nil {
		return i, err
	}
	p.report(doc[start:i:i], element, found)
	return i, nil
}

// report calls found for the patterns that mean the value at this place.
func (p *place) report(value []byte, element int, found func(Match)) {
	for _, pattern := range p.ends {
		found(Match{pattern, max(element, 0), value})
	}
}

// nowhere is the place of values that no pattern leads to.
var nowhere place

// object reads the members of an object.
func (p *place) object(doc []byte, i, depth, element int, found func(Match)) (int, error) {
	i = skipSpace(doc, i)
	if i < len(doc) && doc[i] == '}' {
		return i + 1, nil
	}
	for seen := uint64(0); ; {
		start := i
		end, value, msg := memberStart(doc, i)
		if msg != "" {
			return value, &SyntaxError{value, msg}
		}
		next := &nowhere
		if p.names.first[doc[start+1]] {
			if index, exact := p.names.find(doc[start+1 : end-1]); index >= 0 {
				switch bit := uint64(1) << index; {
				case exact && seen&bit == 0:
					seen |= bit
					next = p.members[index]
				case p.strict&bit != 0:
					return start, &DuplicateError{string(p.names.names[index])}
				}
			}
		}
		i = 0
		if value < len(doc) && doc[value] == '"' {
			i = shortEnd(doc, value+1)
		}
		if i > 0 {
			next.report(doc[value:i:i], element, found)
		} else {
			var err error
			if i, err = next.value(doc, value, depth, element, found); err != nil {
				return i, err
			}
		}
		i = skipSpace(doc, i)
		if i == len(doc) {
			return i, &SyntaxError{i, "unexpected end"}
		}
		switch doc[i] {
		case ',':
			i = skipSpace(doc, i+1)
		case '}':
			return i + 1, nil
		default:
			return i, &SyntaxError{i, "expected comma or closing brace"}
		}
	}
}

// array reads the elements of an array, all of which are at this place.
func (p *place) array(doc []byte, i, depth, element int, found func(Match)) (int, error) {
	i = skipSpace(doc, i)
	if i < len(doc) && doc[i] == ']' {
		return i + 1, nil
	}
	for n := 0; ; n++ {
		outermost := element
		if outermost < 0 {
			outermost = n
		}
		var err error
		if i, err = p.value(doc, i, depth, outermost, found); err != nil {
			return i, err
		}
		i = skipSpace(doc, i)
		if i == len(doc) {
			return i, &SyntaxError{i, "unexpected end"}
		}
		switch doc[i] {
		case ',':
			i = skipSpace(doc, i+1)
		case ']':
			return i + 1, nil
		default:
			return i, &SyntaxError{i, "expected comma or closing bracket"}
		}
	}
}
