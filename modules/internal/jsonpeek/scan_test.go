// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jsonpeek

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func scan(doc string) (map[string]string, error) {
	names := []string{"model", "stream", "max_tokens", "k"}
	out := make([][]byte, len(names))
	if err := Scan([]byte(doc), NewNames(names...), out); err != nil {
		return nil, err
	}
	found := map[string]string{}
	for i, raw := range out {
		if raw != nil {
			found[names[i]] = string(raw)
		}
	}
	return found, nil
}

func TestScanFinds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, doc, member, want string
	}{
		{"plain", `{"model":"m"}`, "model", `"m"`},
		{"spaced", " {\r\n\t\"model\" : \"m\" , \"stream\" : true } \n", "stream", `true`},
		{"last", `{"messages":[{"model":"no"},{}],"x":{"model":1},"max_tokens":12}`, "max_tokens", `12`},
		{"nested is not top level", `{"x":{"model":"no"}}`, "model", ``},
		{"escaped name", `{"mod\u0065l":"m"}`, "model", `"m"`},
		{"name escaped from its start", `{"\u006dodel":"m"}`, "model", `"m"`},
		{"escaped quotes in a string", `{"a":"\"model\":\"no\"","model":"yes"}`, "model", `"yes"`},
		{"object value", `{"k":{"a":[1,2,{}]}}`, "k", `{"a":[1,2,{}]}`},
		{"null", `{"model":null}`, "model", `null`},
		{"empty object", `{}`, "model", ``},
		{"other names may repeat", `{"a":1,"a":2,"model":"m","A":3}`, "model", `"m"`},
		{"longer and shorter names", `{"mode":1,"models":2,"m":3,"":4,"model":5}`, "model", `5`},
		{"surrogate pair", `{"model":"\ud83d\ude00"}`, "model", `"\ud83d\ude00"`},
		{"numbers", `{"a":[-0,0.5,1e9,-12.25E-3,10],"k":-0.0e+1}`, "k", `-0.0e+1`},
		{"foreign text", `{"a":"Größe 尺寸 😀 and more than eight bytes","k":1}`, "k", `1`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			found, err := scan(c.doc)
			if err != nil {
				t.Fatal(err)
			}
			if got := found[c.member]; got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestScanRefusesSyntax(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, doc string
		offset    int
	}{
		{"empty", ``, 0},
		{"blank", " \n", 2},
		{"array", `[{}]`, 0},
		{"string", `"model"`, 0},
		{"byte order mark", "\xEF\xBB\xBF{}", 0},
		{"trailing data", `{} x`, 3},
		{"second document", `{}{}`, 2},
		{"trailing NUL", "{}\x00", 2},
		{"unclosed", `{"a":1`, 6},
		{"unclosed string", `{"a":"b`, 7},
		{"unclosed name", `{"a`, 3},
		{"trailing comma", `{"a":1,}`, 7},
		{"trailing comma in array", `{"a":[1,]}`, 8},
		{"missing comma", `{"a":1 "b":2}`, 7},
		{"missing colon", `{"a" 1}`, 5},
		{"missing value", `{"a":}`, 5},
		{"single quotes", `{'a':1}`, 1},
		{"bare name", `{a:1}`, 1},
		{"comment", `{/**/"a":1}`, 1},
		{"not a number", `{"a":NaN}`, 5},
		{"infinity", `{"a":Infinity}`, 5},
		{"literal in capitals", `{"a":True}`, 5},
		{"cut literal", `{"a":tru`, 5},
		{"leading zero", `{"a":01}`, 6},
		{"leading plus", `{"a":+1}`, 5},
		{"bare minus", `{"a":-}`, 6},
		{"bare fraction", `{"a":1.}`, 7},
		{"bare exponent", `{"a":1e}`, 7},
		{"line feed in string", "{\"a\":\"b\nc\"}", 7},
		{"NUL in string", "{\"a\":\"b\x00\"}", 7},
		{"late control character", "{\"a\":\"0123456789\x1f\"}", 16},
		{"invalid escape", `{"a":"\x"}`, 7},
		{"short unicode escape", `{"a":"\u12"}`, 7},
		{"lone high surrogate", `{"a":"\ud83d"}`, 7},
		{"lone low surrogate", `{"a":"\ude00"}`, 7},
		{"high surrogate and another escape", `{"a":"\ud83d\u0041"}`, 7},
		{"lone surrogate in name", `{"\ud83d":1}`, 3},
		{"invalid UTF-8", "{\"a\":\"\xff\"}", 6},
		{"overlong UTF-8", "{\"a\":\"\xc0\xaf\"}", 6},
		{"UTF-8 of a surrogate", "{\"a\":\"\xed\xa0\x80\"}", 6},
		{"invalid UTF-8 in name", "{\"\xff\":1}", 2},
		{"invalid UTF-8 within long text", "{\"a\":\"0123456789\xe2\x28\xa1 0123456789\"}", 6},
		{"nested too deep", strings.Repeat(`{"a":`, 64) + `[]` + strings.Repeat(`}`, 64), 320},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := scan(c.doc)
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("got error %v, want a syntax error", err)
			}
			if syntax.Offset != c.offset {
				t.Errorf("got %v, want offset %d", err, c.offset)
			}
		})
	}
	if _, err := scan(strings.Repeat(`{"a":`, 63) + `[]` + strings.Repeat(`}`, 63)); err != nil {
		t.Errorf("depth %d: %v", MaxDepth, err)
	}
}

func TestScanRefusesDuplicates(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, doc, member string }{
		{"twice", `{"model":"a","model":"b"}`, "model"},
		{"twice, first null", `{"model":null,"model":"b"}`, "model"},
		{"escaped duplicate", `{"model":"a","mod\u0065l":"b"}`, "model"},
		{"upper-case duplicate", `{"model":"a","MODEL":"b"}`, "model"},
		{"variant alone", `{"Model":"a"}`, "model"},
		{"escaped variant", `{"\u004dodel":"a"}`, "model"},
		{"long s", `{"max_tokens":1,"max_tokenſ":9999}`, "max_tokens"},
		{"long s first", `{"ſtream":true}`, "stream"},
		{"escaped long s", `{"\u017ftream":true}`, "stream"},
		{"kelvin sign", "{\"max_to\u212aens\":1}", "max_tokens"},
		{"kelvin sign alone", "{\"\u212a\":1}", "k"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := scan(c.doc)
			var duplicate *DuplicateError
			if !errors.As(err, &duplicate) || duplicate.Name != c.member {
				t.Errorf("got error %v, want a duplicate of %s", err, c.member)
			}
		})
	}
}

// acceptable says with the standard library alone what Scan must accept.
func acceptable(doc []byte) bool {
	return json.Valid(doc) && utf8.Valid(doc) && strings.HasPrefix(strings.TrimLeft(string(doc), " \t\r\n"), "{") &&
		!loneSurrogate(string(doc)) && depth(doc) <= MaxDepth
}

// depth returns the deepest nesting of a valid document.
func depth(doc []byte) (deepest int) {
	d := json.NewDecoder(strings.NewReader(string(doc)))
	for level := 0; ; {
		token, err := d.Token()
		if err != nil {
			return deepest
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			level++
			deepest = max(deepest, level)
		case json.Delim('}'), json.Delim(']'):
			level--
		}
	}
}

// loneSurrogate finds surrogate escapes that are not part of a pair, which
// encoding/json would silently replace by U+FFFD.
func loneSurrogate(doc string) bool {
	for i := 0; i+1 < len(doc); i++ {
		if doc[i] != '\\' {
			continue
		}
		if doc[i+1] != 'u' || i+6 > len(doc) {
			i++
			continue
		}
		code := strings.ToLower(doc[i+2 : i+6])
		if code < "d800" || code > "dfff" {
			continue
		}
		if code > "dbff" || i+12 > len(doc) || doc[i+6] != '\\' || doc[i+7] != 'u' {
			return true
		}
		if low := strings.ToLower(doc[i+8 : i+12]); low < "dc00" || low > "dfff" {
			return true
		}
		i += 11
	}
	return false
}

// Strings are read in words and blocks: whatever matters must be seen at every
// place in them.
func TestScanSeesEveryByte(t *testing.T) {
	t.Parallel()
	names := NewNames("k")
	out := make([][]byte, 1)
	for _, filler := range []string{"a", " ", "\x7f", "#", "[", "é", "尺"} {
		for size := range 100 {
			for _, tail := range []string{``, `,"and":"more after it, so that no word is cut"`} {
				for _, piece := range []string{"\x00", "\x1f", "\n", "\xff", "\x80", "\xc3", `\"`, `\\`, `\u00e9`, `\x`, `\u12`, `\ud83d`, `"`, "é", "a"} {
					doc := []byte(`{"k":"` + strings.Repeat(filler, size) + piece + strings.Repeat(filler, size%40) + `"` + tail + `}`)
					err := Scan(doc, names, out)
					if want := acceptable(doc); want != (err == nil) {
						t.Fatalf("%q: got error %v, want acceptance %v", doc, err, want)
					}
				}
			}
		}
	}
}

func FuzzScan(f *testing.F) {
	for _, seed := range []string{
		`{"model":"m","stream":true,"messages":[{"role":"user","content":"hi \ud83d\ude00 Größe"}]}`,
		`{"a":[-0.5e+9,true,false,null,"\\\"\/\b\f\n\r\t"],"":{}}`,
		`{"a":"\ud83d"}`, `{"Model":1}`, "{\"a\":\"\xff\"}", `[1]`, ` {} `, "{\"a\":\"0123456789012345\x01\"}",
	} {
		f.Add([]byte(seed))
	}
	names := NewNames("model", "stream")
	out := make([][]byte, names.Len())
	f.Fuzz(func(t *testing.T, doc []byte) {
		err := Scan(doc, names, out)
		if _, ok := errors.AsType[*DuplicateError](err); ok {
			return // reported as soon as it is seen, the rest is not looked at
		}
		if want := acceptable(doc); want != (err == nil) {
			t.Fatalf("got error %v for %q, want acceptance %v", err, doc, want)
		}
		if err != nil {
			return
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(doc, &members); err != nil {
			t.Fatal(err)
		}
		for i, name := range []string{"model", "stream"} {
			if want := string(members[name]); want != string(out[i]) {
				t.Errorf("%s: got %q, want %q", name, out[i], want)
			}
		}
	})
}

// request builds a chat request of about the given size whose decided members
// come last, the worst order.
func request(size int) []byte {
	text := strings.Repeat("The quick brown fox jumps over the lazy dog, twice. ", 1+size/4/52)
	message := `{"role":"user","content":"` + text + `\n\"quoted\""},`
	count := max(1, size/len(message))
	messages := strings.TrimSuffix(strings.Repeat(message, count), ",")
	return []byte(`{"messages":[` + messages + `],"temperature":0.7,"model":"gpt-4o-mini","max_tokens":256,"stream":true}`)
}

func benchmarkScan(b *testing.B, size int) {
	doc := request(size)
	names := NewNames("model", "stream", "max_tokens")
	out := make([][]byte, names.Len())
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if err := Scan(doc, names, out); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkScan1K(b *testing.B)  { benchmarkScan(b, 1<<10) }
func BenchmarkScan20K(b *testing.B) { benchmarkScan(b, 20<<10) }

func TestScanAllocatesNothing(t *testing.T) { // not parallel: AllocsPerRun forbids it
	doc := request(4 << 10)
	names := NewNames("model", "stream")
	out := make([][]byte, names.Len())
	if n := testing.AllocsPerRun(50, func() { _ = Scan(doc, names, out) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
	if string(out[0]) != `"gpt-4o-mini"` {
		t.Errorf("model is %s", out[0])
	}
}
