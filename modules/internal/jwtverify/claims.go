// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtverify

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// maxSeconds is the end of the year 9999, beyond which no date is written.
const maxSeconds = 253402300799

// date reads a NumericDate (RFC 7519, section 2): seconds, perhaps with a fraction, which is
// cut off. An exponent is refused, because parsers differ on it.
func date(v any) (time.Time, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return time.Time{}, false
	}
	whole, fraction, _ := strings.Cut(n.String(), ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || seconds > maxSeconds || seconds < -maxSeconds || strings.ContainsAny(fraction, "eE") {
		return time.Time{}, false
	}
	return time.Unix(seconds, 0), true
}

// texts reads a string or a list of strings.
func texts(v any) ([]string, bool) {
	switch v := v.(type) {
	case string:
		return []string{v}, true
	case []any:
		list := make([]string, len(v))
		for i, e := range v {
			s, ok := e.(string)
			if !ok {
				return nil, false
			}
			list[i] = s
		}
		return list, true
	}
	return nil, false
}

// Expires is the claim exp, and whether there is one.
func (t *Token) Expires() (time.Time, bool) { return date(t.Claims["exp"]) }

// Scopes are what the token was issued for: the claim scope, a list with spaces (RFC 8693,
// section 4.2), or scp, as some issuers have it; both may be lists as well.
func (t *Token) Scopes() []string {
	for _, name := range [...]string{"scope", "scp"} {
		switch v := t.Claims[name].(type) {
		case string:
			return strings.Fields(v)
		case []any:
			if list, ok := texts(v); ok {
				return list
			}
		}
	}
	return nil
}

// Lookup returns a claim by its path, whose members are separated by dots. A claim whose own
// name holds dots is found as well, if it is of the first level.
func (t *Token) Lookup(path string) (any, bool) {
	if v, ok := t.Claims[path]; ok {
		return v, true
	}
	members := t.Claims
	for {
		name, rest, more := strings.Cut(path, ".")
		v, ok := members[name]
		if !ok || !more {
			return v, ok
		}
		if members, ok = v.(map[string]any); !ok {
			return nil, false
		}
		path = rest
	}
}

// scalar is the text of a string, number or boolean.
func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}
