// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtverify

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"
)

var (
	errJSON      = errors.New("is not valid JSON")
	errNoObject  = errors.New("is not a JSON object")
	errDuplicate = errors.New("has a member twice")
	errDepth     = errors.New("is nested too deeply")
)

// object decodes one JSON object as encoding/json does into any, with numbers as
// json.Number, and refuses members that occur twice, at any level: two parsers could take
// different ones (RFC 7515, section 4; RFC 8725, section 2.4).
func object(doc []byte) (map[string]any, error) {
	if !utf8.Valid(doc) || !shallow(doc) || !json.Valid(doc) {
		if !shallow(doc) {
			return nil, errDepth
		}
		return nil, errJSON
	}
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	v, err := value(dec)
	if err != nil {
		return nil, err
	}
	members, ok := v.(map[string]any)
	if !ok {
		return nil, errNoObject
	}
	return members, nil
}

// shallow bounds the nesting before a decoder that recurses sees the document. Brackets in
// strings do not count.
func shallow(doc []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(doc); i++ {
		switch c := doc[i]; {
		case quoted:
			if c == '\\' {
				i++
			}
			quoted = c != '"'
		case c == '"':
			quoted = true
		case c == '{' || c == '[':
			if depth++; depth > MaxDepth {
				return false
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return true
}

// value decodes the next value of a document that is valid.
func value(dec *json.Decoder) (any, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, errJSON
	}
	switch token {
	case json.Delim('{'):
		return members(dec)
	case json.Delim('['):
		list := []any{}
		for dec.More() {
			v, err := value(dec)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, closed(dec)
	}
	return token, nil
}

func members(dec *json.Decoder) (map[string]any, error) {
	m := make(map[string]any)
	for dec.More() {
		token, err := dec.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return nil, errJSON
		}
		if _, twice := m[name]; twice {
			return nil, errDuplicate
		}
		if m[name], err = value(dec); err != nil {
			return nil, err
		}
	}
	return m, closed(dec)
}

func closed(dec *json.Decoder) error {
	if _, err := dec.Token(); err != nil {
		return errJSON
	}
	return nil
}
