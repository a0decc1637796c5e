// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// RangeVerdict says what of a stored body to send.
type RangeVerdict uint8

const (
	// WholeBody: no range is asked for, or none that has to be followed.
	WholeBody RangeVerdict = iota
	// PartOfBody: 206 with the bytes of the span.
	PartOfBody
	// Unsatisfiable: 416 with the size of the body in Content-Range.
	Unsatisfiable
)

// Span is a part of a body.
type Span struct {
	Offset, Length int64
}

// Range says which part of a stored body of the given size a GET with the
// fields of h gets (RFC 9110 section 14). A single range is followed; for
// several, for other units and for what is malformed the whole body is the
// answer, as it is when If-Range names another representation. Only a stored
// 200 is served in parts. It does not allocate.
func (m *Meta) Range(h http.Header, size int64, now time.Time) (Span, RangeVerdict) {
	whole := Span{Length: size}
	lines := h["Range"]
	if len(lines) != 1 || m.Status != http.StatusOK {
		return whole, WholeBody
	}
	if conditions := h["If-Range"]; len(conditions) > 0 && !m.sameAs(conditions, now) {
		return whole, WholeBody
	}
	unit, set, found := strings.Cut(trimSpace(lines[0]), "=")
	if !found || !strings.EqualFold(unit, "bytes") || strings.Contains(set, ",") {
		return whole, WholeBody
	}
	firstText, lastText, found := strings.Cut(trimSpace(set), "-")
	if !found {
		return whole, WholeBody
	}
	if firstText == "" {
		suffix, ok := parsePosition(lastText)
		if !ok {
			return whole, WholeBody
		}
		suffix = min(suffix, size)
		return part(size-suffix, suffix, size)
	}
	first, ok := parsePosition(firstText)
	if !ok {
		return whole, WholeBody
	}
	last := int64(math.MaxInt64 - 1)
	if lastText != "" {
		if last, ok = parsePosition(lastText); !ok || last < first {
			return whole, WholeBody
		}
	}
	if first >= size {
		return Span{}, Unsatisfiable
	}
	last = min(last, size-1)
	return part(first, last-first+1, size)
}

func part(offset, length, size int64) (Span, RangeVerdict) {
	if length <= 0 || offset >= size {
		return Span{}, Unsatisfiable
	}
	return Span{Offset: offset, Length: length}, PartOfBody
}

// sameAs judges If-Range: a strong tag that is equal, or the very date of the
// last modification if that is old enough to be a strong validator (RFC 9110
// sections 13.1.5 and 8.8.2.2).
func (m *Meta) sameAs(conditions []string, now time.Time) bool {
	if len(conditions) != 1 {
		return false
	}
	condition := trimSpace(conditions[0])
	if strong(condition) {
		return condition == m.ETag
	}
	if condition != m.LastModified || condition == "" {
		return false
	}
	modified, ok := parseDate(m.LastModified, now)
	return ok && modified.Unix() < m.Date
}

// parsePosition reads a number of bytes; what is too large saturates.
func parsePosition(s string) (int64, bool) {
	if s == "" {
		return 0, false
	}
	var n int64
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		if n > (math.MaxInt64-10)/10 {
			n = math.MaxInt64 - 1
			continue
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// AppendContentRange appends the value of Content-Range for a verdict of Range
// other than WholeBody.
func (s Span) AppendContentRange(dst []byte, v RangeVerdict, size int64) []byte {
	dst = append(dst, "bytes "...)
	if v == PartOfBody {
		dst = strconv.AppendInt(dst, s.Offset, 10)
		dst = append(dst, '-')
		dst = strconv.AppendInt(dst, s.Offset+s.Length-1, 10)
	} else {
		dst = append(dst, '*')
	}
	dst = append(dst, '/')
	return strconv.AppendInt(dst, size, 10)
}
