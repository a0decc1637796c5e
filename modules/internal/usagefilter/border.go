// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package usagefilter

import "bytes"

// An empty line is the border between two events. It belongs to the first.

// lineEnd says how the bytes so far end.
type lineEnd uint8

const (
	withinLine  lineEnd = iota
	atLineStart         // after an LF, or at the beginning of an event
	afterCR             // as atLineStart, and a CR
)

// after returns how the bytes end once p has followed them.
func (e lineEnd) after(p []byte) lineEnd {
	n := len(p)
	switch {
	case n == 0:
		return e
	case p[n-1] == '\n':
		return atLineStart
	case p[n-1] != '\r':
		return withinLine
	case n == 1 && e == atLineStart || n > 1 && p[n-2] == '\n':
		return afterCR
	}
	return withinLine
}

// firstBorder returns the position after the first border in p, or zero. The
// bytes before p end as e says.
func firstBorder(p []byte, e lineEnd) int {
	if e == afterCR && len(p) > 0 && p[0] == '\n' {
		return 1
	}
	if e == atLineStart {
		if n := emptyLine(p); n > 0 {
			return n
		}
	}
	for i := 0; ; {
		k := bytes.IndexByte(p[i:], '\n')
		if k < 0 {
			return 0
		}
		i += k + 1
		if n := emptyLine(p[i:]); n > 0 {
			return i + n
		}
	}
}

// emptyLine returns the length of the empty line with which p begins, or zero.
func emptyLine(p []byte) int {
	switch {
	case len(p) > 0 && p[0] == '\n':
		return 1
	case len(p) > 1 && p[0] == '\r' && p[1] == '\n':
		return 2
	}
	return 0
}

// lastBorder returns the position after the last border in p, or zero. A line
// begins with p.
func lastBorder(p []byte) int {
	for end := len(p); ; {
		k := bytes.LastIndexByte(p[:end], '\n')
		switch {
		case k < 0:
			return 0
		case k == 0, p[k-1] == '\n', p[k-1] == '\r' && (k == 1 || p[k-2] == '\n'):
			return k + 1
		}
		end = k
	}
}

// endings says what the first line has told about how lines end.
type endings uint8

const (
	endingsUnknown endings = iota // it has not ended
	endingsPending                // in CR, and what follows is not known
	endingsLF                     // in LF or CRLF
	endingsCR                     // in CR alone
)

// observe returns what is known once p has followed.
func (e endings) observe(p []byte) endings {
	if e == endingsUnknown {
		i := bytes.IndexAny(p, "\r\n")
		if i < 0 {
			return endingsUnknown
		}
		if p[i] == '\n' {
			return endingsLF
		}
		e, p = endingsPending, p[i+1:]
	}
	if e == endingsPending && len(p) > 0 {
		if p[0] == '\n' {
			return endingsLF
		}
		return endingsCR
	}
	return e
}
