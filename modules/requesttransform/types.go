// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package requesttransform

import (
	"mime"
	"strings"
	"unicode"

	"github.com/caddy-gateway/tollgate/modules/internal/reshape"
)

// ambiguous says that the values of Content-Type are several that differ, of which one is
// of a body that is edited: the upstream may take another than the first. So it may where
// the body is said to be in a charset in which names that are edited have other bytes.
func (h *Handler) ambiguous(values []string) bool {
	if len(values) == 0 || len(values) == 1 && !strings.Contains(values[0], ",") {
		return len(values) == 1 && h.touches(reshape.MediaOf(values[0], h.ContentTypes)) && h.isForeign(values[0])
	}
	several, edited := false, false
	for _, value := range values {
		for rest, more := value, true; more; {
			var one string
			one, rest, more = cutType(rest)
			several = several || one != values[0]
			if h.touches(reshape.MediaOf(one, h.ContentTypes)) {
				edited = true
				several = several || h.isForeign(one)
			}
		}
	}
	return several && edited
}

// touches says that bodies of a kind are edited or, of forms, moved to the query.
func (h *Handler) touches(m reshape.Media) bool {
	switch m {
	case reshape.Other, reshape.Events:
		return false
	case reshape.Form:
		return h.FormToQuery || h.plan.EditsBody()
	default:
		return h.plan.EditsBody()
	}
}

// isForeign says that a media type names a charset other than UTF-8 in which names that
// are edited have other bytes, or one that cannot be read. Bodies are read as UTF-8 (RFC
// 8259, section 8.1), but there are servers that decode what a client says: in UTF-7 a
// name can be written in ASCII that nobody takes for it here, and in ISO-8859-1 one beyond
// ASCII in other bytes than here. For ASCII many take windows-1252.
func (h *Handler) isForeign(contentType string) bool {
	_, parameters, ok := strings.Cut(contentType, ";")
	if !ok || !strings.Contains(strings.ToLower(parameters), "charset") {
		return false
	}
	_, read, err := mime.ParseMediaType(contentType)
	if err != nil {
		return true
	}
	switch strings.ToLower(read["charset"]) {
	case "utf-8", "utf8":
		return false
	case "us-ascii", "ascii", "iso-8859-1", "latin1", "windows-1252":
		return !h.ascii
	}
	return true
}

// namesAreASCII says that no edit of a body has a name beyond ASCII, whatever comes:
// placeholders may come to one.
func namesAreASCII(edits []reshape.Edit) bool {
	for i := range edits {
		e := &edits[i]
		if e.In == reshape.Body && strings.ContainsFunc(e.Name+e.To, func(c rune) bool { return c > unicode.MaxASCII || c == '{' }) {
			return false
		}
	}
	return true
}

// cutType cuts a list at the first comma that is in no quoted string.
func cutType(list string) (before, after string, found bool) {
	quoted := false
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			return list[:i], list[i+1:], true
		}
	}
	return list, "", false
}
