// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package reshape

import (
	"net/http"
	"slices"
	"strings"
)

// Headers edits header fields. Those with several values are removed, renamed and
// replaced as a whole.
func (b *Bound) Headers(h http.Header) {
	for i := range b.headers {
		e := &b.headers[i]
		have, present := h[e.name]
		switch e.verb {
		case Remove:
			delete(h, e.name)
		case Rename:
			if present && e.name != e.to {
				h[e.to] = have
				delete(h, e.name)
			}
		case Replace, Set:
			switch {
			case !present && e.verb == Replace:
			case e.value == "":
				delete(h, e.name)
			default:
				h[e.name] = []string{e.value}
			}
		case Add:
			if !present && e.value != "" {
				h[e.name] = []string{e.value}
			}
		case Append:
			if e.value != "" {
				h[e.name] = append(slices.Clip(have), e.value)
			}
		}
	}
}

// validName says that a text is a token (RFC 9110, section 5.6.2).
func validName(name string) bool {
	for i := range len(name) {
		c := name[i]
		switch {
		case c|0x20 >= 'a' && c|0x20 <= 'z', c >= '0' && c <= '9':
		case !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)):
			return false
		}
	}
	return name != ""
}

// validValue says that a header field can hold a text: there is no control character in
// it but tabs, and neither space nor tab around it, which would be lost.
func validValue(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return strings.Trim(text, " \t") == text
}
