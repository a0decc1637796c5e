// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package reshape

import (
	"bytes"
	"strings"
	"testing"
)

// through passes a body through a stream, in pieces that end at the given places.
func through(b *Bound, lines bool, most int, body []byte, cuts ...int) (string, *Stream) {
	s := NewStream(b, lines, most)
	var out []byte
	from := 0
	for _, cut := range append(cuts, len(body)) {
		if cut < from {
			continue
		}
		p := bytes.Clone(body[from:cut])
		out = append(out, s.Write(p)...)
		clear(p) // what the stream needs it has copied
		from = cut
	}
	return string(append(out, s.Finish()...)), s
}

func TestStream(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"an event", "data: {\"a\":1,\"b\":2}\n\n", "data: {\"b\":2}\n\n"},
		{"a mark before the first", "\xEF\xBB\xBFdata: {\"a\":1}\n\n", "\xEF\xBB\xBFdata: {}\n\n"},
		{"no space", "data:{\"a\":1}\n\n", "data:{}\n\n"},
		{"two lines", "data: {\ndata:  \"a\":1}\nid: 7\n\n", "data: {}\nid: 7\n\n"},
		{"no JSON", "data: [DONE]\n\ndata: a\n\ndata\n\ndata:\n\n", "data: [DONE]\n\ndata: a\n\ndata\n\ndata:\n\n"},
		{"damaged JSON", "data: {\"a\":1\n\n", "data: {\"a\":1\n\n"},
		{"another field", "payload: {\"a\":1}\n\n", "payload: {\"a\":1}\n\n"},
		{"no end", "data: {\"a\":1}\n", "data: {}\n"},
		{"many ends", "\n\n\ndata: {\"a\":1}\n\n\n\n", "\n\n\ndata: {}\n\n\n\n"},
		{"CR", "data: {\"a\":1}\r\rdata: {\"a\":2}\r\r", "data: {}\r\rdata: {}\r\r"},
		{"CRLF", "data: {\"a\":1}\r\n\r\n: c\r\n\r\n", "data: {}\r\n\r\n: c\r\n\r\n"},
	}
	b := planned(t, "remove a").Bind(nil)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for cut := range len(tt.in) + 1 {
				if got, _ := through(b, false, 1<<10, []byte(tt.in), cut); got != tt.want {
					t.Errorf("cut at %d: %q, want %q", cut, got, tt.want)
				}
			}
		})
	}
	t.Run("what is too long passes", func(t *testing.T) {
		t.Parallel()
		const in = "data: {\"a\":1}\n\ndata: {\"a\":1,\"long\":12345678}\n\ndata: {\"a\":1}\n\n"
		for cut := range len(in) + 1 {
			got, s := through(b, false, 20, []byte(in), cut)
			if got != "data: {}\n\ndata: {\"a\":1,\"long\":12345678}\n\ndata: {}\n\n" || s.Unedited != 1 || s.Edited != 2 || cap(s.held) > 64 {
				t.Errorf("cut at %d: %q, %d not edited, %d held", cut, got, s.Unedited, cap(s.held))
			}
		}
	})
	t.Run("a value with line breaks stays in its line", func(t *testing.T) {
		t.Parallel()
		p, err := Compile([]Edit{{Do: Set, In: Body, Name: "a", Value: "{\n\"x\": [1,\r\n2]}"}}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := through(p.Bind(nil), false, 1<<10, []byte("data: {}\n\n")); got != "data: {\"a\":{\"x\":[1,2]}}\n\n" {
			t.Errorf("%q", got)
		}
	})
}

// FuzzStream checks that where chunks end makes no difference.
func FuzzStream(f *testing.F) {
	f.Add([]byte("data: {\"a\":1}\r\n\r\ndata: {\"a\":\ndata: 2}\n\n\rdata:x\r\r"), 7, 20)
	f.Add([]byte("{\"a\":1}\n{\"a\":2}\r\n"), 3, 9)
	b := planned(f, "remove a\nset b 1").Bind(nil)
	f.Fuzz(func(t *testing.T, body []byte, first, second int) {
		for _, lines := range []bool{false, true} {
			want, _ := through(b, lines, 64, body)
			first, second := min(max(first, 0), len(body)), min(max(second, 0), len(body))
			if got, _ := through(b, lines, 64, body, min(first, second), max(first, second)); got != want {
				t.Fatalf("cut at %d and %d: %q, else %q", first, second, got, want)
			}
		}
	})
}

// A long value for each of many lines must not fill the memory.
func TestStreamBoundsWhatEditsPutIn(t *testing.T) {
	t.Parallel()
	p, err := Compile([]Edit{{Do: Set, In: Body, Name: "v", Value: strings.Repeat("x", 1<<19)}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := NewStream(p.Bind(nil), true, 1<<20)
	lines := []byte(strings.Repeat("{}\n", 1000))
	for range 2 {
		if out := s.Write(lines); len(out) < MaxGrowth || len(out) > MaxGrowth+1<<20 {
			t.Errorf("%d bytes leave at once", len(out))
		}
	}
	if s.Edited+s.Unedited != 2000 || s.Unedited < 1900 {
		t.Errorf("%d edited, %d not", s.Edited, s.Unedited)
	}
}

// Halves of a pair in UTF-16 are valid JSON, and what comes of an emoji that a server
// has cut in two: events and lines that hold one are edited like others.
func TestStreamLoneSurrogates(t *testing.T) {
	t.Parallel()
	b := planned(t, "remove a\nset n.b 1").Bind(nil)
	const half, other = `\ud83d`, `\uDE00`
	for in, want := range map[string]string{
		`{"a":1,"t":"` + half + `"}`:                               `{"t":"` + half + `","n":{"b":1}}`,
		`{"t":"x` + other + half + `","a":1}`:                      `{"t":"x` + other + half + `","n":{"b":1}}`,
		`{"a":"` + half + `x","n":{"` + half + `":2,"b":0},"z":1}`: `{"n":{"` + half + `":2,"b":1},"z":1}`,
		`{"` + half + ` a long name":[],"a":1}`:                    `{"` + half + ` a long name":[],"n":{"b":1}}`,
		`{"a":1,"t":"\\ud83d` + half + other + `"}`:                `{"t":"\\ud83d` + half + other + `","n":{"b":1}}`,
	} {
		got, s := through(b, true, 1<<10, []byte(in+"\n"))
		if got != want+"\n" || s.Malformed != 0 || s.Edited != 1 {
			t.Errorf("%s: %s, want %s; %d malformed", in, got, want, s.Malformed)
		}
	}
	for _, in := range []string{`{"a":1,"t":"` + half + `}`, `{"a":1` + half + `}`, `{"a":"\ud8"}`, `{"a":1,"t":"` + half + `\`} {
		if got, s := through(b, true, 1<<10, []byte(in)); got != in || s.Malformed != 1 {
			t.Errorf("%s: %s, %d malformed", in, got, s.Malformed)
		}
	}
}

// What begins as an array of JSON does and cannot be edited is no word in brackets.
func TestStreamMalformedArrays(t *testing.T) {
	t.Parallel()
	b := planned(t, `remove "#.a"`).Bind(nil)
	for in, malformed := range map[string]int{
		"[DONE]": 0, "[ DONE ]": 0, "[": 0, "[END OF STREAM]": 0, `[{"a":1}]`: 0, "[]": 0,
		`[{"a":1},]`: 1, `[ {"a":1}`: 1, `["x",{"a":1}`: 1, "[1,{\"a\":1}}": 1, "[null,{\"a\":1}": 1, "[[{\"a\":1}]": 1,
		strings.Repeat("[", 100) + `{"a":1}` + strings.Repeat("]", 100): 1,
		"[thinking]": 0, "[note]": 0, "[no answer]": 0, "[false alarm]": 0, "[true story, and so on]": 0, "[trueish]": 0, "[nul": 0,
		"[1/5] loading": 0, "[5 of 10] loading": 0, "[12:30] noon": 0, "[2026-11-21, 12:30]": 0, "[-]": 0, "[- a": 0, "[50%]": 0, "[1.2.3]": 0, "[t": 0, "[ 1": 0, "[, and so on]": 0, "[}": 0,
		`[{"a":1`: 1, "[1,": 1, `[1 , {"a":1}`: 1, `[1 {"a":1}]`: 1, `[1 2,{"a":1}]`: 1, `[-1.5e3,{"a":1}`: 1, `[true,{"a":1}`: 1, `[false{"a":1}]`: 1, "[1]{\"a\":1}": 1, "[null]]": 1, `["a"`: 1, "[],": 1,
	} {
		if _, s := through(b, true, 1<<10, []byte(in+"\n")); s.Malformed != malformed {
			t.Errorf("%.40s: %d malformed, want %d", in, s.Malformed, malformed)
		}
	}
}

// A mark before the first line hides it from nobody who reads text.
func TestLinesWithAMark(t *testing.T) {
	t.Parallel()
	b := planned(t, "remove a").Bind(nil)
	const in, want = "\xEF\xBB\xBF{\"a\":1}\n{\"a\":1}\n", "\xEF\xBB\xBF{}\n{}\n"
	for cut := range len(in) + 1 {
		if got, _ := through(b, true, 1<<10, []byte(in), cut); got != want {
			t.Errorf("cut at %d: %q, want %q", cut, got, want)
		}
	}
}
