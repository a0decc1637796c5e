// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package reshape

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
)

// value is what a verb puts into a body: text for a form, JSON for a document.
type value struct {
	text    string
	json    []byte // of one without placeholders
	typ     Type   // of one with placeholders: String, Number, Boolean or JSON
	parts   []part // of an object or array with placeholders in its strings
	dynamic bool
}

// part is a piece of a JSON text: raw bytes, and behind them a string that holds
// placeholders, if there is one.
type part struct {
	raw  []byte
	text string // empty: none
}

// parseValue reads a value of a body.
func parseValue(text string, typ Type) (v value, err error) {
	v = value{text: text, typ: typ, dynamic: strings.Contains(text, "{")}
	if len(text) > MaxValue {
		return v, fmt.Errorf("the value is longer than %d bytes", MaxValue)
	}
	raw := []byte(strings.TrimSpace(text))
	literal := jsonpeek.Check(raw) == nil
	if literal && nesting(raw) > MaxSteps {
		return v, fmt.Errorf("the value is nested deeper than %d", MaxSteps)
	}
	switch typ {
	case Auto:
		if literal && raw[0] != '"' {
			return v.literal(raw), nil
		}
		v.typ = String
	case String:
	case Number, Boolean:
		if !v.dynamic && !isType(raw, typ) {
			return v, fmt.Errorf("%q is no %s", text, typ)
		}
		if !v.dynamic {
			v.json = raw
		}
		return v, nil
	case JSON:
		switch {
		case literal:
			return v.literal(raw), nil
		case !v.dynamic:
			return v, fmt.Errorf("%q is no JSON value; write a text as \"text\" with its quotes, or leave json out", text)
		case !standsAlone(text):
			return v, errors.New("a value of type json is JSON as it is written, with placeholders in its strings alone, or one placeholder and nothing else")
		}
		return v, nil
	default:
		return v, fmt.Errorf("type %q is none of: string, number, boolean, json", typ)
	}
	if !v.dynamic {
		v.json = quoted(text)
	}
	return v, nil
}

// literal makes the value a JSON text as it is written, but for placeholders in its
// strings.
func (v value) literal(raw []byte) value {
	raw = oneLine(raw)
	v.json, v.dynamic = raw, false
	from := 0
	for i := 0; i < len(raw); i++ {
		if raw[i] != '"' {
			continue
		}
		end := i + 1
		for raw[end] != '"' {
			if raw[end] == '\\' {
				end++
			}
			end++
		}
		end++
		text, _ := jsonpeek.String(raw[i:end])
		if after := bytes.TrimLeft(raw[end:], " \t\r\n"); strings.Contains(text, "{") && !bytes.HasPrefix(after, []byte(":")) {
			v.parts = append(v.parts, part{raw: raw[from:i], text: text})
			from = end
		}
		i = end - 1
	}
	if v.parts != nil {
		v.parts = append(v.parts, part{raw: raw[from:]})
		v.json, v.dynamic = nil, true
	}
	return v
}

// bind returns the JSON and the text that the value comes to. It is not ok if that is
// not of its type, or too long.
func (v *value) bind(expand func(string) string) (doc []byte, text string, ok bool) {
	switch {
	case !v.dynamic:
		return v.json, v.text, true
	case v.parts != nil:
		for _, p := range v.parts {
			doc = append(doc, p.raw...)
			if p.text != "" {
				doc = append(doc, quoted(expand(p.text))...)
			}
			if len(doc) > MaxValue {
				return nil, "", false
			}
		}
		return doc, string(doc), true
	}
	if text = expand(v.text); len(text) > MaxValue {
		return nil, "", false
	}
	if v.typ == String {
		return quoted(text), text, true
	}
	doc = []byte(strings.TrimSpace(text))
	if !isType(doc, v.typ) || nesting(doc) > MaxSteps {
		return nil, "", false
	}
	return oneLine(doc), text, true
}

// oneLine returns a valid JSON value without line breaks, which would end an event or a
// line of a stream.
func oneLine(doc []byte) []byte {
	if !bytes.ContainsAny(doc, "\r\n") {
		return doc
	}
	var b bytes.Buffer
	_ = json.Compact(&b, doc) // it is valid
	return b.Bytes()
}

// isType says that a text is a JSON value of a type.
func isType(raw []byte, typ Type) bool {
	if jsonpeek.Check(raw) != nil {
		return false
	}
	switch typ {
	case Number:
		return raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9'
	case Boolean:
		return raw[0] == 't' || raw[0] == 'f'
	case Auto, String, JSON:
	}
	return true
}

// standsAlone says that a text is one placeholder and nothing else.
func standsAlone(text string) bool {
	return len(text) > 2 && text[0] == '{' && strings.IndexByte(text, '}') == len(text)-1 && strings.Count(text, "{") == 1
}

// nesting is how deep a valid JSON value is nested.
func nesting(raw []byte) int {
	depth, most := 0, 0
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			for i++; i < len(raw) && raw[i] != '"'; i++ {
				if raw[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
			most = max(most, depth)
		case '}', ']':
			depth--
		}
	}
	return most
}

// quoted returns a JSON string. What is not valid UTF-8 in it becomes U+FFFD.
func quoted(s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			var b bytes.Buffer
			enc := json.NewEncoder(&b)
			enc.SetEscapeHTML(false)
			_ = enc.Encode(s) // a string cannot fail
			return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
		}
	}
	out := make([]byte, 0, len(s)+2)
	return append(append(append(out, '"'), s...), '"')
}
