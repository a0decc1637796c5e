// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jsonpeek

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAppendString(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, raw string
		limit     int
		want      string
	}{
		{"plain", `"abc"`, 10, "abc"},
		{"exactly full", `"abc"`, 3, "abc"},
		{"cut", `"abc"`, 2, "ab"},
		{"no room", `"abc"`, 0, ""},
		{"room below zero", `"abc"`, -1, ""},
		{"empty", `""`, 10, ""},
		{"escapes", `"a\n\t\"\\\/\b\f\rz"`, 20, "a\n\t\"\\/\b\f\rz"},
		{"cut after an escape", `"a\nb"`, 2, "a\n"},
		{"cut before an escape", `"ab\n"`, 2, "ab"},
		{"Python's form", `"\u0928\u092e\u0938\u094d\u0924\u0947"`, 64, "नमस्ते"},
		{"Python's form, cut", `"\u0928\u092e"`, 5, "न"},
		{"surrogate pair", `"\ud83d\ude00"`, 4, "😀"},
		{"surrogate pair, cut", `"a\ud83d\ude00"`, 4, "a"},
		{"character, cut", `"aनम"`, 6, "aन"},
		{"character longer than the room", `"न"`, 2, ""},
		{"character that just fits", `"aन"`, 4, "aन"},
		{"nothing after a cut", `"न\n"`, 2, ""},
		{"lone surrogate", `"\ud83dx"`, 10, "\uFFFDx"},
		{"short escape", `"\u12"`, 10, "\uFFFD12"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, ok := AppendString([]byte("> "), []byte(c.raw), c.limit)
			if !ok || string(got) != "> "+c.want {
				t.Errorf("got %q, %v; want %q", got, ok, c.want)
			}
		})
	}
	for _, raw := range []string{``, `"`, `1`, `null`, `{"a":"b"}`, `["a"]`} {
		if got, ok := AppendString([]byte("> "), []byte(raw), 10); ok || string(got) != "> " {
			t.Errorf("%s: got %q, %v; want nothing", raw, got, ok)
		}
	}
}

func FuzzAppendString(f *testing.F) {
	f.Add(`a\n\u0928\ud83d\ude00é`, 5)
	f.Add(`नमस्ते दुनिया`, 7)
	f.Add("\\ud83d\xff\\", 100)
	f.Add(strings.Repeat(`\u00e9`, 40), 33)
	f.Fuzz(func(t *testing.T, content string, limit int) {
		raw := []byte(`"` + content + `"`)
		got, ok := AppendString(nil, raw, limit)
		if !ok || len(got) > max(limit, 0) {
			t.Fatalf("%q, limit %d: got %q, %v", raw, limit, got, ok)
		}
		if end, msg := skipString(raw, 1); msg != "" || end != len(raw) {
			return // lenient, not right
		}
		var want string
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatal(err)
		}
		switch {
		case !utf8.Valid(got) || !strings.HasPrefix(want, string(got)):
			t.Fatalf("%q, limit %d: got %q, want the beginning of %q", raw, limit, got, want)
		case len(got) == len(want):
		case limit > 0 && len(got) <= limit-utf8.UTFMax:
			t.Fatalf("%q, limit %d: got only %q of %q", raw, limit, got, want)
		}
		if whole, _ := AppendString(nil, raw, len(raw)); string(whole) != want {
			t.Fatalf("%q: got %q, want %q", raw, whole, want)
		}
	})
}

func BenchmarkAppendString(b *testing.B) {
	for _, c := range []struct{ name, raw string }{
		{"plain", `"` + strings.Repeat("नमस्ते ", 300) + `"`},
		{"escaped", `"` + strings.Repeat(`\u0928\u092e\u0938\u094d\u0924\u0947 `, 300) + `"`},
		{"1 MB", `"` + strings.Repeat("text ", 200_000) + `"`},
	} {
		b.Run(c.name, func(b *testing.B) {
			raw, buf := []byte(c.raw), make([]byte, 0, 4096)
			b.ReportAllocs()
			for b.Loop() {
				buf, _ = AppendString(buf[:0], raw, 4096)
			}
		})
	}
}
