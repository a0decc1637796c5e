// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package reshape

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"unicode/utf8"
)

// FuzzLoose checks edits of what is not strict against encoding/json, which takes lone
// surrogates for U+FFFD: whatever it takes is edited, and nothing else is changed.
func FuzzLoose(f *testing.F) {
	f.Add([]byte(`{"a":1,"t":"\ud83d"}`))
	f.Add([]byte(`{"\udc00":{"a":"\ud800\ud800\udc00"},"a":[]}`))
	f.Add([]byte(`{"\\ud800":"\\\ud800\\","b":"\uD83D\u0061","a":"\ud83d\\ude00"}`))
	f.Add([]byte("\xEF\xBB\xBF {\"a\":1, \"b\":2}\n"))
	b := planned(f, "remove a").Bind(nil)
	f.Fuzz(func(t *testing.T, doc []byte) {
		plain := bytes.TrimPrefix(doc, bom)
		if bytes.HasPrefix(plain, bom) || len(bytes.TrimSpace(plain)) == 0 || bytes.ContainsAny(plain, "{[") && nesting(plain) > 60 {
			return
		}
		var d Editor
		out, edited, err := d.Apply(nil, doc, b, false)
		if valid := json.Valid(plain) && utf8.Valid(plain); valid != (err == nil) {
			t.Fatalf("%q: error %v, but valid is %v", doc, err, valid)
		}
		if err != nil || !edited {
			return
		}
		before, after := members(t, plain), members(t, bytes.TrimPrefix(out, bom))
		delete(before, "a")
		if !reflect.DeepEqual(before, after) {
			t.Fatalf("%q became %q", doc, out)
		}
	})
}

// members are those of an object.
func members(t *testing.T, doc []byte) (m map[string]any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	if err := d.Decode(&m); err != nil {
		t.Fatalf("decode %q: %v", doc, err)
	}
	return m
}
