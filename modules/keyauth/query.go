// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package keyauth

import (
	"net/url"
	"strings"
)

// The functions here read a query, or a form body, which has the same syntax
// (the application/x-www-form-urlencoded parser of the WHATWG URL standard),
// as a sequence of pairs between ampersands. Pairs that stay keep their place
// and, unless asked for, their spelling. A name counts as what it decodes to.

// queryValue returns the first value of the parameter called name and how
// often the parameter occurs.
func queryValue(raw, name string) (value string, n int) {
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if got, v, ok := decodePair(pair); ok && got == name {
			if n == 0 {
				value = v
			}
			n++
		}
	}
	return value, n
}

// queryHas says that drop is true of some parameter.
func queryHas(raw string, drop func(name, value string) bool) bool {
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if name, value, ok := decodePair(pair); ok && drop(name, value) {
			return true
		}
	}
	return false
}

// withoutParams returns raw without the parameters of which drop is true.
// Recode spells the others in one canonical way, as Kong does.
func withoutParams(raw string, drop func(name, value string) bool, recode bool) string {
	var kept strings.Builder
	kept.Grow(len(raw))
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		name, value, ok := decodePair(pair)
		if ok && drop(name, value) {
			continue
		}
		if kept.Len() > 0 {
			kept.WriteByte('&')
		}
		if ok && recode {
			pair = encodePair(pair, name, value)
		}
		kept.WriteString(pair)
	}
	return kept.String()
}

// withoutURIParams is withoutParams for a whole request target.
func withoutURIParams(uri string, drop func(name, value string) bool, recode bool) string {
	path, raw, ok := strings.Cut(uri, "?")
	if !ok {
		return uri
	}
	if raw = withoutParams(raw, drop, recode); raw == "" {
		return path
	}
	return path + "?" + raw
}

// decodePair splits and decodes "name=value". It is not ok for a name that
// cannot be decoded; a value that cannot be stays as it is, so that it counts
// as present.
func decodePair(pair string) (name, value string, ok bool) {
	name, value, _ = strings.Cut(pair, "=")
	name, err := decode(name)
	if err != nil {
		return "", "", false
	}
	if v, err := decode(value); err == nil {
		value = v
	}
	return name, value, true
}

func decode(s string) (string, error) {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s, nil
	}
	return url.QueryUnescape(s)
}

func encodePair(pair, name, value string) string {
	encoded := encode(name)
	if strings.IndexByte(pair, '=') >= 0 {
		encoded += "=" + encode(value)
	}
	return encoded
}

func encode(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
