// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package correlationid

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestAcceptable(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name   string
		values []string
		want   bool
	}{
		{"word", []string{"foobar"}, true},
		{"words", []string{"my very personal id"}, true},
		{"uuid", []string{"0198c1b2-9d1e-7c3f-8a4b-5c6d7e8f9a0b"}, true},
		{"punctuation", []string{"a#1/b:c=d;e,f{g}[h]<i>|~!@$%^&*()_+?."}, true},
		{"longest", []string{strings.Repeat("x", 128)}, true},
		{"missing", nil, false},
		{"empty", []string{""}, false},
		{"blank", []string{" "}, false},
		{"too long", []string{strings.Repeat("x", 129)}, false},
		{"two lines", []string{"a", "b"}, false},
		{"leading space", []string{" a"}, false},
		{"trailing space", []string{"a "}, false},
		{"two spaces", []string{"a  b"}, false},
		{"quotation mark", []string{`a"b`}, false},
		{"apostrophe", []string{"a'b"}, false},
		{"backquote", []string{"a`b"}, false},
		{"backslash", []string{`a\b`}, false},
		{"tab", []string{"a\tb"}, false},
		{"line feed", []string{"a\nlevel=error"}, false},
		{"escape sequence of a terminal", []string{"a\x1b[2Jb"}, false},
		{"delete", []string{"a\x7fb"}, false},
		{"not ASCII", []string{"ä"}, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if got := acceptable(row.values); (got != "") != row.want || row.want && got != row.values[0] {
				t.Errorf("got %q, want accepted %t", got, row.want)
			}
		})
	}
}

func TestGenerators(t *testing.T) {
	t.Parallel()
	const uuid = "[0-9a-f]{8}-[0-9a-f]{4}-%[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
	rows := []struct {
		generator Generator
		form      string
	}{
		{"", strings.Replace(uuid, "%", "7", 1)},
		{UUID7, strings.Replace(uuid, "%", "7", 1)},
		{UUID4, strings.Replace(uuid, "%", "4", 1)},
		{Counter, strings.Replace(uuid, "%", "4", 1) + "#[1-9][0-9]*"},
	}
	for _, row := range rows {
		t.Run("generator "+string(row.generator), func(t *testing.T) {
			t.Parallel()
			form := regexp.MustCompile("^" + row.form + "$")
			generate := row.generator.compile()
			seen := make(map[string]bool)
			for range 100 {
				id := generate(time.Now())
				if !form.MatchString(id) || seen[id] || acceptable([]string{id}) == "" {
					t.Fatalf("%q: seen before %t", id, seen[id])
				}
				seen[id] = true
			}
		})
	}
}

func TestCounterCounts(t *testing.T) {
	t.Parallel()
	generate := Counter.compile()
	first, second, other := generate(time.Now()), generate(time.Now()), Counter.compile()(time.Now())
	prefix, number, _ := strings.Cut(first, "#")
	if number != "1" || second != prefix+"#2" {
		t.Errorf("%q, then %q", first, second)
	}
	if strings.HasPrefix(other, prefix) || !strings.HasSuffix(other, "#1") {
		t.Errorf("another handler: %q after %q", other, first)
	}
}

// What is accepted needs no escaping in JSON, in a quoted log field or in a
// header.
func FuzzAcceptable(f *testing.F) {
	for _, s := range []string{"foobar", "my very personal id", "", " ", "a\nb", `"`, "ä"} {
		f.Add(s)
	}
	safe := regexp.MustCompile(`^[!#-&(-\[\]-_a-~]+( [!#-&(-\[\]-_a-~]+)*$`)
	f.Fuzz(func(t *testing.T, id string) {
		want := len(id) <= MaxLength && safe.MatchString(id)
		if got := acceptable([]string{id}) == id && id != ""; got != want {
			t.Errorf("%q: accepted %t, want %t", id, got, want)
		}
	})
}
