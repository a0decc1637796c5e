// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jsonpeek

import "bytes"

// IsNull reports whether the value is null or absent.
func IsNull(raw []byte) bool {
	return len(raw) == 0 || string(raw) == "null"
}

// String returns the text of a string value, with its escapes resolved, and
// whether the value is a string.
func String(raw []byte) (string, bool) {
	if len(raw) < 2 || raw[0] != '"' || raw[len(raw)-1] != '"' {
		return "", false
	}
	raw = raw[1 : len(raw)-1]
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw), true
	}
	return string(appendUnescaped(make([]byte, 0, len(raw)), raw)), true
}

// Bool returns a boolean value and whether the value is one.
func Bool(raw []byte) (value, ok bool) {
	switch string(raw) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, false
}

// Int returns a whole number and whether the value is one that fits. A fraction
// of zeros is allowed ("12.0"), an exponent is not.
func Int(raw []byte) (int64, bool) {
	n := len(raw)
	if n == 0 || n > 18 || raw[0] == '0' && n > 1 {
		return uncommonInt(raw)
	}
	var v int64
	for _, c := range raw {
		if !isDigit(c) {
			return uncommonInt(raw)
		}
		v = v*10 + int64(c-'0')
	}
	return v, true
}

// uncommonInt is Int for numbers with a sign or a fraction and for what is none.
func uncommonInt(raw []byte) (int64, bool) {
	digits, negative := bytes.CutPrefix(raw, minus)
	if end, msg := skipNumber(digits, 0); msg != "" || end != len(digits) || digits[0] == '-' {
		return 0, false
	}
	whole, fraction, _ := bytes.Cut(digits, point)
	for _, c := range fraction {
		if c != '0' {
			return 0, false
		}
	}
	var v int64 // kept negative, whose range is the larger one
	for _, c := range whole {
		if c -= '0'; c > 9 || v < (minInt64+int64(c))/10 {
			return 0, false
		}
		v = v*10 - int64(c)
	}
	if negative {
		return v, true
	}
	return -v, v != minInt64
}

const minInt64 = -1 << 63

var (
	minus = []byte("-")
	point = []byte(".")
)

// Object calls fn for every member of an object value until fn returns false.
// The name is given with its escapes resolved, the only case in which it
// allocates, the value raw. It checks no more
// than it needs to find the members; what it cannot follow is a *SyntaxError.
func Object(raw []byte, fn func(name, value []byte) bool) error {
	i := skipSpace(raw, 0)
	if i == len(raw) || raw[i] != '{' {
		return &SyntaxError{i, "not an object"}
	}
	i = skipSpace(raw, i+1)
	if i < len(raw) && raw[i] == '}' {
		return nil
	}
	for {
		start := i
		if i == len(raw) || raw[i] != '"' {
			return &SyntaxError{i, "expected member name"}
		}
		if i = skipQuoted(raw, i+1); i == 0 {
			return &SyntaxError{start, "unexpected end of string"}
		}
		name := raw[start+1 : i-1]
		if bytes.IndexByte(name, '\\') >= 0 {
			name = appendUnescaped(nil, name)
		}
		if i = skipSpace(raw, i); i == len(raw) || raw[i] != ':' {
			return &SyntaxError{i, "expected colon"}
		}
		value := skipSpace(raw, i+1)
		if i = skipLoose(raw, value); i == 0 {
			return &SyntaxError{value, "invalid value"}
		}
		if !fn(name, raw[value:i:i]) {
			return nil
		}
		if i < len(raw) && raw[i] == ',' {
			i = skipSpace(raw, i+1)
			continue
		}
		more, next, msg := separator(raw, i, '}')
		if msg != "" {
			return &SyntaxError{next, msg}
		}
		if !more {
			return nil
		}
		i = next
	}
}

// Array calls fn for every element of an array value until fn returns false. It
// is as lenient as Object.
func Array(raw []byte, fn func(value []byte) bool) error {
	i := skipSpace(raw, 0)
	if i == len(raw) || raw[i] != '[' {
		return &SyntaxError{i, "not an array"}
	}
	i = skipSpace(raw, i+1)
	if i < len(raw) && raw[i] == ']' {
		return nil
	}
	for {
		start := i
		if i = skipLoose(raw, start); i == 0 {
			return &SyntaxError{start, "invalid value"}
		}
		if !fn(raw[start:i:i]) {
			return nil
		}
		more, next, msg := separator(raw, i, ']')
		if msg != "" {
			return &SyntaxError{next, msg}
		}
		if !more {
			return nil
		}
		i = next
	}
}

// separator reads what follows a member or an element: a comma, after which
// there is more, or the closing character.
func separator(raw []byte, i int, closing byte) (more bool, next int, msg string) {
	i = skipSpace(raw, i)
	switch {
	case i == len(raw):
		return false, i, "unexpected end"
	case raw[i] == ',':
		return true, skipSpace(raw, i+1), ""
	case raw[i] == closing:
		return false, i + 1, ""
	}
	return false, i, "expected comma or end"
}

// ends holds the bytes that end a number or literal.
var ends = [256]bool{
	' ': true, '\t': true, '\r': true, '\n': true, ',': true, ':': true, '"': true,
	'{': true, '}': true, '[': true, ']': true,
}
