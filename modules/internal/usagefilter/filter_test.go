// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package usagefilter

import (
	"bytes"
	"strings"
	"testing"
)

const (
	word    = `data: {"id":"c-1","choices":[{"index":0,"delta":{"content":"a \"usage\": b"}}]}` + "\n\n"
	figures = `{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}`
	extra   = `data: {"id":"c-1","choices":[],"usage":` + figures + "}\n\n"
	done    = "data: [DONE]\n\n"
)

// filterTests are streams and what is left of them; an empty want means all.
var filterTests = []struct {
	name, in, want string
}{
	{name: "nothing", in: ""},
	{name: "nothing to remove", in: word + word + done},
	{name: "the extra chunk", in: word + extra + done, want: word + done},
	{name: "the extra chunk alone", in: extra, want: "-"},
	{name: "the extra chunk at the end without an empty line", in: word + strings.TrimSpace(extra), want: word},
	{name: "the extra chunk with white space", in: `data:{ "usage" : {"x":1} , "choices" : [ ] }` + "\n\n" + done, want: done},
	{name: "the extra chunk with choices null", in: `data: {"choices":null,"usage":{}}` + "\n\n" + done, want: done},
	{
		name: "null in every chunk",
		in:   `data: {"choices":[{"x":1}],"usage":null}` + "\n\n" + `data: {"usage":null,"choices":[{"x":2}], "o":"abc"}` + "\n\n" + extra + done,
		want: `data: {"choices":[{"x":1}]}` + "\n\n" + `data: {"choices":[{"x":2}], "o":"abc"}` + "\n\n" + done,
	},
	{
		name: "figures in the last chunk with content",
		in:   `data: {"choices":[{"finish_reason":"stop"}],"usage":` + figures + `,"id":"x"}` + "\n\n" + done,
		want: `data: {"choices":[{"finish_reason":"stop"}],"id":"x"}` + "\n\n" + done,
	},
	{name: "first chunk of Azure", in: `data: {"choices":[],"created":0,"prompt_filter_results":[{"prompt_index":0}]}` + "\n\n" + word + done},
	{
		name: "first chunk of Azure with null",
		in:   `data: {"choices":[],"prompt_filter_results":[{"prompt_index":0}],"usage":null}` + "\n\n" + word,
		want: `data: {"choices":[],"prompt_filter_results":[{"prompt_index":0}]}` + "\n\n" + word,
	},
	{name: "no choices member", in: `data: {"type":"message_delta","usage":{"output_tokens":3}}` + "\n\n"},
	{name: "usage within another member", in: `data: {"choices":[],"x_groq":{"usage":{"a":1}}}` + "\n\n"},
	{
		name: "usage within a choice",
		in:   `data: {"choices":[{"usage":{"a":1}}],"usage":{"a":1}}` + "\n\n",
		want: `data: {"choices":[{"usage":{"a":1}}]}` + "\n\n",
	},
	{
		name: "error",
		in:   `data: {"choices":[],"usage":{"a":1},"error":{"message":"overloaded"}}` + "\n\n",
		want: `data: {"choices":[],"error":{"message":"overloaded"}}` + "\n\n",
	},
	{name: "damaged payload", in: `data: {"choices":[],"usage":{"a":1}` + "\n\n" + done},
	{name: "text payload", in: `data: say "usage" and "choices":[]` + "\n\n" + done},
	{name: "usage in a name and a comment", in: "event: \"usage\"\n: \"usage\"\ndata: {\"choices\":[]}\n\n" + done},
	{name: "comments and blank lines", in: ": keep-alive\n\n\n\n" + word + ": \n\n" + done + "\n"},
	{name: "comment in the extra chunk", in: ": one\nevent: chunk\nid: 7\n" + strings.TrimSuffix(extra, "\n") + ":two\n\n" + done, want: ": one\n:two\n" + done},
	{
		name: "names and identifiers",
		in:   "event: chunk\nid: 7\ndata: {\"choices\":[{}],\"usage\":null}\nretry: 5\n\n" + done,
		want: "event: chunk\nid: 7\ndata: {\"choices\":[{}]}\nretry: 5\n\n" + done,
	},
	{name: "payload of several lines", in: "data: {\"choices\":[],\ndata: \"usage\":{\"a\":1}}\n\n" + done, want: done},
	{name: "payload of several lines with a choice", in: "data: {\"choices\":[{}],\ndata: \"usage\":{\"a\":1}}\n\n" + done},
	{
		name: "chunks that begin alike",
		in: chunkOf(`{}],"usage":null`) + chunkOf(`{"x":"y"}],"usage":null,"o":1`) + chunkOf(`{}],"usage":{"a":1} `) + chunkOf(`{"usage":1}]`) +
			chunkOf(`{"usage":1}],"usage":2`) + chunkOf(`{}],"x":{"usage":1}`) + chunkOf(`{}],"usage":null,"error":{}`) + chunkOf(`],"usage":{"a":1}`) +
			chunkOf(`{}],"usage":1,"usage":2`) + chunkOf(`{}], "o":1 , "usage": null`) + chunkOf(`{"u":"usage"}]`) + chunkOf(`],"usage":null`),
		want: chunkOf(`{}]`) + chunkOf(`{"x":"y"}],"o":1`) + chunkOf(`{}] `) + chunkOf(`{"usage":1}]`) +
			chunkOf(`{"usage":1}]`) + chunkOf(`{}],"x":{"usage":1}`) + chunkOf(`{}],"error":{}`) +
			chunkOf(`{}]`) + chunkOf(`{}], "o":1`) + chunkOf(`{"u":"usage"}]`) + chunkOf(`]`),
	},
	{
		name: "usage before choices",
		in:   strings.Repeat(`data: {"id":"a \"choices\"","usage":null,"choices":[{}]}`+"\n\n", 3),
		want: strings.Repeat(`data: {"id":"a \"choices\"","choices":[{}]}`+"\n\n", 3),
	},
	{
		name: "choices within another member",
		in:   strings.Repeat(`data: {"x":{"choices":[{}]},"choices":[{}],"usage":null}`+"\n\n", 2) + `data: {"x":{"choices":[{}]},"usage":null}` + "\n\n",
		want: strings.Repeat(`data: {"x":{"choices":[{}]},"choices":[{}]}`+"\n\n", 2) + `data: {"x":{"choices":[{}]},"usage":null}` + "\n\n",
	},
	{name: "byte order mark", in: "\xEF\xBB\xBF" + `data: {"choices":[{}],"usage":null}` + "\n\n", want: "\xEF\xBB\xBF" + `data: {"choices":[{}]}` + "\n\n"},
	{name: "CR alone", in: strings.ReplaceAll(word+extra+done, "\n", "\r")},
	{name: "CR alone at the end", in: "data: x\r"},
	{name: "no line end", in: "data: x"},
	{name: "CR at the beginning of a line", in: "data: x\n\rdata: y\n\n" + done},
	{
		name: "event of the longest length",
		in:   padded(MaxEvent, `,"usage":null`) + done,
		want: padded(MaxEvent-len(`,"usage":null`), "") + done,
	},
	{name: "event that is too long", in: padded(MaxEvent+1, `,"usage":null`) + done},
	{name: "extra chunk after an event that is too long", in: padded(3*MaxEvent, `,"usage":null`) + extra + done, want: padded(3*MaxEvent, `,"usage":null`) + done},
}

// chunkOf returns an event with the rest of a payload.
func chunkOf(rest string) string {
	return `data: {"id":"c-1","choices":[` + rest + "}\n\n"
}

// padded returns an event of n bytes with members at its end.
func padded(n int, members string) string {
	head, tail := `data: {"choices":[{"x":"`, `"}]`+members+"}\n\n"
	return head + strings.Repeat("x", n-len(head)-len(tail)) + tail
}

func TestFilter(t *testing.T) {
	t.Parallel()
	for _, tt := range filterTests {
		for _, crlf := range []bool{false, true} {
			in, want := tt.in, tt.want
			switch want {
			case "":
				want = in
			case "-":
				want = ""
			}
			name := tt.name
			if crlf {
				name += " with CRLF"
				in, want = strings.ReplaceAll(in, "\n", "\r\n"), strings.ReplaceAll(want, "\n", "\r\n")
				if strings.Contains(in, "longest") || len(in) > MaxEvent {
					continue // the lengths are those with LF
				}
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				var f Filter
				sizes := []int{1, 2, 3, 5, 17, 64, 4096, len(in) + 1}
				if len(in) > 100_000 {
					sizes = []int{100, 4096, MaxEvent, len(in) + 1}
				}
				for _, n := range sizes {
					f.Reset()
					if got := run(t, &f, cut(in, n)...); got != want {
						t.Fatalf("in pieces of %d: got\n%.2000q, want\n%.2000q", n, got, want)
					}
				}
				if len(in) > 10_000 {
					return
				}
				for i := range in {
					f.Reset()
					if got := run(t, &f, in[:i], in[i:]); got != want {
						t.Fatalf("cut at %d: got\n%q, want\n%q", i, got, want)
					}
				}
			})
		}
	}
}

// run filters a stream and checks that Write does not alter its argument and that
// nothing of it is kept.
func run(t testing.TB, f *Filter, chunks ...string) string {
	t.Helper()
	var out []byte
	for _, c := range chunks {
		p := []byte(c)
		out = append(out, f.Write(p)...)
		if string(p) != c {
			t.Fatalf("Write made %q of its argument %q", p, c)
		}
		for i := range p {
			p[i] = '#'
		}
	}
	return string(append(out, f.Finish()...))
}

// cut splits s into pieces of n bytes.
func cut(s string, n int) []string {
	var out []string
	for len(s) > n {
		out = append(out, s[:n])
		s = s[n:]
	}
	return append(out, s)
}

func TestFindUsage(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "g", "usage", `"usage`, `usage"`, `"usage"`, `x"usage"`, `"usage":null`, `ggg"us"usage"`, `"usagge"`, `"usa"usage`} {
		if got, want := findUsage([]byte(s)), strings.Index(s, `"usage"`); got != want {
			t.Errorf("findUsage(%q) = %d, want %d", s, got, want)
		}
	}
}

func TestFilterHoldsNoWholeEvent(t *testing.T) {
	t.Parallel()
	var f Filter
	null := `data: {"choices":[{}],"usage":null}` + "\n\n"
	steps := []struct{ in, want string }{
		{word, word},
		{word + done, word + done},
		{null, `data: {"choices":[{}]}` + "\n\n"},
		{word + word[:10], word},
		{word[10:], word},
		{word[:len(word)-1], ""},
		{"\n" + null + null[:5], word + `data: {"choices":[{}]}` + "\n\n"},
		{null[5:] + extra + word, `data: {"choices":[{}]}` + "\n\n" + word},
		{extra, ""},
		{extra + done, done},
	}
	for i, s := range steps {
		if got := f.Write([]byte(s.in)); string(got) != s.want {
			t.Fatalf("step %d: got %q, want %q", i, got, s.want)
		}
	}
	if got := f.Finish(); len(got) > 0 {
		t.Errorf("Finish() = %q", got)
	}
}

func TestFilterPassesChunksThemselves(t *testing.T) {
	t.Parallel()
	var f Filter
	for _, in := range []string{word, word + done, ": comment\n\n"} {
		p := []byte(in)
		if got := f.Write(p); len(got) != len(p) || &got[0] != &p[0] {
			t.Errorf("Write(%q) returned a copy", in)
		}
	}
}

func TestFilterIsBounded(t *testing.T) {
	t.Parallel()
	var f Filter
	chunk := bytes.Repeat([]byte("x"), 1000)
	sent, got := 0, 0
	for range 1000 {
		got += len(f.Write(chunk))
		if sent += len(chunk); sent-got > MaxEvent {
			t.Fatalf("%d bytes are held", sent-got)
		}
	}
	if cap(f.held) > 4*MaxEvent {
		t.Errorf("the buffer has %d bytes", cap(f.held))
	}
	f.Reset()
	if cap(f.held) > keepSize || cap(f.out) > keepSize {
		t.Error("Reset keeps large buffers")
	}
}

func TestFilterAllocatesNothing(t *testing.T) {
	stream := [][]byte{[]byte(word), []byte(word[:20]), []byte(word[20:]), []byte(`data: {"choices":[{}],"usage":null}` + "\n\n"), []byte(extra + done)}
	var f Filter
	allocs := testing.AllocsPerRun(100, func() {
		f.Reset()
		for _, c := range stream {
			f.Write(c)
		}
		f.Finish()
	})
	if allocs > 0 {
		t.Errorf("%v allocations for a stream, want none", allocs)
	}
}

// FuzzFilter checks that chunks make no difference, and that nothing is removed
// where there is no usage.
func FuzzFilter(f *testing.F) {
	for _, tt := range filterTests {
		if len(tt.in) < 2000 {
			f.Add([]byte(tt.in), uint16(len(tt.in)/2), uint16(1))
			f.Add([]byte(strings.ReplaceAll(tt.in, "\n", "\r\n")), uint16(3), uint16(7))
		}
	}
	f.Fuzz(func(t *testing.T, in []byte, at, more uint16) {
		i := min(int(at), len(in))
		j := min(i+int(more), len(in))
		var one, two Filter
		whole := run(t, &one, string(in))
		parts := run(t, &two, string(in[:i]), string(in[i:j]), string(in[j:]))
		if whole != parts {
			t.Fatalf("whole: %q, in parts: %q", whole, parts)
		}
		if len(whole) > len(in) || !bytes.Contains(in, []byte(`"usage"`)) && whole != string(in) {
			t.Fatalf("%q became %q", in, whole)
		}
	})
}
