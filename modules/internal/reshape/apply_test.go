// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package reshape

import (
	"errors"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
)

// edits reads lines as they stand in a Caddyfile, words separated by spaces.
func edits(t testing.TB, lines string) []Edit {
	t.Helper()
	var list []Edit
	for line := range strings.Lines(lines) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		more, err := ParseArgs(Verb(words[0]), words[1:])
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		list = append(list, more...)
	}
	return list
}

// planned compiles lines.
func planned(t testing.TB, lines string) *Plan {
	t.Helper()
	p, err := Compile(edits(t, lines), Options{Reserved: func(name string) string {
		if name == "Host" {
			return "demo"
		}
		return ""
	}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestApply(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, edits, doc, want string }{
		{"remove first", "remove a", `{"a":1, "b":2}`, `{ "b":2}`},
		{"remove last", "remove b", `{"a": 1 , "b":2 }`, `{"a": 1  }`},
		{"remove only", "remove a", ` {"a":1} `, ` {} `},
		{"remove all", "remove a b c", `{"a":1,"b":2,"c":3}`, `{}`},
		{"remove nested", "remove a.b", `{"x":1.00,"a":{"b":[{}],"c":"é\n"}}`, `{"x":1.00,"a":{"c":"é\n"}}`},
		{"remove what is not there", "remove a.b.c", `{"a":{"x":1}}`, ``},
		{"remove in what is no object", "remove a.b", `{"a":"b"}`, ``},
		{"remove an element", "remove a.1", `{"a":[1, 2, 3]}`, `{"a":[1, 3]}`},
		{"remove two elements", "remove a.0 a.1", `{"a":[1,2,3,4]}`, `{"a":[2,4]}`},
		{"remove elements", "remove a.#", `{"a":[1,[2],{}]}`, `{"a":[]}`},
		{"remove in elements", "remove a.#.b", `{"a":[{"b":1},2,{"c":3,"b":4},[{"b":5}],{"d":6}]}`, `{"a":[{},2,{"c":3},[{"b":5}],{"d":6}]}`},
		{"remove in an array at the top", "remove #.b", `[{"b":1},{"b":2,"c":3}]`, `[{},{"c":3}]`},
		{"a number names a member too", "remove a.0", `{"a":{"0":1,"1":2}}`, `{"a":{"1":2}}`},
		{"an escaped number names a member only", `remove a.\0`, `{"a":[1]}`, ``},
		{"a name with a dot", `remove a\.b`, `{"a.b":1,"a":{"b":2}}`, `{"a":{"b":2}}`},
		{"a name in escapes", "remove a", `{"\u0061":1,"x":2}`, `{"x":2}`},
		{"a name with quotes", `remove a"b`, `{"a\"b":1,"x":2}`, `{"x":2}`},
		{"rename", "rename a b", `{"a" : {"x":1},"c":2}`, `{"b" : {"x":1},"c":2}`},
		{"rename over another", "rename a b", `{"b":1,"a":2}`, `{"b":2}`},
		{"rename to itself", "rename a a", `{"a":1}`, ``},
		{"rename within", "rename a.b c", `{"a":{"b":1},"b":2}`, `{"a":{"c":1},"b":2}`},
		{"rename within elements", "rename a.#.b c", `{"a":[{"b":1},{"x":2}]}`, `{"a":[{"c":1},{"x":2}]}`},
		{"rename an element", "rename a.0 b", `{"a":[1]}`, ``},
		{"rename to a name with quotes", `rename a b"c`, `{"a":1}`, `{"b\"c":1}`},
		{"replace", "replace a x", `{"a":[1,2],"b":3}`, `{"a":"x","b":3}`},
		{"replace what is not there", "replace a x", `{"b":3}`, ``},
		{"replace null", "replace a 1", `{"a":null}`, `{"a":1}`},
		{"replace elements", "replace a.# 0", `{"a":[1, "x", {}]}`, `{"a":[0, 0, 0]}`},
		{"replace an element", "replace a.2 0", `{"a":[1,2,3,4]}`, `{"a":[1,2,0,4]}`},
		{"replace a missing element", "replace a.9 0", `{"a":[1]}`, ``},
		{"set both", "set a 1\nset b 2", `{"a":0}`, `{"a":1,"b":2}`},
		{"set on a way that is missing", "set a.b.c x", `{}`, `{"a":{"b":{"c":"x"}}}`},
		{"set on a way that is null", "set a.b x", `{"a":null}`, `{"a":{"b":"x"}}`},
		{"set on a way that is barred", "set a.b x", `{"a":1}`, ``},
		{"set makes no arrays", "set a.0 x", `{}`, ``},
		{"set behind the last element", "set a.1 x", `{"a":[0]}`, `{"a":[0,"x"]}`},
		{"set beyond that", "set a.2 x", `{"a":[0]}`, ``},
		{"set in an empty array", "add a.0 x", `{"a":[ ]}`, `{"a":["x" ]}`},
		{"set in elements", "set a.#.b 1", `{"a":[{"b":0},{},null,7]}`, `{"a":[{"b":1},{"b":1},null,7]}`},
		{"add", "add b 2", `{"a":1}`, `{"a":1,"b":2}`},
		{"add keeps white space", "add b 2", "{\n  \"a\": 1\n}\n", "{\n  \"a\": 1,\"b\":2\n}\n"},
		{"add what is there", "add a 2", `{"a":1}`, ``},
		{"add what is null", "add a 2", `{"a":null}`, ``},
		{"add to nothing", "add a 1", ``, `{"a":1}`},
		{"remove from nothing", "remove a", ``, ``},
		{"append to an array", "append a x", `{"a":[ 1 ]}`, `{"a":[ 1,"x" ]}`},
		{"append to an empty array", "append a x", `{"a":[]}`, `{"a":["x"]}`},
		{"append to a value", "append a x", `{"a":"w"}`, `{"a":["w","x"]}`},
		{"append to an object", "append a x", `{"a":{"b":1}}`, `{"a":[{"b":1},"x"]}`},
		{"append to nothing", "append a.b x", `{}`, `{"a":{"b":["x"]}}`},
		{"append to null", "append a x", `{"a":null}`, `{"a":["x"]}`},
		{"append to elements", "append a.# 1", `{"a":[[],2]}`, `{"a":[[1],[2,1]]}`},
		{"append twice", "append a x\nappend a y", `{}`, `{"a":["x","y"]}`},
		{"append what was edited", "set a.b 1\nappend a 2", `{"a":{"b":0}}`, `{"a":[{"b":1},2]}`},
		{"order", "append c z\nadd c y\nreplace b 2\nrename a b\nremove d", `{"d":0,"a":1}`, `{"b":2,"c":["y","z"]}`},
		{"a renamed member is found", "rename a b\nreplace b 2\nappend b 3", `{"a":1}`, `{"b":[2,3]}`},
		{"a removed member is not", "remove a\nreplace a 2\nadd a 3", `{"a":1,"x":0}`, `{"x":0,"a":3}`},
		{"into what was set", "set a {\"b\":[1]}\nappend a.b 2", `{}`, `{"a":{"b":[1,2]}}`},
		{"every one of a name", "replace a 2", `{"a":0,"b":1,"a":0}`, `{"a":2,"b":1,"a":2}`},
		{"rename every one of a name", "rename a b", `{"a":0,"b":1,"a":2}`, `{"b":2}`},
		{"another case is another name", "remove a", `{"A":1}`, ``},
		{
			"types", "add a -1\nadd b true\nadd c null\nadd d [1,{}]\nadd e x\nadd f -1 string\nadd g \"q\"\nadd h \"q\" json\nadd i 01", `{}`,
			`{"a":-1,"b":true,"c":null,"d":[1,{}],"e":"x","f":"-1","g":"\"q\"","h":"q","i":"01"}`,
		},
		{"no escapes more than needed", "add a /h<i>&ü", `{}`, `{"a":"/h<i>&ü"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var d Editor
			b := planned(t, tt.edits).Bind(nil)
			got, edited, err := d.Apply([]byte("x"), []byte(tt.doc), b, false)
			if err != nil || string(got) != "x"+tt.want || edited != (tt.want != "") {
				t.Errorf("Apply() = %s, %v, %v; want x%s", got, edited, err, tt.want)
			}
			if edited && jsonpeek.Check(got[1:]) != nil {
				t.Errorf("the result is not valid: %s", got[1:])
			}
		})
	}
}

func TestApplyRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, edits, doc, want string }{
		{"twice", "remove a", `{"a":1,"a":2}`, "duplicate"},
		{"another case", "set a 1", `{"A":1}`, "duplicate"},
		{"in escapes", "set a 1", `{"a":1,"\u0061":2}`, "duplicate"},
		{"folded", "set k 1", `{"K":1}`, "duplicate"},
		{"on the way", "set a.b 1", `{"a":{},"a":{}}`, "duplicate"},
		{"the new name", "rename a b", `{"a":1,"B":1}`, "duplicate"},
		{"the new name twice", "rename a b", `{"b":1,"a":1,"b":2}`, "duplicate"},
		{"in elements", "remove a.#.b", `{"a":[{"b":1,"b":2}]}`, "duplicate"},
		{"elsewhere", "remove a.b", `{"a":{"b":1},"b":1,"B":2,"x":1,"x":2}`, ""},
		{"no JSON", "remove a", `{"a":1`, "syntax"},
		{"more than one", "remove a", `{} {}`, "syntax"},
		{"too much", "remove a.#.b", `{"a":[` + strings.Repeat(`{},`, MaxNodes) + `{}]}`, "many"},
		{"as much, not looked into", "remove a.b", `{"a":[` + strings.Repeat(`{},`, MaxNodes) + `{}]}`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var d Editor
			got, _, err := d.Apply(nil, []byte(tt.doc), planned(t, tt.edits).Bind(nil), true)
			kind := ""
			if _, ok := errors.AsType[*jsonpeek.DuplicateError](err); ok {
				kind = "duplicate"
			} else if _, ok := errors.AsType[*jsonpeek.SyntaxError](err); ok {
				kind = "syntax"
			} else if errors.Is(err, ErrTooMany) {
				kind = "many"
			}
			if kind != tt.want || err != nil && len(got) > 0 {
				t.Errorf("Apply() = %s, %v; want an error about: %s", got, err, tt.want)
			}
		})
	}
}

// Editors are used again, and keep nothing of a large document.
func TestEditorForgets(t *testing.T) {
	t.Parallel()
	var d Editor
	b := planned(t, "remove a.#").Bind(nil)
	for range 3 {
		for _, doc := range []string{`{"a":[1,2,3]}`, `{"a":[` + strings.Repeat(`1,`, 1000) + `1]}`} {
			if got, _, err := d.Apply(nil, []byte(doc), b, true); err != nil || string(got) != `{"a":[]}` {
				t.Fatalf("Apply() = %s, %v", got, err)
			}
			if cap(d.nodes) > keptNodes {
				t.Errorf("%d nodes are kept", cap(d.nodes))
			}
		}
	}
}

func TestApplyAllocatesItsResult(t *testing.T) {
	doc := []byte(`{"model":"m","meta":{"debug":true,"tags":["a"]},"messages":[{"role":"user","content":"text"}],"x":1}`)
	b := planned(t, "remove meta.debug\nreplace model n\nadd meta.gateway tollgate\nappend meta.tags b").Bind(nil)
	var d Editor
	out := make([]byte, 0, 1024)
	allocs := testing.AllocsPerRun(100, func() {
		if _, edited, err := d.Apply(out, doc, b, true); err != nil || !edited {
			t.Error(edited, err)
		}
	})
	if allocs > 3 { // what is made for the edits that put something where nothing is
		t.Errorf("%v allocations", allocs)
	}
}

func BenchmarkApply(b *testing.B) {
	for _, size := range []int{1 << 10, 200 << 10} {
		doc := []byte(`{"model":"m","messages":[{"role":"user","content":"` + strings.Repeat("some words of text ", size/19) + `"}],"meta":{"debug":true}}`)
		b.Run(map[bool]string{true: "1KB", false: "200KB"}[size == 1<<10], func(b *testing.B) {
			bound := planned(b, "remove meta.debug\nset meta.gateway tollgate\nreplace model n").Bind(nil)
			var d Editor
			out := make([]byte, 0, 2*size)
			b.SetBytes(int64(len(doc)))
			b.ReportAllocs()
			for b.Loop() {
				if _, edited, err := d.Apply(out, doc, bound, true); err != nil || !edited {
					b.Fatal(edited, err)
				}
			}
		})
	}
}
