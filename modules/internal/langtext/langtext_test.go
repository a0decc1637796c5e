// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package langtext

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// mustCompile returns a Reader for places that are right.
func mustCompile(t testing.TB, p Places) *Reader {
	t.Helper()
	r, err := Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCompileRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		places Places
		want   string // part of the message
	}{
		{"stated", Places{Stated: []string{"a..b"}}, `"a..b"`},
		{"target", Places{Target: []string{""}}, "empty"},
		{"text", Places{Text: []string{`a\b`}}, "backslash"},
		{"variants", Places{Stated: []string{"a.lang"}, Text: []string{"A.text"}}, `"A" differs only in case`},
		{"variant of a chat", Places{Stated: []string{"Messages.#.lang"}, LastUserMessage: true}, "differs only in case"},
		{"form field", Places{Form: []string{"text", ""}}, "form field"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, err := Compile(c.places); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one that says %q", err, c.want)
			}
		})
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	r := mustCompile(t, Places{})
	long := strings.Repeat("न", MaxText)
	for _, c := range []struct{ name, body, want string }{
		{"short", "नमस्ते\n", "नमस्ते\n"},
		{"empty", "", ""},
		{"cut between characters", long, long[:MaxText/3*3]},
		{"full", strings.Repeat("a", MaxText), strings.Repeat("a", MaxText)},
		{"not UTF-8", "\xff\xfea", "\xff\xfea"},
		{"long and not UTF-8", strings.Repeat("\xa4", MaxText+1), strings.Repeat("\xa4", MaxText)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := Found{Stated: []byte("old"), Target: []byte("old"), Text: []byte("old")}
			r.Plain([]byte(c.body), &f)
			if string(f.Text) != c.want || len(f.Stated)+len(f.Target) > 0 {
				t.Errorf("got %q, %q and %q; want only the text %q", f.Text, f.Stated, f.Target, c.want)
			}
		})
	}
}

func TestResetKeepsBuffers(t *testing.T) {
	t.Parallel()
	f := Found{Stated: make([]byte, 2, 8), Target: make([]byte, 2, 8), Text: make([]byte, 2, 8)}
	f.Reset()
	if len(f.Stated)+len(f.Target)+len(f.Text) != 0 || cap(f.Stated) != 8 || cap(f.Target) != 8 || cap(f.Text) != 8 {
		t.Errorf("after Reset: %+v", f)
	}
}

// checkBounds fails unless what was found is within its bounds and, of sound UTF-8,
// no character was cut.
func checkBounds(t *testing.T, f *Found) {
	t.Helper()
	if len(f.Text) > MaxText || len(f.Stated) > maxStated || len(f.Target) > maxStated {
		t.Fatalf("%d bytes of text, %d and %d of languages", len(f.Text), len(f.Stated), len(f.Target))
	}
	if !utf8.Valid(f.Text) || !utf8.Valid(f.Stated) || !utf8.Valid(f.Target) {
		t.Fatalf("found invalid UTF-8: %q, %q, %q", f.Text, f.Stated, f.Target)
	}
}
