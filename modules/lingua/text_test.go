// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package lingua

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestExcerptOf(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		script     string
		letters    int
		words      string
	}{
		{"empty", "", "Zyyy", 0, ""},
		{"no letters", "12 345, 6! 😀\u200f", "Zyyy", 0, ""},
		{"invalid", "\xff\xfe\xd0", "Zyyy", 0, ""},
		{"Latin", "Grüß Gott, Welt!", "Latn", 12, "Grüß Gott Welt"},
		{"invalid between", "Gr\xffuss", "Latn", 5, "Gr uss"},
		{"Cyrillic with a name", "Я читаю New York Times каждый день утром", "Cyrl", 21, "Я читаю каждый день утром"},
		{"marks", "हिन्दी", "Deva", 3, "ह न द"},
		{"Japanese", "日本語を話します", "Jpan", 8, "日本語を話します"},
		{"ideographs", "我会说中文", "Hani", 5, "我会说中文"},
		{"Korean", "안녕하세요", "Kore", 5, "안녕하세요"},
		{"unknown script", "ನನಗೆ ನೀರು ಬೇಕು ok", "Zzzz", 7, ""},
		{"long", strings.Repeat("ab ", 1000), "Latn", maxLetters, strings.Repeat("ab ", 59) + "a"},
		{"letters too late", strings.Repeat(".", maxBytes) + "letters", "Zyyy", 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := excerptOf([]byte(tt.text))
			if e.script.String() != tt.script || e.letters != tt.letters || e.words != tt.words {
				t.Errorf("excerpt of %q is %s, %d, %q; want %s, %d, %q", tt.text, e.script, e.letters, e.words, tt.script, tt.letters, tt.words)
			}
		})
	}
}

func FuzzExcerptOf(f *testing.F) {
	for _, seed := range []string{"", "Grüß Gott", "日本語を話します", "\xff\xe0\xa4", "ಕ कa"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		e := excerptOf(text)
		if e.letters < 0 || e.letters > maxCounted || (e.letters == 0) != (e.script == none) {
			t.Errorf("%d letters in %s", e.letters, e.script)
		}
		if !utf8.ValidString(e.words) || len(e.words) > maxBytes || strings.Contains(e.words, "  ") {
			t.Errorf("words are %q", e.words)
		}
	})
}
