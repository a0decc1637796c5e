// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"strings"
	"time"
)

// maxDelta is where delta-seconds saturate: the bound of RFC 9111 section
// 1.2.2, some 68 years.
const maxDelta = (1 << 31) * time.Second

// clamp puts d into what delta-seconds can say.
func clamp(d time.Duration) time.Duration {
	return min(max(d, 0), maxDelta)
}

// directive is one member of a Cache-Control field.
type directive struct {
	name     string // as written, without white space around it
	value    string // without the quotes around it
	hasValue bool
	spoilt   bool // white space or an unclosed quote in it: its number counts as broken
}

// scanner takes directives off one field line. It never fails: what is no
// directive comes out as one with a name nobody knows.
type scanner struct {
	rest string
}

func (s *scanner) next() (directive, bool) {
	for {
		s.rest = trimList(s.rest)
		if s.rest == "" {
			return directive{}, false
		}
		member, rest, unclosed := cutMember(s.rest)
		s.rest = rest
		d := parseMember(member)
		d.spoilt = d.spoilt || unclosed
		if d.name != "" {
			return d, true
		}
	}
}

// cutMember cuts text at the first comma outside quotes. A quote that is never
// closed is an ordinary character, lest it hide the no-store behind it.
func cutMember(text string) (member, rest string, unclosed bool) {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case ',':
			return text[:i], text[i+1:], unclosed
		case '"':
			end := quotedEnd(text[i:])
			if end == 0 {
				unclosed = true
				continue
			}
			i += end - 1
		}
	}
	return text, "", unclosed
}

// quotedEnd returns the length of the quoted string that text starts with, zero
// if it is not closed.
func quotedEnd(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

func parseMember(member string) directive {
	name, value, has := strings.Cut(member, "=")
	trimmed := trimSpace(name)
	d := directive{name: trimmed, hasValue: has}
	d.spoilt = has && (len(trimmed) == 0 || name[len(name)-1] != trimmed[len(trimmed)-1])
	if !has {
		return d
	}
	d.value = trimRight(value)
	if n := len(d.value); n >= 2 && d.value[0] == '"' && quotedEnd(d.value) == n {
		d.value = d.value[1 : n-1]
	}
	return d
}

// trimSpace and trimRight take off optional white space (RFC 9110 section
// 5.6.3); they are on the way of every hit, where strings.Trim is felt.
func trimSpace(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	return trimRight(s)
}

func trimRight(s string) string {
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// trimList takes off what may stand before a member of a list.
func trimList(s string) string {
	for s != "" && (s[0] == ',' || s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	return s
}

// is compares the name without regard to case.
func (d *directive) is(name string) bool {
	return len(d.name) == len(name) && strings.EqualFold(d.name, name)
}

// seconds reads the value as delta-seconds. Anything but digits is broken;
// what is too large saturates.
func (d *directive) seconds() (_ time.Duration, ok bool) {
	if d.spoilt {
		return 0, false
	}
	return parseSeconds(d.value)
}

func parseSeconds(s string) (_ time.Duration, ok bool) {
	if s == "" {
		return 0, false
	}
	var n int64
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		if n < int64(maxDelta/time.Second) {
			n = n*10 + int64(c-'0')
		}
	}
	return clamp(time.Duration(min(n, int64(maxDelta/time.Second))) * time.Second), true
}
