// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jsonpeek

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// mustPatterns returns a set of patterns that are right.
func mustPatterns(t testing.TB, paths ...string) *Patterns {
	t.Helper()
	p, err := NewPatterns(paths...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// matches returns what the patterns lead to, each as pattern@element=value.
func matches(p *Patterns, doc string) ([]string, error) {
	var found []string
	err := p.Scan([]byte(doc), func(m Match) {
		found = append(found, fmt.Sprintf("%d@%d=%s", m.Pattern, m.Element, m.Value))
	})
	return found, err
}

func TestPatternsFind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		patterns []string
		doc      string
		want     []string
	}{
		{name: "member", patterns: []string{"a"}, doc: ` { "a" : 1 } `, want: []string{"0@0=1"}},
		{name: "nested", patterns: []string{"a.b.c"}, doc: `{"c":0,"b":{"c":1},"a":{"c":2,"b":{"c":[3]}}}`, want: []string{"0@0=[3]"}},
		{name: "elements", patterns: []string{"a.#.b"}, doc: `{"a":[{"b":"x"},{},{"b":null},7,[{"b":1}]]}`, want: []string{`0@0="x"`, "0@2=null"}},
		{name: "elements themselves", patterns: []string{"a.#"}, doc: `{"a":[1,"longer than a word",[],{}]}`, want: []string{"0@0=1", `0@1="longer than a word"`, "0@2=[]", "0@3={}"}},
		{name: "outermost array", patterns: []string{"a.#.b.#"}, doc: `{"a":[{"b":[1,2]},{"b":[3]}]}`, want: []string{"0@0=1", "0@0=2", "0@1=3"}},
		{name: "arrays of arrays", patterns: []string{"#.#"}, doc: `[[1],[],[2,3]]`, want: []string{"0@0=1", "0@2=2", "0@2=3"}},
		{name: "top-level array", patterns: []string{"#.a"}, doc: ` [ {"a":1} , {"a":2} ] `, want: []string{"0@0=1", "0@1=2"}},
		{name: "beginning of another", patterns: []string{"a.b", "a"}, doc: `{"a":{"b":1}}`, want: []string{"0@0=1", `1@0={"b":1}`}},
		{name: "the same twice", patterns: []string{"a", "a"}, doc: `{"a":true}`, want: []string{"0@0=true", "1@0=true"}},
		{name: "object or array", patterns: []string{"a.b", "a.#.b"}, doc: `{"a":[{"b":1}]}`, want: []string{"1@0=1"}},
		{name: "document order", patterns: []string{"a", "b", "c.d"}, doc: `{"c":{"d":3},"b":2,"a":1}`, want: []string{"2@0=3", "1@0=2", "0@0=1"}},
		{name: "through another type", patterns: []string{"a.b", "a.#"}, doc: `{"a":"b"}`},
		{name: "object where elements are meant", patterns: []string{"a.#.b"}, doc: `{"a":{"#":{"b":1},"b":1}}`},
		{name: "number sign in a name", patterns: []string{`\#`, "c#"}, doc: `{"#":1,"c#":2}`, want: []string{"0@0=1", "1@0=2"}},
		{name: "escapes in a path", patterns: []string{`a\.b.c\\d`}, doc: `{"a":{"b":0},"a.b":{"c\\d":1}}`, want: []string{"0@0=1"}},
		{name: "escaped names", patterns: []string{"a.bc"}, doc: `{"\u0061":{"\u0062\u0063":1}}`, want: []string{"0@0=1"}},
		{name: "name beyond ASCII", patterns: []string{"भाषा.é"}, doc: `{"भाषा":{"\u00e9":1}}`, want: []string{"0@0=1"}},
		{name: "the same name in several objects", patterns: []string{"a.#.b"}, doc: `{"a":[{"b":1},{"b":2}],"b":3}`, want: []string{"0@0=1", "0@1=2"}},
		{name: "others may repeat", patterns: []string{"a.b"}, doc: `{"x":1,"x":2,"X":{"b":1,"B":2},"a":{"y":1,"Y":2,"b":3}}`, want: []string{"0@0=3"}},
		{name: "what does not lead on may repeat", patterns: []string{"a.b"}, doc: `{"a":[{"b":1,"b":2}]}`},
		{name: "empty containers", patterns: []string{"a.b", "#.c"}, doc: `{"a":{ }}`},
		{name: "no patterns", doc: `[{"a":1}]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := matches(mustPatterns(t, c.patterns...), c.doc)
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestPatternsRefuseDuplicates(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, pattern, doc, member string }{
		{"at the end", "a.b", `{"a":{"b":1,"b":1}}`, "b"},
		{"on the way", "a.b", `{"a":{},"a":{"b":1}}`, "a"},
		{"of another type", "a.b", `{"a":1,"a":{"b":1}}`, "a"},
		{"variant", "a.b", `{"a":{"B":1}}`, "b"},
		{"variant on the way", "a.b", `{"a":{},"A":[]}`, "a"},
		{"escaped", "a.b", `{"a":{"b":1,"\u0062":2}}`, "b"},
		{"in an element", "#.a", `[{"a":1},{"a":1,"a":2}]`, "a"},
		{"long s", "a.#.source", `{"a":[{"ſource":1}]}`, "source"},
		{"plain s for a long one", "ſource", `{"source":1}`, "ſource"},
		{"beyond ASCII", "É", `{"é":1}`, "É"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := matches(mustPatterns(t, c.pattern), c.doc)
			if duplicate, ok := errors.AsType[*DuplicateError](err); !ok || duplicate.Name != c.member {
				t.Errorf("got error %v, want a duplicate of %s", err, c.member)
			}
		})
	}
}

func TestLenientPatterns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name            string
		strict, lenient []string
		doc             string
		want            []string
		duplicate       string // the member that is refused
	}{
		{name: "the first counts", lenient: []string{"a.b"}, doc: `{"a":{"b":1,"b":2},"a":{"b":3}}`, want: []string{"0@0=1"}},
		{name: "a variant does not", lenient: []string{"a.b"}, doc: `{"A":{"b":1},"a":{"B":2}}`},
		{name: "a variant beside it", lenient: []string{"a"}, doc: `{"A":1,"a":2,"A":3}`, want: []string{"0@0=2"}},
		{name: "escaped", lenient: []string{"a"}, doc: `{"\u0041":1,"\u0061":2,"a":3}`, want: []string{"0@0=2"}},
		{name: "in elements", lenient: []string{"#.a"}, doc: `[{"a":1,"a":2},{"a":3}]`, want: []string{"0@0=1", "0@1=3"}},
		{name: "variants of each other", lenient: []string{"a", "A"}, doc: `{"A":1,"a":2}`, want: []string{"1@0=1", "0@0=2"}},
		{name: "variants, escaped", lenient: []string{"a", "A"}, doc: `{"\u0041":1,"\u0061":2}`, want: []string{"1@0=1", "0@0=2"}},
		{name: "variants beyond ASCII", lenient: []string{"é", "É"}, doc: `{"É":1,"é":2}`, want: []string{"1@0=1", "0@0=2"}},
		{name: "counted behind the strict ones", strict: []string{"a"}, lenient: []string{"b"}, doc: `{"B":0,"b":1,"a":2}`, want: []string{"1@0=1", "0@0=2"}},
		{name: "strict as well", strict: []string{"a"}, lenient: []string{"a"}, doc: `{"a":1,"a":2}`, duplicate: "a"},
		{name: "strict as well, on the way", strict: []string{"a.b"}, lenient: []string{"a.c"}, doc: `{"A":1}`, duplicate: "a"},
		{name: "lenient below what is strict", strict: []string{"a.b"}, lenient: []string{"a.c"}, doc: `{"a":{"C":0,"c":1,"c":2,"b":3}}`, want: []string{"1@0=1", "0@0=3"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, err := NewLenientPatterns(c.strict, c.lenient)
			if err != nil {
				t.Fatal(err)
			}
			got, err := matches(p, c.doc)
			if c.duplicate != "" {
				if d, ok := errors.AsType[*DuplicateError](err); !ok || d.Name != c.duplicate {
					t.Errorf("got error %v, want a duplicate of %s", err, c.duplicate)
				}
				return
			}
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
	if _, err := NewLenientPatterns([]string{"a"}, []string{"A"}); err == nil || !strings.Contains(err.Error(), `"A" differs only in case from "a"`) {
		t.Errorf("a variant of a strict pattern: %v", err)
	}
}

func TestPatternsRefuseSyntax(t *testing.T) {
	t.Parallel()
	p := mustPatterns(t, "a.b", "a.#.b", "#.a", strings.Repeat("d.", MaxDepth-1)+"d")
	for _, c := range []struct {
		name, doc string
		offset    int
	}{
		{"empty", " ", 1},
		{"string", `"a"`, 0},
		{"byte order mark", "\xEF\xBB\xBF{}", 0},
		{"data after an object", `{"a":{"b":1}} 1`, 14},
		{"data after an array", `[{"a":1}],`, 9},
		{"no value", `{"a":}`, 5},
		{"no value within", `{"a":{"b":}}`, 10},
		{"no end", `{"a":{"b":1}`, 12},
		{"no end of an array", `[{"a":1}`, 8},
		{"no comma", `{"a":{"b":1 "c"}}`, 12},
		{"no comma in an array", `[{"a":1} {}]`, 9},
		{"comma at the end", `{"a":[{"b":1},]}`, 14},
		{"invalid UTF-8 in a match", "{\"a\":{\"b\":\"\xff\"}}", 11},
		{"lone surrogate in a match", `{"a":{"b":"\ud800"}}`, 12},
		{"lone surrogate elsewhere", `{"a":{"b":1},"x":"\ud800"}`, 19},
		{"nested too deep", strings.Repeat(`{"a":`, MaxDepth) + `[]` + strings.Repeat(`}`, MaxDepth), 5 * MaxDepth},
		{"pattern too deep", strings.Repeat(`{"d":`, MaxDepth) + `{}` + strings.Repeat(`}`, MaxDepth), 5 * MaxDepth},
		{"arrays too deep", strings.Repeat(`[`, MaxDepth+1), MaxDepth},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := matches(p, c.doc)
			if syntax, ok := errors.AsType[*SyntaxError](err); !ok || syntax.Offset != c.offset {
				t.Errorf("got error %v, want one of syntax at byte %d", err, c.offset)
			}
		})
	}
	deepest := strings.Repeat(`{"d":`, MaxDepth) + `1` + strings.Repeat(`}`, MaxDepth)
	if got, err := matches(p, deepest); err != nil || !slices.Equal(got, []string{"3@0=1"}) {
		t.Errorf("depth %d: got %q, %v", MaxDepth, got, err)
	}
}

func TestNewPatternsRefuses(t *testing.T) {
	t.Parallel()
	many := make([]string, maxMembers+1)
	for i := range many {
		many[i] = fmt.Sprintf("a.b%d", i)
	}
	for _, c := range []struct {
		name  string
		paths []string
		want  string // part of the message
	}{
		{"empty", []string{"a", ""}, `parse path "": it is empty`},
		{"empty name", []string{"a..b"}, "a name is empty"},
		{"dot at the beginning", []string{".a"}, "a name is empty"},
		{"dot at the end", []string{"a."}, "a name is empty"},
		{"backslash before a letter", []string{`a\b`}, "a backslash stands before"},
		{"backslash at the end", []string{`a\`}, "a backslash stands before"},
		{"invalid UTF-8", []string{"a\xff"}, "not valid UTF-8"},
		{"too deep", []string{strings.Repeat("a.", MaxDepth) + "a"}, "more than 64 steps"},
		{"case variant", []string{"a.lang", "a.Lang"}, `"Lang" differs only in case from "lang"`},
		{"variant on the way", []string{"a.x", "A.y"}, `"A" differs only in case from "a"`},
		{"too many", many, "more than 64 members"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, err := NewPatterns(c.paths...); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one that says %q", err, c.want)
			}
		})
	}
	if _, err := NewPatterns(many[1:]...); err != nil {
		t.Errorf("%d members: %v", maxMembers, err)
	}
}

func TestPatternsAllocateNothing(t *testing.T) { // not parallel: AllocsPerRun forbids it
	doc := translation()
	p := mustPatterns(t, "config.language.sourceLanguage", "inputData.input.#.source")
	found := 0
	if n := testing.AllocsPerRun(50, func() { _ = p.Scan(doc, func(Match) { found++ }) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
	if found != 51*6 {
		t.Errorf("%d matches, want %d", found, 51*6)
	}
}
