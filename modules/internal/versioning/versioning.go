// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package versioning knows which version of an API a request asks for: names of
// versions and what looks like one, versions in paths and in media types, and what
// is said about versions that come to their end (RFC 9745, RFC 8594, RFC 5829).
package versioning

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Bounds of a set.
const (
	// MaxVersions is how many versions a set may have.
	MaxVersions = 64
	// MaxName is how long the name of a version may be, in bytes.
	MaxName = 32
)

// Set is the versions that an API has. It is immutable.
type Set struct {
	names  []string
	shapes []string       // without duplicates
	loose  map[string]int // by lower-case name, with and without a leading v
}

// New makes a set of the versions of those names, which begin with a letter or digit
// and go on with letters, digits, ".", "-" and "_".
func New(names []string) (*Set, error) {
	switch {
	case len(names) == 0:
		return nil, errors.New("no version is listed")
	case len(names) > MaxVersions:
		return nil, fmt.Errorf("%d versions are listed; there may be %d", len(names), MaxVersions)
	}
	s := &Set{names: slices.Clone(names), loose: make(map[string]int, 2*len(names))}
	for i, name := range names {
		if err := CheckName(name); err != nil {
			return nil, err
		}
		key := fold(name)
		if j, again := s.loose[key]; again {
			return nil, fmt.Errorf("versions %s and %s cannot be told apart; keep one of them", names[j], name)
		}
		s.loose[key] = i
		if shape := shapeOf(name); !slices.Contains(s.shapes, shape) {
			s.shapes = append(s.shapes, shape)
		}
	}
	return s, nil
}

// CheckName says what is wrong with the name of a version, if anything is.
func CheckName(name string) error {
	switch {
	case name == "":
		return errors.New("the name of a version is empty")
	case len(name) > MaxName:
		return fmt.Errorf("the name of a version is %d bytes long; it may be %d", len(name), MaxName)
	}
	for i := range len(name) {
		switch c := name[i]; {
		case isLetter(c), isDigit(c), i > 0 && (c == '.' || c == '-' || c == '_'):
		default:
			return fmt.Errorf("%q is no version; write letters and digits, such as v1, 1.2 or 2026-01-31", name)
		}
	}
	return nil
}

// Names returns the versions in their order, as words of a sentence: "v1, v2".
func (s *Set) Names() string { return strings.Join(s.names, ", ") }

// Name returns the name of a version.
func (s *Set) Name(i int) string { return s.names[i] }

// Len is how many versions there are.
func (s *Set) Len() int { return len(s.names) }

// Exact finds a version by its name as it is written.
func (s *Set) Exact(name string) (int, bool) {
	i := slices.Index(s.names, name)
	return i, i >= 0
}

// Find finds a version by what a client calls it: in upper or lower case, and with
// or without a leading "v", so that "2" is "v2".
func (s *Set) Find(said string) (int, bool) {
	if len(said) > MaxName+1 {
		return 0, false
	}
	if i, ok := s.Exact(said); ok {
		return i, true
	}
	i, ok := s.loose[fold(said)]
	return i, ok
}

// LooksLike says that text has the form of a version of the set, as "v9" does where
// there is a v1: digits stand where digits stand, however many, and letters are the
// same, in whatever case. Where a version is "v" and a number, "v1.5" looks like one
// as well.
func (s *Set) LooksLike(text string) bool {
	if text == "" || len(text) > MaxName {
		return false
	}
	if !strings.ContainsAny(text, "0123456789") {
		_, ok := s.loose[strings.ToLower(text)]
		return ok
	}
	shape := shapeOf(text)
	if slices.Contains(s.shapes, shape) {
		return true
	}
	return slices.Contains(s.shapes, "v0") && strings.ReplaceAll(shape, ".0", "") == "v0"
}

// shapeOf is a name in lower case with "0" for each run of digits.
func shapeOf(name string) string {
	shape := make([]byte, 0, MaxName)
	for i := range len(name) {
		c := name[i]
		switch {
		case isDigit(c):
			if len(shape) > 0 && shape[len(shape)-1] == '0' {
				continue
			}
			c = '0'
		case 'A' <= c && c <= 'Z':
			c |= 0x20
		}
		shape = append(shape, c)
	}
	return string(shape)
}

// fold is the form in which versions are compared: in lower case, without the "v" that
// stands before a digit.
func fold(name string) string {
	name = strings.ToLower(name)
	if len(name) > 1 && name[0] == 'v' && isDigit(name[1]) {
		return name[1:]
	}
	return name
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
