// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package langroute

import (
	"fmt"

	"github.com/caddy-gateway/tollgate/modules/languages"
)

// Table holds what is written for each of some patterns. The zero value is empty. It is
// filled once and then safe for concurrent use.
type Table[T any] struct {
	entries map[Pattern]T
}

// Add adds an entry. A second one for the same pattern is an error.
func (t *Table[T]) Add(p Pattern, entry T) error {
	if _, twice := t.entries[p]; twice {
		return fmt.Errorf("%s is there twice", p)
	}
	if t.entries == nil {
		t.entries = make(map[Pattern]T)
	}
	t.entries[p] = entry
	return nil
}

// Len returns the number of entries.
func (t *Table[T]) Len() int { return len(t.entries) }

// Find returns the entry for a request in a language, which is to be translated into
// target unless that is empty. Of several the most specific one counts: that of the
// pair, that of the target from any language, that of the language, that of all. An
// entry for a language stands for each of its scripts that has none of its own.
func (t *Table[T]) Find(source, target languages.Code) (T, bool) {
	if target != "" {
		if e, ok := t.from(source, target); ok {
			return e, true
		}
		if wide := native(target); wide != target {
			if e, ok := t.from(source, wide); ok {
				return e, true
			}
		}
	}
	return t.from(source, "")
}

// from returns the entry for a language, or for all, into exactly one target or none.
func (t *Table[T]) from(source, target languages.Code) (T, bool) {
	if e, ok := t.entries[Pattern{source, target}]; ok {
		return e, true
	}
	if wide := native(source); wide != source {
		if e, ok := t.entries[Pattern{wide, target}]; ok {
			return e, true
		}
	}
	e, ok := t.entries[Pattern{"", target}]
	return e, ok
}

// native returns the code that covers c and names no script, or c.
func native(c languages.Code) languages.Code {
	if wide := c.Language(); wide.Covers(c) {
		return wide
	}
	return c
}
