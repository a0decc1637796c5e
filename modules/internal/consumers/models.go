// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package consumers

import "strings"

// modelList is a list of model patterns. Nil admits every model.
type modelList struct {
	patterns []string
}

func (l *modelList) list() []string {
	if l == nil {
		return nil
	}
	return l.patterns
}

func (l *modelList) admits(model string) bool {
	if l == nil {
		return true
	}
	for _, p := range l.patterns {
		if matches(p, model) {
			return true
		}
	}
	return false
}

// matches reports whether s is what pattern describes, in which each `*` stands
// for any run of characters, also none. Taking the leftmost occurrence of each
// part between two stars is always right, so nothing is tried twice: the model
// name comes from the client, and backtracking would let it choose the cost.
func matches(pattern, s string) bool {
	part, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == s
	}
	if !strings.HasPrefix(s, part) {
		return false
	}
	s = s[len(part):]
	for {
		part, rest, wild = strings.Cut(rest, "*")
		if !wild {
			return strings.HasSuffix(s, part)
		}
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
}
