// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package apierror

import (
	"slices"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// appendOptional appends `,"name":"value"` unless value is empty. The name must
// need no escaping.
func appendOptional(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(dst, `,"`...)
	dst = append(dst, name...)
	dst = append(dst, `":`...)
	return appendString(dst, value)
}

// appendString appends s as a JSON string (RFC 8259, section 7). Bytes that are
// not UTF-8 become U+FFFD. Beyond what JSON demands, the characters that could
// end a script element or a line of JavaScript are escaped, because parts of a
// message may come from the request and some client will show it in a page.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if plain(c) {
				i++
				continue
			}
			dst = append(dst, s[start:i]...)
			dst = appendEscape(dst, c)
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			dst = append(dst, s[start:i]...)
			dst = append(dst, "\ufffd"...)
		case r == '\u2028' || r == '\u2029':
			dst = append(dst, s[start:i]...)
			dst = append(dst, `\u202`...)
			dst = append(dst, hexDigits[r&15])
		default:
			i += size
			continue
		}
		i += size
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// plain reports whether an ASCII character stands for itself in our strings.
func plain(c byte) bool {
	return c >= ' ' && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&' && c != 0x7f
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	default:
		return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
	}
}

// upperSnake turns an escaped JSON string in place from snake_case or kebab-case
// to the UPPER_SNAKE_CASE that google.rpc.ErrorInfo wants. A string with an
// escape in it is no identifier and stays as it is.
func upperSnake(quoted []byte) {
	if slices.Contains(quoted, '\\') {
		return
	}
	for i, c := range quoted {
		switch {
		case 'a' <= c && c <= 'z':
			quoted[i] = c - 'a' + 'A'
		case c == '-':
			quoted[i] = '_'
		}
	}
}
