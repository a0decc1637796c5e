// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jsonedit

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
)

var seeds = []string{
	`{}`, ` { "a" : null } `, `{"a":{"b":false},"x":[1,{"a":2}]}`, `{"x":"\"a\":1","a":{}}`,
	`{"\u0061":{"b":1}}`, `{"b":1,"b":2,"a":3}`, `{"a":1.5e3,"b":"\\"}`,
}

// decoded returns what encoding/json makes of an object, with numbers as written.
func decoded(t *testing.T, doc []byte) map[string]any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		t.Fatalf("decode %q: %v", doc, err)
	}
	return m
}

// FuzzSet checks that an edit of a valid document is valid, sets the member and
// changes no other.
func FuzzSet(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	names := jsonpeek.NewNames("a")
	f.Fuzz(func(t *testing.T, doc []byte) {
		if jsonpeek.Scan(doc, names, make([][]byte, 1)) != nil {
			_, _ = Set(doc, []string{"a", "b"}, []byte("true")) // must not panic
			return
		}
		got, err := Set(doc, []string{"a", "b"}, []byte(`"set"`))
		before := decoded(t, doc)
		inner, isObject := before["a"].(map[string]any)
		if err != nil {
			if isObject && len(inner) == 0 || before["a"] == nil {
				t.Fatalf("Set(%q): %v", doc, err)
			}
			return
		}
		if err := jsonpeek.Scan(got, names, make([][]byte, 1)); err != nil {
			t.Fatalf("Set(%q) = %q: %v", doc, got, err)
		}
		if !isObject {
			inner = map[string]any{}
		}
		inner["b"] = "set"
		before["a"] = inner
		if after := decoded(t, got); !reflect.DeepEqual(before, after) {
			t.Fatalf("Set(%q) = %q", doc, got)
		}
	})
}

// FuzzAppendWithout checks that a valid document stays valid and loses one member.
func FuzzAppendWithout(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	names := jsonpeek.NewNames()
	f.Fuzz(func(t *testing.T, doc []byte) {
		got, err := AppendWithout(nil, doc, "a")
		if jsonpeek.Scan(doc, names, nil) != nil {
			return
		}
		if err != nil || jsonpeek.Scan(got, names, nil) != nil {
			t.Fatalf("AppendWithout(%q) = %q, %v", doc, got, err)
		}
		before := decoded(t, doc)
		delete(before, "a")
		if after := decoded(t, got); !reflect.DeepEqual(before, after) {
			t.Fatalf("AppendWithout(%q) = %q", doc, got)
		}
	})
}
