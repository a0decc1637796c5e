// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestVaryNames(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range maxVary + 1 {
		many = append(many, fmt.Sprintf("x-%d", i))
	}
	for _, row := range []struct {
		name  string
		lines []string
		want  string
		ok    bool
	}{
		{"none", nil, "", true},
		{"empty", []string{"Vary: "}, "", true},
		{"several, once each, sorted", []string{"Vary: foo, BAR,", "Vary: Foo, accept"}, "Accept Bar Foo", true},
		{"all", []string{"Vary: *"}, "", false},
		{"all among others", []string{"Vary: a", "Vary: b, *"}, "", false},
		{"no name", []string{"Vary: a b"}, "", false},
		{"as many as are followed", []string{"Vary: " + strings.Join(many[1:], ",")}, "", true},
		{"too many", []string{"Vary: " + strings.Join(many, ",")}, "", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			names, ok := VaryNames(fields(row.lines...))
			if ok != row.ok || row.want != "" && strings.Join(names, " ") != row.want {
				t.Errorf("names %v, ok %v, want %q, %v", names, ok, row.want, row.ok)
			}
		})
	}
}

// RFC 9111 section 4.1.
func TestVaryKey(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		o     Options
		names string
		a, b  []string
		same  bool
	}{
		{"equal", Options{}, "Foo", []string{"Foo: 1"}, []string{"Foo: 1", "Other: 2"}, true},
		{"different", Options{}, "Foo", []string{"Foo: 1"}, []string{"Foo: 2"}, false},
		{"case of a value", Options{}, "Foo", []string{"Foo: a"}, []string{"Foo: A"}, false},
		{"absent in both", Options{}, "Bar Foo", []string{"Foo: 1"}, []string{"Foo: 1"}, true},
		{"absent in one", Options{}, "Foo", []string{"Foo: 1"}, nil, false},
		{"absent and empty", Options{}, "Foo", []string{"Foo: "}, nil, false},
		{"second differs", Options{}, "Bar Foo", []string{"Foo: 1", "Bar: 2"}, []string{"Foo: 1", "Bar: 3"}, false},
		{"values changed places", Options{}, "Bar Foo", []string{"Foo: 1", "Bar: 2"}, []string{"Foo: 2", "Bar: 1"}, false},
		{"lines joined", Options{}, "Foo", []string{"Foo: 1, 2"}, []string{"Foo: 1", "Foo: 2"}, true},
		{"white space at commas", Options{}, "Foo", []string{"Foo: 1,2"}, []string{"Foo:  1 ,\t2 "}, true},
		{"white space in quotes", Options{}, "Foo", []string{`Foo: "1,2"`}, []string{`Foo: "1, 2"`}, false},
		{"white space in a member", Options{}, "Foo", []string{"Foo: a b"}, []string{"Foo: ab"}, false},
		{"a trailing comma", Options{}, "Foo", []string{"Foo: a"}, []string{"Foo: a,"}, false},
		{"case of languages", Options{}, "Accept-Language", []string{"Accept-Language: en, de"}, []string{"Accept-Language: eN ,  De"}, true},
		{"order of languages", Options{}, "Accept-Language", []string{"Accept-Language: en, de"}, []string{"Accept-Language: de, en"}, false},
		{"order of languages ignored", Options{IgnoreLanguageOrder: true}, "Accept-Language", []string{"Accept-Language: En, de; q=0.5"}, []string{"Accept-Language: DE;q=0.5,en"}, true},
		{"weights are not ignored", Options{IgnoreLanguageOrder: true}, "Accept-Language", []string{"Accept-Language: en, de;q=0.5"}, []string{"Accept-Language: de, en;q=0.5"}, false},
		{"case of codings", Options{}, "Accept-Encoding", []string{"Accept-Encoding: GZIP;Q=1"}, []string{"Accept-Encoding: gzip; q=1"}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p := New(row.o)
			names := strings.Fields(row.names)
			a := p.AppendVaryKey(nil, names, fields(row.a...))
			b := p.AppendVaryKey(nil, names, fields(row.b...))
			if same := string(a) == string(b); same != row.same {
				t.Errorf("same is %v: %q, %q", same, a, b)
			}
		})
	}
}

func TestVaryKeyOfLongLists(t *testing.T) {
	t.Parallel()
	p := New(Options{IgnoreLanguageOrder: true})
	h := http.Header{"Accept-Language": {strings.Repeat("en,", 100) + "de"}}
	if key := p.AppendVaryKey(nil, []string{"Accept-Language"}, h); !strings.HasSuffix(string(key), strings.Repeat("en,", 100)+"de") {
		t.Errorf("key is %q", key)
	}
}
