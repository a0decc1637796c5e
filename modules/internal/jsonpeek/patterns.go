// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jsonpeek

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxMembers bounds the different names that patterns may want of one object, which
// are remembered in the bits of a word.
const maxMembers = 64

// Patterns is a set of places in a JSON document. It is immutable and safe for
// concurrent use.
type Patterns struct{ root place }

// place is where some patterns have come to: in a value, some of whose members or all
// of whose elements lead on.
type place struct {
	ends    []int    // the patterns that mean this value
	names   *Names   // the members that lead on, or nil
	members []*place // by their index in names
	strict  uint64   // the members, by their bit, that may not repeat
	element *place   // where the elements lead, or nil
}

// NewPatterns returns a set. A pattern is the names of the members that lead to a
// value, with dots between, "#" standing for every element of an array:
// "messages.#.content". A dot or a backslash in a name, and the number sign of a
// member that is called "#", have a backslash before them. The position of a pattern
// is the Pattern of its matches. The same pattern may be there several times, and one
// may be the beginning of another.
//
// It returns an error for a pattern that is empty, has an empty name, a backslash
// before anything else, more than MaxDepth steps or invalid UTF-8, and for one whose
// name differs only in case from that of another pattern for the same object.
func NewPatterns(paths ...string) (*Patterns, error) { return NewLenientPatterns(paths, nil) }

// NewLenientPatterns is NewPatterns for two kinds of patterns, the lenient ones counted
// behind the strict ones. Of a member that only lenient patterns go through the first
// one counts, and those in another spelling do not: they are no error. Lenient patterns
// may differ from each other in case.
func NewLenientPatterns(strict, lenient []string) (*Patterns, error) {
	p := &Patterns{}
	for i, path := range slices.Concat(strict, lenient) {
		if err := p.add(path, i, i < len(strict)); err != nil {
			return nil, fmt.Errorf("parse path %q: %w", path, err)
		}
	}
	return p, nil
}

// add makes the places to which a path leads.
func (p *Patterns) add(path string, index int, strict bool) error {
	if path == "" {
		return errors.New("it is empty")
	}
	if !utf8.ValidString(path) {
		return errors.New("it is not valid UTF-8")
	}
	at := &p.root
	for depth, more := 0, true; more; depth++ {
		if depth == MaxDepth {
			return fmt.Errorf("it has more than %d steps", MaxDepth)
		}
		var (
			name    string
			element bool
			err     error
		)
		if name, element, path, more, err = nextStep(path); err != nil {
			return err
		}
		if element {
			if at.element == nil {
				at.element = &place{}
			}
			at = at.element
		} else if at, err = at.member(name, strict); err != nil {
			return err
		}
	}
	at.ends = append(at.ends, index)
	return nil
}

// nextStep takes the first step off a path and reports whether there are more.
func nextStep(path string) (name string, element bool, rest string, more bool, err error) {
	var b strings.Builder
	i := 0
	for ; i < len(path) && path[i] != '.'; i++ {
		if path[i] == '\\' {
			if i++; i == len(path) || !strings.ContainsRune(`.\#`, rune(path[i])) {
				return "", false, "", false, errors.New(`a backslash stands before a dot, a backslash or a number sign only; write \\ for a backslash`)
			}
		}
		b.WriteByte(path[i])
	}
	if i == 0 {
		return "", false, "", false, errors.New(`a name is empty; write a\.b for a name with a dot in it`)
	}
	if more = i < len(path); more {
		rest = path[i+1:]
	}
	return b.String(), path[:i] == "#", rest, more, nil
}

// member returns where the member leads, which is made if it is new.
func (p *place) member(name string, strict bool) (*place, error) {
	if p.names == nil {
		p.names = NewNames()
	}
	wanted := []byte(name)
	for i, other := range p.names.names {
		if bytes.Equal(other, wanted) {
			return p.members[i], nil // strict patterns came first
		}
		if p.strict&(1<<i) != 0 && bytes.EqualFold(other, wanted) {
			return nil, fmt.Errorf("%q differs only in case from %q of another path", name, other)
		}
	}
	if len(p.members) == maxMembers {
		return nil, fmt.Errorf("more than %d members of one object are wanted", maxMembers)
	}
	if strict {
		p.strict |= 1 << len(p.members)
	}
	p.names.add(name)
	next := &place{}
	p.members = append(p.members, next)
	return next, nil
}
