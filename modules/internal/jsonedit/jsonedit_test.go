// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jsonedit

import (
	"errors"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
)

func TestSet(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		doc  string
		path string // names separated by dots
		want string
	}{
		{name: "replace", doc: `{"a":1,"b":2}`, path: "b", want: `{"a":1,"b":true}`},
		{name: "replace a container", doc: `{"a":[{"x":"]}"},{}],"b":2}`, path: "a", want: `{"a":true,"b":2}`},
		{name: "replace null", doc: `{"a": null }`, path: "a", want: `{"a": true }`},
		{name: "replace within", doc: `{"a":{"b":{"c":false,"d":1}}}`, path: "a.b.c", want: `{"a":{"b":{"c":true,"d":1}}}`},
		{name: "insert into nothing", doc: `{}`, path: "a", want: `{"a":true}`},
		{name: "insert into white space", doc: " {\n} ", path: "a", want: " {\"a\":true\n} "},
		{name: "insert before others", doc: `{ "b" : 1 }`, path: "a", want: `{"a":true, "b" : 1 }`},
		{name: "insert within", doc: `{"x":"}","a":{"b":1},"y":[]}`, path: "a.c", want: `{"x":"}","a":{"c":true,"b":1},"y":[]}`},
		{name: "insert within an empty one", doc: `{"a":{}}`, path: "a.c", want: `{"a":{"c":true}}`},
		{name: "make an object", doc: `{"x":1}`, path: "a.b", want: `{"a":{"b":true},"x":1}`},
		{name: "make objects", doc: `{"a":{"x":1}}`, path: "a.b.c.d", want: `{"a":{"b":{"c":{"d":true}},"x":1}}`},
		{name: "make an object of null", doc: `{"a":null,"x":1}`, path: "a.b.c", want: `{"a":{"b":{"c":true}},"x":1}`},
		{name: "name with an escape", doc: `{"\u0061":1}`, path: "a", want: `{"\u0061":true}`},
		{name: "name that must be quoted", doc: `{}`, path: `a"b\é`, want: `{"a\"b\\é":true}`},
		{name: "name within text", doc: `{"x":"\"a\":1,\\","a":2}`, path: "a", want: `{"x":"\"a\":1,\\","a":true}`},
		{name: "name of another length", doc: `{"aa":1,"é":2}`, path: "a", want: `{"a":true,"aa":1,"é":2}`},
		{name: "other members twice", doc: `{"x":1,"x":2,"a":3}`, path: "a", want: `{"x":1,"x":2,"a":true}`},
		{name: "numbers stay", doc: `{"x":1.00e+2,"y":-0.0}`, path: "a", want: `{"a":true,"x":1.00e+2,"y":-0.0}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Set([]byte(tt.doc), strings.Split(tt.path, "."), []byte("true"))
			if err != nil || string(got) != tt.want {
				t.Errorf("Set() = %s, %v; want %s", got, err, tt.want)
			}
			if err := jsonpeek.Scan(got, jsonpeek.NewNames(), nil); err != nil {
				t.Errorf("the result is not valid: %v", err)
			}
		})
	}
}

func TestSetRefuses(t *testing.T) {
	t.Parallel()
	const duplicate, syntax, other = "duplicate", "syntax", "other"
	tests := []struct {
		name string
		doc  string
		path []string
		want string
	}{
		{name: "no path", doc: `{}`, want: other},
		{name: "twice", doc: `{"a":1,"a":2}`, path: []string{"a"}, want: duplicate},
		{name: "twice within", doc: `{"a":{"b":1,"\u0062":2}}`, path: []string{"a", "b"}, want: duplicate},
		{name: "variant", doc: `{"A":1}`, path: []string{"a"}, want: duplicate},
		{name: "folding variant", doc: `{"uſage":1}`, path: []string{"usage"}, want: duplicate},
		{name: "not an object on the way", doc: `{"a":[]}`, path: []string{"a", "b"}, want: other},
		{name: "text on the way", doc: `{"a":"null"}`, path: []string{"a", "b"}, want: other},
		{name: "not an object", doc: `[1]`, path: []string{"a"}, want: syntax},
		{name: "nothing", doc: ` `, path: []string{"a"}, want: syntax},
		{name: "no value", doc: `{"a":}`, path: []string{"a"}, want: syntax},
		{name: "no colon", doc: `{"a" 1}`, path: []string{"a"}, want: syntax},
		{name: "no name", doc: `{1}`, path: []string{"a"}, want: syntax},
		{name: "no end", doc: `{"a":1`, path: []string{"a"}, want: syntax},
		{name: "no end of a string", doc: `{"a":"x`, path: []string{"a"}, want: syntax},
		{name: "no end of a name", doc: `{"a\"`, path: []string{"a"}, want: syntax},
		{name: "comma at the end", doc: `{"a":1,}`, path: []string{"a"}, want: syntax},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Set([]byte(tt.doc), tt.path, []byte("true"))
			kind := other
			if _, ok := errors.AsType[*jsonpeek.DuplicateError](err); ok {
				kind = duplicate
			} else if _, ok := errors.AsType[*jsonpeek.SyntaxError](err); ok {
				kind = syntax
			}
			if err == nil || kind != tt.want {
				t.Errorf("Set() = %s, %v; want an error about: %s", got, err, tt.want)
			}
		})
	}
}

func TestSetAllocatesItsResult(t *testing.T) {
	doc := []byte(`{"model":"m","other_options.":"same length","messages":[{"role":"user","content":"text"}],"stream_options":{"x":1}}`)
	path := []string{"stream_options", "include_usage"}
	value := []byte("true")
	allocs := testing.AllocsPerRun(100, func() {
		if _, err := Set(doc, path, value); err != nil {
			t.Error(err)
		}
	})
	if allocs > 1 {
		t.Errorf("%v allocations, want the result alone", allocs)
	}
}

func TestAppendWithout(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, doc, want string }{
		{name: "last", doc: `{"a":1,"u":null}`, want: `{"a":1}`},
		{name: "last with white space", doc: `{"a": 1 , "u": null }`, want: `{"a": 1 }`},
		{name: "first", doc: `{"u":{"x":[1,2]},"a":1}`, want: `{"a":1}`},
		{name: "between", doc: `{"a":1, "u":"x", "b":2}`, want: `{"a":1, "b":2}`},
		{name: "only", doc: `{ "u":null }`, want: `{  }`},
		{name: "none", doc: ` {"a":{"u":1},"b":"u"} `, want: ` {"a":{"u":1},"b":"u"} `},
		{name: "no members", doc: `{ }`, want: `{ }`},
		{name: "twice at the end", doc: `{"a":1,"u":1,"u":2}`, want: `{"a":1}`},
		{name: "twice at the beginning", doc: `{"u":1, "u":2, "a":1}`, want: `{"a":1}`},
		{name: "twice and nothing else", doc: `{"u":1,"u":2}`, want: `{}`},
		{name: "at both ends", doc: `{"u":1,"a":1,"u":2}`, want: `{"a":1}`},
		{name: "three with others between", doc: `{"u":1,"a":1,"u":2,"b":2,"u":3}`, want: `{"a":1,"b":2}`},
		{name: "escaped name", doc: `{"a":1,"\u0075":1}`, want: `{"a":1}`},
		{name: "another case", doc: `{"a":1,"U":1}`, want: `{"a":1,"U":1}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := AppendWithout([]byte("data: "), []byte(tt.doc), "u")
			if err != nil || string(got) != "data: "+tt.want {
				t.Errorf("AppendWithout() = %s, %v; want %s", got, err, tt.want)
			}
			if at := strings.Index(tt.doc, `"u"`); at >= 0 && at == strings.LastIndex(tt.doc, `"u":`) && tt.doc != tt.want {
				got, ok := AppendWithoutAt([]byte("data: "), []byte(tt.doc), at)
				if !ok || string(got) != "data: "+tt.want {
					t.Errorf("AppendWithoutAt() = %s, %v; want %s", got, ok, tt.want)
				}
			}
		})
	}
	t.Run("damaged", func(t *testing.T) {
		t.Parallel()
		for _, doc := range []string{`{"u":1,"a":}`, `{"u":1`, `x`, `{"u":1,"u"`} {
			if got, err := AppendWithout([]byte("data: "), []byte(doc), "u"); err == nil || string(got) != "data: " {
				t.Errorf("AppendWithout(%s) = %s, %v; want an error and nothing appended", doc, got, err)
			}
		}
	})
}

func TestMember(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, doc string
		want      string // the value of "u", or nothing
	}{
		{"last", `{"a":[{}],"u":null}`, `null`},
		{"first", `{"u" : {"x":"}"} ,"a":1} `, `{"x":"}"}`},
		{"within another", `{"a":{"u":1}}`, ``},
		{"within another that goes on", `{"a":{"u":1},"b":2}`, ``},
		{"within an array", `{"a":[{"u":1}]}`, ``},
		{"a value", `{"a":"u","b":1}`, ``},
		{"an element", `{"a":["u"]}`, ``},
		{"cut", `{"u":1`, ``},
		{"cut after it", `{"u":1,"b"`, ``},
		{"data after the object", `{"u":1}}`, ``},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			at := strings.Index(tt.doc, `"u"`)
			from, to, ok := Member([]byte(tt.doc), at)
			if ok != (tt.want != "") || ok && tt.doc[from:to] != tt.want {
				t.Errorf("Member() = %d, %d, %v; want %q", from, to, ok, tt.want)
			}
			if got, removed := AppendWithoutAt([]byte("x"), []byte(tt.doc), at); removed != ok || !ok && string(got) != "x" {
				t.Errorf("AppendWithoutAt() = %s, %v", got, removed)
			}
		})
	}
	if _, _, ok := Member([]byte(`{}`), 7); ok {
		t.Error("there is a member beyond the end")
	}
}
