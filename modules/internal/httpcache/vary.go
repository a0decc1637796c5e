// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"encoding/binary"
	"net/http"
	"slices"
	"strings"
)

// maxVary bounds how many fields an answer may vary on; more are treated like
// an asterisk.
const maxVary = 16

// VaryNames returns the canonical names of the request fields an answer varies
// on, sorted and each once. It is not ok if no later request can be said to
// match: the answer varies on everything or on too much, or the field is broken.
func VaryNames(h http.Header) (names []string, ok bool) {
	for _, line := range h["Vary"] {
		for member := range listMembers(line) {
			if member == "*" || !isToken(member) {
				return nil, false
			}
			names = append(names, http.CanonicalHeaderKey(member))
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return names, len(names) <= maxVary
}

// AppendVaryKey appends the values that a request has for the fields an answer
// varies on, so that two requests match (RFC 9111 section 4.1) exactly if what
// is appended is equal. Lines are joined and white space around commas is
// ignored; languages, codings and charsets are compared without regard to case.
// A field that is absent differs from one that is empty. It allocates nothing
// but room in dst. names are those of VaryNames.
func (p *Policy) AppendVaryKey(dst []byte, names []string, h http.Header) []byte {
	for _, name := range names {
		dst = appendSized(dst, func(dst []byte) []byte { return append(dst, name...) })
		lines, present := h[name]
		if !present || len(lines) == 0 {
			dst = append(dst, 0)
			continue
		}
		dst = append(dst, 1)
		dst = appendSized(dst, func(dst []byte) []byte { return p.appendSelecting(dst, name, lines) })
	}
	return dst
}

// appendSized puts the length of what add appends before it, so that no value
// can pass for the end of another.
func appendSized(dst []byte, add func([]byte) []byte) []byte {
	start := len(dst)
	dst = add(append(dst, 0, 0, 0, 0))
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	return dst
}

func (p *Policy) appendSelecting(dst []byte, name string, lines []string) []byte {
	switch name {
	case "Accept-Language":
		if p.o.IgnoreLanguageOrder {
			return appendSorted(dst, lines)
		}
		return appendJoined(dst, lines, true)
	case "Accept-Encoding", "Accept-Charset":
		return appendJoined(dst, lines, true)
	default:
		return appendJoined(dst, lines, false)
	}
}

func appendJoined(dst []byte, lines []string, fold bool) []byte {
	for i, line := range lines {
		if i > 0 {
			dst = append(dst, ',')
		}
		for more, rest := true, line; more; {
			member, after, _ := cutMember(rest)
			dst = appendMember(dst, trimSpace(member), fold)
			if more = len(member) < len(rest); more {
				dst = append(dst, ',')
			}
			rest = after
		}
	}
	return dst
}

func appendMember(dst []byte, member string, fold bool) []byte {
	if !fold {
		return append(dst, member...)
	}
	for i := 0; i < len(member); i++ {
		c := member[i]
		switch {
		case c == ' ' || c == '\t':
			continue
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// appendSorted appends the members in one order, whatever theirs is: the weight
// of a language is in the member, not in its place. Longer lists than anybody
// sends keep their order.
func appendSorted(dst []byte, lines []string) []byte {
	var room [maxVary]string
	members := room[:0]
	for _, line := range lines {
		for member := range listMembers(line) {
			if len(members) == cap(members) {
				return appendJoined(dst, lines, true)
			}
			members = append(members, member)
		}
	}
	slices.SortStableFunc(members, compareFolded)
	for i, member := range members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendMember(dst, member, true)
	}
	return dst
}

func compareFolded(a, b string) int {
	for i := 0; i < min(len(a), len(b)); i++ {
		if x, y := lower(a[i]), lower(b[i]); x != y {
			return int(x) - int(y)
		}
	}
	return strings.Compare(a[min(len(a), len(b)):], b[min(len(a), len(b)):])
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
