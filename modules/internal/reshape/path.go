// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package reshape

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// step is one name, position or "#" of a path.
type step struct {
	name    string // as a member is called; may hold placeholders if dynamic
	index   int    // of an element, or -1
	each    bool   // every element
	dynamic bool
}

// creates says that a member can be made for the step: a position is of an array that
// must be there.
func (s *step) creates() bool { return !s.each && s.index < 0 }

// parsePath reads a path.
func parsePath(text string) ([]step, error) {
	if text == "" {
		return nil, errors.New("the path is empty")
	}
	if !utf8.ValidString(text) {
		return nil, fmt.Errorf("path %q is not valid UTF-8", text)
	}
	var path []step
	for more := true; more; {
		var (
			s   step
			err error
		)
		if s, text, more, err = nextStep(text); err != nil {
			return nil, err
		}
		if path = append(path, s); len(path) > MaxSteps {
			return nil, fmt.Errorf("the path has more than %d steps", MaxSteps)
		}
	}
	return path, nil
}

// nextStep takes the first step off a path and reports whether there are more. Dots
// within the braces of a placeholder separate nothing.
func nextStep(text string) (s step, rest string, more bool, err error) {
	var name strings.Builder
	s.index = -1
	i, escaped, depth := 0, false, 0
	for ; i < len(text) && (text[i] != '.' || depth > 0); i++ {
		switch c := text[i]; {
		case c == '\\' && depth == 0:
			next := byte(0)
			if i+1 < len(text) {
				next = text[i+1]
			}
			digit := name.Len() == 0 && next >= '0' && next <= '9'
			if !digit && !strings.ContainsRune(`.\#`, rune(next)) {
				return s, "", false, errors.New(`a backslash stands before a dot, a backslash, a number sign or a leading digit only; write \\ for a backslash`)
			}
			i, escaped = i+1, true
		case c == '{':
			depth++
			s.dynamic = true
		case c == '}' && depth > 0:
			depth--
		}
		name.WriteByte(text[i])
	}
	if depth > 0 {
		return s, "", false, errors.New("a brace is not closed")
	}
	if s.name = name.String(); s.name == "" {
		return s, "", false, errors.New(`a name in the path is empty; write a\.b for a name with a dot in it`)
	}
	if !escaped {
		s.each = s.name == "#"
		if n, err := strconv.Atoi(s.name); err == nil && strconv.Itoa(n) == s.name && n >= 0 {
			if n > MaxIndex {
				return s, "", false, fmt.Errorf(`position %d is beyond %d; write \%d for a member of that name`, n, MaxIndex, n)
			}
			s.index = n
		}
	}
	if more = i < len(text); more {
		rest = text[i+1:]
	}
	return s, rest, more, nil
}

// plainName reads the new name of a member, which is a path of one step.
func plainName(text string) (step, error) {
	path, err := parsePath(text)
	switch {
	case err != nil:
		return step{}, err
	case len(path) > 1:
		return step{}, fmt.Errorf(`%q is a path, but a member stays in its object; write its new name alone, with \. for a dot in it`, text)
	case path[0].each:
		return step{}, errors.New(`# is no name; write \# for a member that is called so`)
	}
	return path[0], nil
}

// field is the name of a form's field for a path: its steps with dots between.
func field(path []step) string {
	names := make([]string, len(path))
	for i := range path {
		names[i] = path[i].name
	}
	return strings.Join(names, ".")
}

// bindPath returns a path with its placeholders replaced, each within its step.
func bindPath(path []step, expand func(string) string) (bound []step, ok bool) {
	bound = path
	for i := range path {
		if !path[i].dynamic {
			continue
		}
		if &bound[0] == &path[0] {
			bound = append([]step(nil), path...)
		}
		name := expand(path[i].name)
		if name == "" || len(name) > MaxName || !utf8.ValidString(name) {
			return nil, false
		}
		bound[i] = step{name: name, index: -1}
	}
	return bound, true
}
