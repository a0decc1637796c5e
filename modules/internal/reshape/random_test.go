// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package reshape

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The oracle edits what encoding/json makes of a document. It knows no bytes, no plan
// and no path but a list of words.

type oracleEdit struct {
	verb  string
	words []string
	to    string
	value any
}

var (
	names  = []string{"a", "b", "c", "0", "1", "é", "a b"}
	places = []string{"0", "1", "2", "#"}
)

// randomValue is a value of at most some depth.
func randomValue(r *rand.Rand, depth int) any {
	switch n := r.IntN(10); {
	case depth > 0 && n < 4:
		m := map[string]any{}
		for range r.IntN(5) {
			m[names[r.IntN(len(names))]] = randomValue(r, depth-1)
		}
		return m
	case depth > 0 && n < 6:
		list := []any{}
		for range r.IntN(4) {
			list = append(list, randomValue(r, depth-1))
		}
		return list
	case n == 6:
		return nil
	case n == 7:
		return r.IntN(2) == 0
	case n == 8:
		return json.Number([]string{"1.00", "-0", "12345678901234567890123", "1e5"}[r.IntN(4)])
	}
	return []string{"", "x", "\"quoted\"", "ü\n", "{a}", "null"}[r.IntN(6)]
}

// written writes a value with white space of all kinds and escapes here and there.
func written(r *rand.Rand, v any) string {
	space := func() string { return []string{"", "", "", " ", "\n\t"}[r.IntN(5)] }
	var b strings.Builder
	text := func(s string) {
		if r.IntN(4) == 0 {
			b.WriteByte('"')
			for _, c := range s {
				fmt.Fprintf(&b, `\u%04x`, c)
			}
			b.WriteByte('"')
			return
		}
		q, _ := json.Marshal(s)
		b.Write(q)
	}
	switch v := v.(type) {
	case map[string]any:
		b.WriteByte('{')
		keys := slices.Collect(maps.Keys(v))
		slices.Sort(keys)
		r.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		for i, k := range keys {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(space())
			text(k)
			b.WriteString(space() + ":" + space() + written(r, v[k]) + space())
		}
		if len(v) == 0 {
			b.WriteString(space())
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(space() + written(r, e) + space())
		}
		b.WriteByte(']')
	case string:
		text(v)
	default:
		q, _ := json.Marshal(v)
		b.Write(q)
	}
	return b.String()
}

// wordsIn leads to something that is in a value.
func wordsIn(r *rand.Rand, v any) (words []string) {
	for {
		switch at := v.(type) {
		case map[string]any:
			keys := slices.Sorted(maps.Keys(at))
			if len(keys) == 0 {
				return words
			}
			key := keys[r.IntN(len(keys))]
			words, v = append(words, key), at[key]
		case []any:
			if len(at) == 0 {
				return words
			}
			i := r.IntN(len(at))
			words, v = append(words, []string{strconv.Itoa(i), "#"}[r.IntN(2)]), at[i]
		default:
			return words
		}
		if r.IntN(3) == 0 {
			return words
		}
	}
}

func randomEdit(r *rand.Rand, doc any) oracleEdit {
	e := oracleEdit{verb: string(Verbs[r.IntN(len(Verbs))])}
	if r.IntN(2) == 0 {
		e.words = wordsIn(r, doc)
	}
	for len(e.words) == 0 || r.IntN(3) == 0 {
		if r.IntN(3) == 0 {
			e.words = append(e.words, places[r.IntN(len(places))])
		} else {
			e.words = append(e.words, names[r.IntN(len(names))])
		}
	}
	if last := len(e.words) - 1; e.words[last] == "#" && (e.verb == "add" || e.verb == "rename") {
		e.words[last] = "a"
	}
	e.to = names[r.IntN(len(names))]
	e.value = randomValue(r, 2)
	return e
}

func (e *oracleEdit) edit(r *rand.Rand) Edit {
	out := Edit{Do: Verb(e.verb), In: Body, Name: strings.Join(e.words, ".")}
	switch {
	case e.verb == "rename":
		out.To = e.to
	case e.verb != "remove":
		out.Value, out.Type = written(r, e.value), JSON
	}
	return out
}

// run edits a value at the words from i on, and returns what stands in its place.
func (e *oracleEdit) run(v any, i int) any {
	word, last := e.words[i], i == len(e.words)-1
	creates := e.verb == "set" || e.verb == "add" || e.verb == "append"
	switch v := v.(type) {
	case map[string]any:
		if word == "#" {
			return v
		}
		old, have := v[word]
		switch {
		case !have:
			if made, ok := e.made(i + 1); creates && ok && !isPosition(word) {
				v[word] = made
			}
		case !last && old == nil && creates:
			if made, ok := e.made(i + 1); ok {
				v[word] = made
			}
		case !last:
			v[word] = e.run(old, i+1)
		case e.verb == "remove":
			delete(v, word)
		case e.verb == "rename":
			delete(v, word)
			v[e.to] = old
		default:
			v[word] = e.changed(old)
		}
	case []any:
		if word != "#" && !isPosition(word) {
			return v
		}
		at, _ := strconv.Atoi(word)
		kept := []any{}
		for k, old := range v {
			switch {
			case word != "#" && k != at:
				kept = append(kept, old)
			case !last:
				kept = append(kept, e.run(old, i+1))
			case e.verb == "remove":
			case e.verb == "rename":
				kept = append(kept, old)
			default:
				kept = append(kept, e.changed(old))
			}
		}
		if word != "#" && at == len(v) && last && (e.verb == "set" || e.verb == "add") {
			kept = append(kept, clone(e.value))
		}
		return kept
	}
	return v
}

// changed is what replace, set, add and append make of a value that is there.
func (e *oracleEdit) changed(old any) any {
	switch e.verb {
	case "replace", "set":
		return clone(e.value)
	case "append":
		if list, ok := old.([]any); ok {
			return append(list, clone(e.value))
		}
		if old == nil {
			return []any{clone(e.value)}
		}
		return []any{old, clone(e.value)}
	}
	return old
}

// made is the value with objects for the words from i on around it.
func (e *oracleEdit) made(i int) (any, bool) {
	if i == len(e.words) {
		if e.verb == "append" {
			return []any{clone(e.value)}, true
		}
		return clone(e.value), true
	}
	if e.words[i] == "#" || isPosition(e.words[i]) {
		return nil, false
	}
	inner, ok := e.made(i + 1)
	return map[string]any{e.words[i]: inner}, ok
}

func isPosition(word string) bool { return word != "" && strings.Trim(word, "0123456789") == "" }

func clone(v any) any {
	text, _ := json.Marshal(v)
	var out any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	_ = d.Decode(&out)
	return out
}

func decoded(t testing.TB, doc string) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(doc))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("decode %s: %v", doc, err)
	}
	return v
}

// TestRandomDocuments compares edits of 10,000 random documents with the oracle.
func TestRandomDocuments(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 11))
	var d Editor
	changedSome := 0
	for i := 0; i < 10_000; {
		root := randomValue(r, 5)
		if _, leaf := root.([]any); !leaf && r.IntN(8) > 0 {
			root = map[string]any{"a": root, "b": randomValue(r, 4), "c": randomValue(r, 3)}
		}
		doc := written(r, root)
		list := make([]oracleEdit, 1+r.IntN(6))
		given := make([]Edit, 0, len(list))
		for k := range list {
			list[k] = randomEdit(r, root)
			given = append(given, list[k].edit(r))
		}
		p, err := Compile(given, Options{})
		if err != nil {
			if strings.Contains(err.Error(), "twice") {
				continue
			}
			t.Fatalf("compile %v: %v", given, err)
		}
		got, edited, err := d.Apply(nil, []byte(doc), p.Bind(func(s string) string { return s }), i%2 == 0)
		if err != nil {
			t.Fatalf("edit %s by %v: %v", doc, given, err)
		}
		i++
		after := string(got)
		if !edited {
			after = doc
		}
		slices.SortStableFunc(list, func(a, b oracleEdit) int {
			return slices.Index(Verbs, Verb(a.verb)) - slices.Index(Verbs, Verb(b.verb))
		})
		want := decoded(t, doc)
		for k := range list {
			want = list[k].run(want, 0)
		}
		if !reflect.DeepEqual(decoded(t, after), want) {
			t.Fatalf("document %s\nedits %+v\ngot  %s\nwant %v", doc, given, after, want)
		}
		if edited {
			changedSome++
		}
	}
	if changedSome < 6000 {
		t.Errorf("only %d documents were changed", changedSome)
	}
}

// FuzzApply checks that an edited document is valid, that edits once made change nothing
// more, and that what no edit reaches stays.
func FuzzApply(f *testing.F) {
	for _, s := range []string{`{}`, `[]`, `{"a":[{"b":1},{"b":2}],"c":{"d":null}}`, `{"\u0061":[],"A":1}`, `{"a":1,"a":2}`, ` [{"b" : 1.50}] `, `{"c":{"d":{"e":1},"x":"\u00e9"}}`} {
		f.Add([]byte(s))
	}
	p := planned(f, "remove a.#.b\nremove #.b\nrename c.x y\nset c.d.e 1\nadd n {\"v\":\"w\"}")
	f.Fuzz(func(t *testing.T, doc []byte) {
		for _, strict := range []bool{false, true} {
			var d Editor
			out, edited, err := d.Apply(nil, doc, p.Bind(nil), strict)
			if err != nil || !edited {
				continue
			}
			if !json.Valid(out) {
				t.Fatalf("%s became %s", doc, out)
			}
			again, _, err := d.Apply(nil, out, p.Bind(nil), strict)
			if err != nil || len(again) > 0 && !bytes.Equal(again, out) {
				t.Fatalf("%s became %s and then %s, %v", doc, out, again, err)
			}
		}
	})
}
