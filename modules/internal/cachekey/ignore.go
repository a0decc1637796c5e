// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachekey

import "strings"

// Ignore is a set of members that do not belong to what a document asks for. It is
// immutable and safe for concurrent use; nil ignores nothing.
type Ignore struct {
	members []ignored
}

type ignored struct {
	name  string
	below *Ignore // what is ignored within, or nil for the whole
}

// NewIgnore returns the set of the members at the given paths. A path is the names
// of members from the top level down, joined by dots: "user",
// "stream_options.include_usage". Names are spelled without escapes and hold no
// dots; paths do not lead through arrays. An object of which all members are ignored
// is still there.
func NewIgnore(paths ...string) *Ignore {
	ig := &Ignore{}
	for _, path := range paths {
		ig.add(path)
	}
	return ig
}

func (ig *Ignore) add(path string) {
	name, rest, nested := strings.Cut(path, ".")
	for i := range ig.members {
		m := &ig.members[i]
		switch {
		case m.name != name:
			continue
		case !nested:
			m.below = nil
		case m.below != nil:
			m.below.add(rest)
		}
		return
	}
	m := ignored{name: name}
	if nested {
		m.below = &Ignore{}
		m.below.add(rest)
	}
	ig.members = append(ig.members, m)
}

// find returns what is ignored of a member: all of it, or something within.
func (ig *Ignore) find(name []byte) (whole bool, below *Ignore) {
	if ig == nil {
		return false, nil
	}
	for i := range ig.members {
		if m := &ig.members[i]; string(name) == m.name {
			return m.below == nil, m.below
		}
	}
	return false, nil
}
