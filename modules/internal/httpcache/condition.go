// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"net/http"
	"strings"
	"time"
)

// NotModified reports whether a GET or HEAD with the fields of h is answered 304
// from the stored answer (RFC 9110 section 13.2.2, RFC 9111 section 4.3.2).
// If-None-Match goes before If-Modified-Since; tags are compared weakly. Only a
// stored 200 is ever not modified. It does not allocate.
func (m *Meta) NotModified(h http.Header, now time.Time) bool {
	if m.Status != http.StatusOK {
		return false
	}
	if lines := h["If-None-Match"]; len(lines) > 0 {
		return matchesAny(lines, m.ETag)
	}
	lines := h["If-Modified-Since"]
	if len(lines) != 1 {
		return false
	}
	if m.LastModified != "" && lines[0] == m.LastModified {
		return true
	}
	since, ok := parseDate(trimSpace(lines[0]), now)
	if !ok {
		return false
	}
	if m.LastModified == "" {
		return m.Date <= since.Unix()
	}
	modified, ok := parseDate(m.LastModified, now)
	return ok && !modified.After(since)
}

// matchesAny reports whether tag is in the lists of lines, or they are an
// asterisk.
func matchesAny(lines []string, tag string) bool {
	opaque := opaqueTag(tag)
	for _, line := range lines {
		for rest := line; ; {
			rest = trimList(rest)
			if rest == "" {
				break
			}
			var member string
			member, rest = cutTag(rest)
			if member == "*" || tag != "" && opaqueTag(member) == opaque {
				return true
			}
		}
	}
	return false
}

// cutTag takes an entity tag off the front of text. Unlike in other quoted
// strings a backslash in it is a character like any other.
func cutTag(text string) (tag, rest string) {
	start := len(text) - len(opaqueTag(text))
	if start < len(text) && text[start] == '"' {
		if end := strings.IndexByte(text[start+1:], '"'); end >= 0 {
			end += start + 2
			return text[:end], text[end:]
		}
	}
	tag, rest, _ = strings.Cut(text, ",")
	return trimRight(tag), rest
}

// opaqueTag is the tag without the mark of weakness.
func opaqueTag(tag string) string { return strings.TrimPrefix(tag, "W/") }

// strong reports whether tag is one that promises equality byte for byte.
func strong(tag string) bool {
	return len(tag) >= 2 && tag[0] == '"' && tag[len(tag)-1] == '"'
}
