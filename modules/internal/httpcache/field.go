// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"iter"
	"strings"
)

// listMembers yields the members of a comma-separated list outside quotes,
// without white space around them and without empty ones.
func listMembers(line string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for rest := line; rest != ""; {
			var member string
			member, rest, _ = cutMember(rest)
			if member = trimSpace(member); member != "" && !yield(member) {
				return
			}
		}
	}
}

// isToken reports whether s is a token of RFC 9110 section 5.6.2.
func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}

// single returns the value of a field that is allowed once. It is not ok where
// there are several lines that disagree.
func single(lines []string) (value string, present, ok bool) {
	if len(lines) == 0 {
		return "", false, true
	}
	for _, line := range lines[1:] {
		if line != lines[0] {
			return "", true, false
		}
	}
	return trimSpace(lines[0]), true, true
}
