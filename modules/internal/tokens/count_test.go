// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// phrases are texts of several scripts and kinds.
var phrases = []string{
	"The gateway counts what was delivered, and nothing else. ",
	"It's cheaper than you'd think; we've measured it (twice)! ",
	"Die Zählung erfolgt abschnittsweise, übrigens auch für Umlaute. ",
	"La réponse a été interrompue avant la fin ; on compte ce qui reste. ",
	"Ответ был прерван, но доставленное посчитано. ",
	"网关只计算已经交付的内容，其余的不算。",
	"ゲートウェイは届いた分だけを数えます。",
	"게이트웨이는 전달된 내용만 계산합니다. ",
	"البوابة تحسب ما تم تسليمه فقط. ",
	"गेटवे केवल वही गिनता है जो पहुँचाया गया। ",
	"👩‍🚀🚀 ✅ 100 % — done… ",
	"func (m *Meter) Write(p []byte) (terminal bool) {\n\tif m.parser == nil {\n\t\treturn false\n\t}\n}\n\n",
	"- item 12345\n- item 67890\n\n## Heading\n\n| a | b |\n|---|---|\n| 1 | 2 |\n",
	`{"city":"Zürich","days":[1,2,3],"unit":"°C"}`,
}

// mixture returns a text of about the given size.
func mixture(seed uint64, size int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	var b []byte
	for len(b) < size {
		// A language is kept for a while, as texts do.
		at := r.IntN(len(phrases))
		for range 1 + r.IntN(12) {
			b = append(b, phrases[at]...)
		}
	}
	return b
}

// whole is what the library says of the text in one piece.
func whole(t testing.TB, e Encoding, text []byte) int64 {
	t.Helper()
	n, err := e.vocabulary().load().Count(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return int64(n)
}

// within reports whether a figure is as close to another as a share of it.
func within(got, want int64, share float64) bool {
	diff := float64(got - want)
	return max(diff, -diff) <= share*float64(want)
}

func TestCountIsTheLibrarys(t *testing.T) {
	t.Parallel()
	for _, e := range []Encoding{O200kBase, Cl100kBase} {
		for _, size := range []int{1, 300, 4 << 10, 5000, 64 << 10, 200 << 10} {
			t.Run(fmt.Sprint(e.Name(), size), func(t *testing.T) {
				t.Parallel()
				text := mixture(uint64(size), size)
				got, want := e.Count(text), whole(t, e, text)
				if !within(got, want, 0.0005) {
					t.Errorf("Count() = %d, the library says %d", got, want)
				}
			})
		}
	}
}

func TestCountOfLongTexts(t *testing.T) {
	t.Parallel()
	for _, size := range []int{MaxExact + 1, 1 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			text := mixture(uint64(size), size)
			got, want := O200kBase.Count(text), whole(t, O200kBase, text)
			if !within(got, want, 0.02) {
				t.Errorf("Count() = %d, the library says %d", got, want)
			}
		})
	}
}

// hostile are texts that make tokenizers slow.
var hostile = map[string]string{
	"one letter":         "a",
	"capitals":           "A",
	"digits":             "7",
	"Chinese":            "中",
	"Chinese and Latin":  "中A",
	"emoji":              "😀",
	"joined emoji":       "🧑🏽‍🚀",
	"Hangul":             "안녕하세요",
	"combining":          "\u0301",
	"letter, combining":  "A\u0301",
	"modifier":           "Aʰ",
	"spaces":             " ",
	"line breaks":        "\n",
	"blank lines":        " \n",
	"broad blank lines":  "\u3000\n",
	"spaced blank lines": "   \r\n",
	"signs":              "!",
	"slashes":            "\n/",
	"apostrophes":        "'s",
	"not UTF-8":          "\xff",
	"half characters":    "\xe4\xb8",
	"base 64":            "aGVsbG8gd29ybGQK0Zx",
}

// The bound is a multiple of what ordinary text takes, so that it holds on any
// machine. A count whose time grows with the square of the text would take
// hundreds of times as long.
func TestCountIsBounded(t *testing.T) {
	const size, factor = 50_000, 8
	ordinary := mixture(1, size)[:size]
	O200kBase.Count(ordinary) // loads the vocabulary
	fastest := func(text []byte) time.Duration {
		least := time.Duration(1 << 62)
		for range 2 {
			start := time.Now()
			O200kBase.Count(text)
			least = min(least, time.Since(start))
		}
		return least
	}
	limit := factor * fastest(ordinary)
	for name, unit := range hostile {
		text := bytes.Repeat([]byte(unit), size/len(unit))
		if took := fastest(text); took > limit {
			t.Errorf("%s: %v, more than %d times what ordinary text takes", name, took, factor)
		}
	}
	// Beyond MaxExact, which is five times as much, the time no longer grows.
	for _, name := range []string{"one letter", "blank lines", "Chinese"} {
		text := bytes.Repeat([]byte(hostile[name]), 4<<20/len(hostile[name]))
		if took := fastest(text); took > 6*limit {
			t.Errorf("%s, 4 MB: %v, more than %d times what ordinary text takes", name, took, 6*factor)
		}
	}
}

func TestCountOfHostileTexts(t *testing.T) {
	t.Parallel()
	for name, unit := range hostile {
		if strings.Contains(unit, "\n") && unit != "\n" {
			continue // the library itself takes minutes
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := bytes.Repeat([]byte(unit), 20_000/len(unit))
			got, want := O200kBase.Count(text), whole(t, O200kBase, text)
			if !within(got, want, 0.02) {
				t.Errorf("Count() = %d, the library says %d", got, want)
			}
		})
	}
}

func TestBoundary(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		want       int
	}{
		{"empty", "", 0},
		{"one character", "中", 0},
		{"before a space", "one two three", 7},
		{"spaces stay with the word", "one   two", 3},
		{"after a line break", "one\ntwo", 4},
		{"a slash joins the line break", "};\n//", 4},
		{"after Chinese", "中文，中文", 6},
		{"an apostrophe stays", "it don't", 2},
		{"none", "abcdefgh", 7},
		{"none, broad", "中文中", 6},
		{"half a character", "ab\xe4\xb8", 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := Boundary([]byte(tt.text)); got != tt.want {
				t.Errorf("Boundary(%q) = %d, want %d", tt.text, got, tt.want)
			}
		})
	}
}

// TestBoundariesAreSafe cuts at every boundary there is.
func TestBoundariesAreSafe(t *testing.T) {
	t.Parallel()
	for _, e := range []Encoding{O200kBase, Cl100kBase} {
		text := []byte(strings.Join(phrases, ""))
		want := whole(t, e, text)
		for i := range text {
			if !isBoundary(text, i) {
				continue
			}
			if !utf8.RuneStart(text[i]) {
				t.Fatalf("byte %d is within a character", i)
			}
			if got := whole(t, e, text[:i]) + whole(t, e, text[i:]); got != want {
				t.Errorf("%s: %q|%q: %d tokens, want %d", e.Name(), text[max(0, i-9):i], text[i:min(len(text), i+9)], got, want)
			}
		}
	}
}

func FuzzCount(f *testing.F) {
	for _, phrase := range phrases {
		f.Add([]byte(phrase))
	}
	for _, unit := range hostile {
		f.Add(bytes.Repeat([]byte(unit), 300))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if n := O200kBase.Count(text); n < 0 || n > 3*int64(len(text)) {
			t.Errorf("%d tokens in %d bytes", n, len(text))
		}
		if i := Boundary(text); i < 0 || i > len(text) || i == len(text) && i > 0 {
			t.Errorf("Boundary() = %d of %d", i, len(text))
		}
		if n := len(text); n > 0 {
			if end := block(text); end <= 0 || end > n {
				t.Errorf("block() = %d of %d", end, n)
			}
		}
	})
}

func BenchmarkCount(b *testing.B) {
	for _, size := range []int{1000, 20_000, MaxExact} {
		text := mixture(2, size)[:size]
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			O200kBase.Count(text[:1])
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				O200kBase.Count(text)
			}
		})
	}
}
