// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmreplay

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// checkPieces fails the test unless the pieces of a content are right.
func checkPieces(t *testing.T, raw []byte) [][]byte {
	t.Helper()
	cut := pieces(raw)
	if joined := bytes.Join(cut, nil); !bytes.Equal(joined, raw) {
		t.Fatalf("%q became %q", raw, cut)
	}
	if len(cut) > maxPieces {
		t.Fatalf("%d pieces", len(cut))
	}
	var whole, joined string
	if utf8.Valid(raw) && json.Unmarshal([]byte(`"`+string(raw)+`"`), &whole) == nil {
		for _, p := range cut {
			var text string
			if err := json.Unmarshal([]byte(`"`+string(p)+`"`), &text); err != nil || len(p) == 0 {
				t.Fatalf("%q has the piece %q: %v", raw, p, err)
			}
			joined += text
		}
		if joined != whole {
			t.Fatalf("%q says %q in pieces", raw, joined)
		}
	}
	return cut
}

func TestPieces(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		want       int // pieces
	}{
		{"none", "", 0},
		{"short", "Hello.", 1},
		{"at spaces", "Two words, and then some more of them.", 2},
		{"without spaces", strings.Repeat("x", 240), 4},
		{"characters", strings.Repeat("漢", 100), 5},
		{"escapes", strings.Repeat(`\u00e9`, 40), 4},
		{"pairs", strings.Repeat(`\ud83d\ude00`, 20), 4},
		{"halves", strings.Repeat(`\ud83d`, 20), 2},
		{"long", strings.Repeat("word ", 100_000), 511},
		{"long without spaces", strings.Repeat("x", 1_000_000), 502},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := checkPieces(t, []byte(c.text)); len(got) != c.want {
				t.Errorf("got %d pieces, want %d", len(got), c.want)
			}
		})
	}
}

func FuzzPieces(f *testing.F) {
	f.Add([]byte(strings.Repeat(`ab\n\"\\ \u00e9\ud83d\ude00漢`, 9)))
	f.Add([]byte(strings.Repeat(`\ud83d`, 30) + "\\"))
	f.Add(bytes.Repeat([]byte("\xff\xe6"), 40))
	f.Fuzz(func(t *testing.T, raw []byte) { checkPieces(t, raw) })
}
