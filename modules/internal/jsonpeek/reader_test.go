// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jsonpeek

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

var readPaths = NewPaths("model", "usage", "response.usage", "error")

// read feeds a document in chunks of the given size, zero meaning in one piece,
// overwrites every chunk after use, and describes what was found.
func read(doc string, size int) string {
	var r Reader
	r.Reset(readPaths)
	ended := 0
	if size == 0 {
		size = max(1, len(doc))
	}
	for len(doc) > 0 {
		n := min(size, len(doc))
		chunk := []byte(doc[:n])
		if r.Write(chunk) {
			ended++
		}
		for i := range chunk {
			chunk[i] = '#'
		}
		doc = doc[n:]
	}
	return describe(&r, ended)
}

// readWhole offers the document to Whole, and to Write if that refuses it.
func readWhole(doc string) (found string, whole bool) {
	var r Reader
	r.Reset(readPaths)
	ended := 1
	if whole = r.Whole([]byte(doc), true); !whole {
		if ended = 0; r.Write([]byte(doc)) {
			ended = 1
		}
	}
	return describe(&r, ended), whole
}

// describe says what a reader found.
func describe(r *Reader, ended int) string {
	var b strings.Builder
	for i, name := range []string{"model", "usage", "response.usage", "error"} {
		if r.Oversize(i) {
			fmt.Fprintf(&b, "%s oversize; ", name)
		} else if v := r.Value(i); v != nil {
			fmt.Fprintf(&b, "%s=%s; ", name, v)
		}
	}
	if r.Done() {
		fmt.Fprintf(&b, "ended %d", ended)
	} else {
		fmt.Fprintf(&b, "open %d", ended)
	}
	if r.Broken() {
		b.WriteString(" broken")
	}
	if r.Empty() {
		b.WriteString(" empty")
	}
	return b.String()
}

// checkWhole checks that Whole, if it accepts the document, finds what Write
// does, and leaves no trace if it does not.
func checkWhole(t *testing.T, doc, want string) {
	t.Helper()
	if got, _ := readWhole(doc); got != want {
		t.Errorf("%q given whole: got %s, want %s", doc, got, want)
	}
}

func TestReader(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, doc, want string }{
		{"members", `{"id":1,"model":"m","usage":{"a":[1,{"b":"}"}]}}`, `model="m"; usage={"a":[1,{"b":"}"}]}; ended 1`},
		{"spaced", " \r\n{ \"model\" : \"m\" ,\n \"usage\" : 12 }\n", `model="m"; usage=12; ended 1`},
		{"null is absent", `{"usage":null,"model":null}`, `ended 1`},
		{"null does not overwrite", `{"usage":1,"usage":null}`, `usage=1; ended 1`},
		{"last wins", `{"usage":1,"usage":{"x":2}}`, `usage={"x":2}; ended 1`},
		{"nested is not top level", `{"choices":[{"usage":1}],"x":{"model":2}}`, `ended 1`},
		{"one level down", `{"type":"t","response":{"id":"usage","usage":{"a":1},"model":"x"},"model":"y"}`, `model="y"; response.usage={"a":1}; ended 1`},
		{"two levels down is not", `{"response":{"response":{"usage":1}},"usage":2}`, `usage=2; ended 1`},
		{"parent that is no object", `{"response":[{"usage":1}],"usage":2}`, `usage=2; ended 1`},
		{"empty parent", `{"response":{},"usage":2}`, `usage=2; ended 1`},
		{"escapes", `{"a\"":"\\\"model\\","b":"\\","model":"q\"\\"}`, `model="q\"\\"; ended 1`},
		{"escaped name", `{"mod\u0065l":"m"}`, `model="m"; ended 1`},
		{"long name", `{"` + strings.Repeat("x", 200) + `":1,"model":"m"}`, `model="m"; ended 1`},
		{"name cut to its bound", `{"model` + strings.Repeat("x", 64) + `":1}`, `ended 1`},
		{"array of objects", `[{"model":"a","usage":1},{"usage":2},{"error":{}}]`, `model="a"; usage=2; error={}; ended 1`},
		{"array of anything", `[1,"x]",[{"model":"no"}],null,{"model":"m"},true]`, `model="m"; ended 1`},
		{"array cut within its last", `[{"usage":1},{"usage":{"a"`, `usage=1; open 0`},
		{"cut", `{"model":"m","usage":{"a":1`, `model="m"; open 0`},
		{"cut within number", `{"usage":12`, `open 0`},
		{"byte order mark", "\xEF\xBB\xBF{\"model\":1}", `model=1; ended 1`},
		{"empty", "", `open 0 empty`},
		{"blank lines first", "\n\n\n{\"model\":1}", `model=1; ended 1`},
		{"trailing data", `{"model":1} {}`, `model=1; ended 1 broken`},
		{"html", `<html>{"model":1}`, `open 0 broken`},
		{"text", `error`, `open 0 broken`},
		{"missing colon", `{"model" 1}`, `open 0 broken`},
		{"missing value", `{"model":}`, `open 0 broken`},
		{"numbers", `{"embedding":[0.1,-2e-5,3],"usage":-1.5E3}`, `usage=-1.5E3; ended 1`},
		{"oversize", `{"usage":"` + strings.Repeat("x", MaxValue) + `","model":"m"}`, `model="m"; usage oversize; ended 1`},
		{"at the bound", `{"usage":1,"x":"` + strings.Repeat("\\\\", MaxValue) + `","model":"m"}`, `model="m"; usage=1; ended 1`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for size := 0; size <= min(len(c.doc), 300); size++ {
				if got := read(c.doc, size); got != c.want {
					t.Errorf("chunks of %d: got %s, want %s", size, got, c.want)
				}
			}
			checkWhole(t, c.doc, c.want)
		})
	}
}

func TestReaderIsReusable(t *testing.T) {
	t.Parallel()
	var r Reader
	r.Reset(readPaths)
	r.Write([]byte(`{"model":"m","response":{"usage":1`))
	r.Reset(NewPaths("a", "b", "c", "d", "e", "f"))
	r.Write([]byte(`{"f":6,"model":"m"}`))
	if got := string(r.Value(5)); got != "6" || r.Value(0) != nil || !r.Done() {
		t.Errorf("f is %q", got)
	}
}

func TestReaderTakesCommonDocumentsWhole(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]bool{
		`{"id":1,"model":"m","usage":{"a":[1,{"b":"\"}"}]},"x":"\\"}`: true,
		" { \"a\" : [ ] , \"response\" : { \"usage\" : { } } } \r\n":  true,
		`{}`: true,
		`{"model":"` + strings.Repeat("a \\\" ", 99) + `"}`: true,
		`{"usage":1}{}`:      false,
		`{"mod\u0065l":"m"}`: false,
		`[{"usage":1}]`:      false,
		`{"usage":1`:         false,
		`{"usage":{}`:        false,
		`{"a":1,,"b":2}`:     false,
		``:                   false,
		`}`:                  false,
	} {
		if _, got := readWhole(doc); got != want {
			t.Errorf("%s: taken whole %v, want %v", doc, got, want)
		}
	}
	var r Reader
	r.Reset(readPaths)
	if !r.Whole([]byte(`{"model":"m"}`), true) || string(r.Value(0)) != `"m"` || r.Whole([]byte(`{"model":"n"}`), true) {
		t.Error("a document is taken whole once")
	}
	if r.Forget(); r.Value(0) != nil || !r.Done() {
		t.Error("the value is still there after Forget, or the end is not")
	}
	r.Reset(readPaths)
	if r.Write([]byte(" \xEF")); r.Whole([]byte(`{}`), true) {
		t.Error("a document that has begun is taken whole")
	}
}

// endByByte is stringEnd in its plainest form.
func endByByte(p []byte, i int) (end int, closed bool) {
	for ; i < len(p); i++ {
		switch p[i] {
		case '"':
			return i + 1, true
		case '\\':
			i++
		}
	}
	return i, false
}

func TestStringEnd(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for _, pieces := range [][]string{
		{"a", "#", `\"`}, {`\"`, `\"#`, "words of some length", `\n`}, {`\"`, `\\`, "]", "#"}, {"é", `\"`, `\\\"`, "plain text that is longer than two words"},
	} {
		for range 2000 {
			var b strings.Builder
			b.WriteByte('"')
			for range random.IntN(30) {
				b.WriteString(pieces[random.IntN(len(pieces))])
			}
			b.WriteString([]string{``, `\`, `"`, `":1}`, `","more":"after it"`}[random.IntN(5)])
			p := []byte(b.String())
			end, closed := stringEnd(p, 1)
			if wantEnd, wantClosed := endByByte(p, 1); end != wantEnd || closed != wantClosed {
				t.Fatalf("%s: got %d, %v; want %d, %v", p, end, closed, wantEnd, wantClosed)
			} else if got := skipQuoted(p, 1); closed && got != wantEnd || !closed && got != 0 {
				t.Fatalf("%s: skipped to %d, want %d", p, got, wantEnd)
			}
		}
	}
}

func FuzzReader(f *testing.F) {
	for _, seed := range []string{
		`{"model":"m","usage":{"a":[1,{"b":"}\""}]},"response":{"usage":1}}`,
		`[{"usage":1},"x\\",[2],{"usage":{"a":2},"error":null}]`,
		"\xEF\xBB\xBF{\"mod\\u0065l\":\"\\\\\"} x", `{"usage":12,"error":"e`,
	} {
		f.Add([]byte(seed), uint8(1))
	}
	f.Fuzz(func(t *testing.T, doc []byte, size uint8) {
		whole, cut := read(string(doc), 0), read(string(doc), int(size%16)+1)
		checkWhole(t, string(doc), whole)
		if whole != cut {
			t.Fatalf("%q: whole %s, in chunks %s", doc, whole, cut)
		}
		var members map[string]json.RawMessage
		if json.Unmarshal(doc, &members) != nil || members == nil {
			return
		}
		if !strings.Contains(whole, "ended 1") || strings.Contains(whole, "broken") {
			t.Fatalf("%q is valid, got %s", doc, whole)
		}
		var r Reader
		r.Reset(readPaths)
		r.Write(doc)
		if got, want := string(r.Value(0)), string(members["model"]); got != want && want != "null" && want != "" {
			t.Errorf("%q: model %s, want %s", doc, got, want)
		}
	})
}

func BenchmarkReader20K(b *testing.B) {
	doc := []byte(`{"choices":[{"message":{"content":"` + strings.Repeat("some text that a model wrote, ", 680) + `"}}],"model":"m","usage":{"prompt_tokens":1}}`)
	var r Reader
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		r.Reset(readPaths)
		if !r.Write(doc) {
			b.Fatal("document did not end")
		}
	}
}

func BenchmarkReaderNumbers(b *testing.B) {
	doc := []byte(`{"data":[{"embedding":[` + strings.Repeat("-0.012345678,", 1535) + `0]}],"usage":{"prompt_tokens":1}}`)
	var r Reader
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		r.Reset(readPaths)
		if !r.Write(doc) {
			b.Fatal("document did not end")
		}
	}
}
