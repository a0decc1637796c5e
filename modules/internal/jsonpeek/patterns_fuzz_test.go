// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jsonpeek

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// node is a value as encoding/json reads it, with the members of objects in their
// order and as often as they are there: a list of members, a list of values, or a
// scalar.
type node any

type member struct {
	name  string
	value node
}

// tree reads a valid document.
func tree(t *testing.T, d *json.Decoder) node {
	t.Helper()
	token, err := d.Token()
	if err != nil {
		t.Fatal(err)
	}
	switch token {
	case json.Delim('{'):
		members := []member{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				t.Fatal(err)
			}
			members = append(members, member{name.(string), tree(t, d)})
		}
		_, _ = d.Token()
		return members
	case json.Delim('['):
		elements := []node{}
		for d.More() {
			elements = append(elements, tree(t, d))
		}
		_, _ = d.Token()
		return elements
	}
	return token
}

func treeOf(t *testing.T, doc []byte) node {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	return tree(t, d)
}

// sighting is a match, with what its value means.
type sighting struct {
	element int
	value   node
}

// follow returns what the steps of a pattern lead to, and whether one of the members
// on the way repeats or has a variant.
func follow(at node, steps []string, element int) (found []sighting, repeats bool) {
	if len(steps) == 0 {
		return []sighting{{max(element, 0), at}}, false
	}
	switch at := at.(type) {
	case []member:
		if steps[0] == "#" {
			return nil, false
		}
		count := 0
		for _, m := range at {
			if !strings.EqualFold(m.name, steps[0]) {
				continue
			}
			count++
			repeats = repeats || count > 1 || m.name != steps[0]
			f, r := follow(m.value, steps[1:], element)
			found, repeats = append(found, f...), repeats || r
		}
	case []node:
		if steps[0] != "#" {
			return nil, false
		}
		for i, value := range at {
			if element >= 0 {
				i = element
			}
			f, r := follow(value, steps[1:], i)
			found, repeats = append(found, f...), repeats || r
		}
	}
	return found, repeats
}

// followFirst returns what the steps of a lenient pattern lead to.
func followFirst(at node, steps []string, element int) (found []sighting) {
	if len(steps) == 0 {
		return []sighting{{max(element, 0), at}}
	}
	switch at := at.(type) {
	case []member:
		for _, m := range at {
			if m.name == steps[0] && steps[0] != "#" {
				return followFirst(m.value, steps[1:], element)
			}
		}
	case []node:
		for i, value := range at {
			if steps[0] != "#" {
				return nil
			}
			if element >= 0 {
				i = element
			}
			found = append(found, followFirst(value, steps[1:], i)...)
		}
	}
	return found
}

// FuzzPatterns compares the matches with what encoding/json makes of a document, and
// what is refused with what Scan refuses.
func FuzzPatterns(f *testing.F) {
	for _, seed := range []string{
		`{"a":{"b":1,"k":{"b":"x"}},"as":[{"a":"v"},{"a":[1,[2]]},{}]}`, `[{"a":1},[[{"b":2}]],{"a":{"b":3}}]`,
		`{"\u0061":{"\u0062":"\ud83d\ude00"},"A":1}`, `{"a":[[{"b":1},{"b":null}],[]],"as":[{"a":1,"\u212a":2}]}`,
		`{"a":{"b":1,"B":2}}`, `{"as":[{"a":1,"a":2}],"aſ":0}`, `{"a":"\ud83d"}`, "{\"a\":{\"b\":\"\xff\"}}", `{"a":[[`, ` [ ] `,
		strings.Repeat(`[`, 65) + strings.Repeat(`]`, 65), `{"a":{"k":{"b":[1,{}],"c":2}},"é":1}`,
	} {
		f.Add([]byte(seed))
	}
	paths := []string{"a", "a.b", "a.k.b", "a.#.#.b", "as.#.a", "#.a", "#.a.b", "#.#", "as", "é", "as.#.k"}
	p := mustPatterns(f, paths...)
	lenient, err := NewLenientPatterns(nil, paths)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		got := make([][]sighting, len(paths))
		err := p.Scan(doc, func(m Match) {
			if json.Valid(m.Value) {
				got[m.Pattern] = append(got[m.Pattern], sighting{m.Element, treeOf(t, m.Value)})
			} else {
				t.Fatalf("%q: match %q is no value", doc, m.Value)
			}
		})
		duplicate, isDuplicate := errors.AsType[*DuplicateError](err)
		first := skipSpace(doc, 0)
		if _, isSyntax := errors.AsType[*SyntaxError](err); isSyntax && first < len(doc) && doc[first] == '{' {
			if want := Scan(doc, NewNames(), nil); !reflect.DeepEqual(err, want) {
				t.Fatalf("%q: got error %v, while Scan says %v", doc, err, want)
			}
		}
		sound := json.Valid(doc) && utf8.Valid(doc) && (doc[first] == '{' || doc[first] == '[') &&
			!loneSurrogate(string(doc)) && depth(doc) <= MaxDepth
		if !sound {
			if err == nil {
				t.Fatalf("%q is accepted", doc)
			}
			return // a duplicate is reported as soon as it is seen
		}
		if err != nil && !isDuplicate {
			t.Fatalf("%q: %v", doc, err)
		}
		root := treeOf(t, doc)
		firsts := make([][]sighting, len(paths))
		if err := lenient.Scan(doc, func(m Match) {
			firsts[m.Pattern] = append(firsts[m.Pattern], sighting{m.Element, treeOf(t, m.Value)})
		}); err != nil {
			t.Fatalf("%q: lenient patterns: %v", doc, err)
		}
		anyRepeats := false
		for i, path := range paths {
			want, repeats := follow(root, strings.Split(path, "."), -1)
			anyRepeats = anyRepeats || repeats
			if want := followFirst(root, strings.Split(path, "."), -1); len(want)+len(firsts[i]) > 0 && !reflect.DeepEqual(firsts[i], want) {
				t.Fatalf("%q: %s, leniently: got %v, want %v", doc, path, firsts[i], want)
			}
			if err == nil && (len(want)+len(got[i]) > 0) && !reflect.DeepEqual(got[i], want) {
				t.Fatalf("%q: %s: got %v, want %v", doc, path, got[i], want)
			}
		}
		if anyRepeats != isDuplicate {
			t.Fatalf("%q: got error %v (%v), while a member repeats: %v", doc, err, duplicate, anyRepeats)
		}
	})
}
