// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package mockllm

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"
)

// schema is the part of a JSON schema that arguments are made from.
type schema struct {
	Type       any                        `json:"type"`
	Enum       []json.RawMessage          `json:"enum"`
	Properties map[string]json.RawMessage `json:"properties"`
	Required   []string                   `json:"required"`
}

// arguments returns an object that has the schema's required properties, or
// all of them if none is required. A text property holds the last word said.
func arguments(raw json.RawMessage, said string) string {
	b, err := json.Marshal(objectOf(raw, said))
	if err != nil {
		return "{}"
	}
	return string(b)
}

func objectOf(raw json.RawMessage, said string) map[string]any {
	var s schema
	object := map[string]any{}
	if json.Unmarshal(raw, &s) != nil {
		return object
	}
	for name, property := range s.Properties {
		if len(s.Required) == 0 || slices.Contains(s.Required, name) {
			object[name] = valueOf(property, said)
		}
	}
	return object
}

// valueOf returns a value of the kind that a property's schema asks for.
func valueOf(raw json.RawMessage, said string) any {
	var s schema
	if json.Unmarshal(raw, &s) != nil {
		return nil
	}
	if len(s.Enum) > 0 {
		return s.Enum[0]
	}
	kind := s.Type
	if kinds, ok := kind.([]any); ok && len(kinds) > 0 {
		kind = kinds[0]
	}
	switch kind {
	case "integer":
		return 1
	case "number":
		return 1.5
	case "boolean":
		return true
	case "array":
		return []any{}
	case "object":
		return objectOf(raw, said)
	}
	return lastWord(said)
}

// lastWord returns the last word of a text without the punctuation around it,
// or "mock" if there is none.
func lastWord(text string) string {
	words := strings.Fields(text)
	for _, w := range slices.Backward(words) {
		if w = strings.TrimFunc(w, unicode.IsPunct); w != "" {
			return w
		}
	}
	return "mock"
}
