// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestDirectives(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, line string
		want       []string
	}{
		{"empty", "", nil},
		{"only commas", " , ,\t,", nil},
		{"one", "no-store", []string{"no-store"}},
		{"several with white space", " a ,\tb=1 , c = 2", []string{"a", "b=1", "c= 2!"}},
		{"quoted comma", `no-cache="a, b", max-age=1`, []string{"no-cache=a, b", "max-age=1"}},
		{"quoted with escape", `x="a\", no-store, \"b", y`, []string{`x=a\", no-store, \"b`, "y"}},
		{"unclosed quote hides nothing", `x="a, no-store`, []string{`x="a!`, "no-store"}},
		{"no name", "=1, a", []string{"a"}},
		{"second equals sign", "a=b=c", []string{"a=b=c"}},
		{"space before equals sign", "max-age =1", []string{"max-age=1!"}},
		{"single quotes are characters", "a='b, c'", []string{"a='b", "c'"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			s := scanner{rest: row.line}
			for d, ok := s.next(); ok; d, ok = s.next() {
				text := d.name
				if d.hasValue {
					text += "=" + d.value
				}
				if d.spoilt {
					text += "!"
				}
				got = append(got, text)
			}
			if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", row.want) {
				t.Errorf("directives of %q = %q, want %q", row.line, got, row.want)
			}
		})
	}
}

func TestSeconds(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		text string
		want time.Duration
		ok   bool
	}{
		{"0", 0, true},
		{"003600", time.Hour, true},
		{"2147483647", maxDelta - time.Second, true},
		{"2147483648", maxDelta, true},
		{"2147483649", maxDelta, true},
		{strings.Repeat("9", 400), maxDelta, true},
		{"", 0, false},
		{"-1", 0, false},
		{"+1", 0, false},
		{"1.0", 0, false},
		{" 1", 0, false},
		{"1a", 0, false},
		{"'1'", 0, false},
		{"\u0661", 0, false},
	} {
		t.Run(row.text, func(t *testing.T) {
			t.Parallel()
			got, ok := parseSeconds(row.text)
			if got != row.want || ok != row.ok {
				t.Errorf("parseSeconds(%q) = %v, %v, want %v, %v", row.text, got, ok, row.want, row.ok)
			}
		})
	}
}
