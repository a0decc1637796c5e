// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jsonpeek

import (
	"bytes"
	"unicode/utf8"
)

// AppendString appends the text of a string value to dst, with its escapes resolved,
// and reports whether the value is a string; if not, dst stays as it is. It appends at
// most limit bytes and never a part of a character, so that the text may have been cut
// if more than limit-4 bytes were appended. The text of a value that Scan accepted is
// valid UTF-8. What is beyond the limit is not read.
func AppendString(dst, raw []byte, limit int) (out []byte, isString bool) {
	if len(raw) < 2 || raw[0] != '"' || raw[len(raw)-1] != '"' {
		return dst, false
	}
	raw = raw[1 : len(raw)-1]
	for len(raw) > 0 && limit > 0 {
		if raw[0] == '\\' {
			if len(raw) == 1 {
				break
			}
			was := len(dst)
			// Text that is not Latin may be escaped as a whole.
			r, next := unescape(raw, 1)
			dst = utf8.AppendRune(dst, r)
			if limit -= len(dst) - was; limit < 0 {
				dst = dst[:was]
			}
			raw = raw[next:]
			continue
		}
		run := raw
		if len(run) > limit {
			run = run[:limit+1] // the byte beyond tells whether a character ends before
		}
		if i := bytes.IndexByte(run, '\\'); i >= 0 {
			run = run[:i]
		}
		if len(run) > limit {
			return append(dst, run[:wholeRunes(run, limit)]...), true
		}
		dst, raw = append(dst, run...), raw[len(run):]
		limit -= len(run)
	}
	return dst, true
}

// wholeRunes returns the largest length up to n, at which p goes on, that cuts no
// character.
func wholeRunes(p []byte, n int) int {
	for i := n; i >= 0 && i > n-utf8.UTFMax; i-- {
		if utf8.RuneStart(p[i]) {
			return i
		}
	}
	return n // not UTF-8
}
