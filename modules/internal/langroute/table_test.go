// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package langroute

import (
	"testing"

	"github.com/caddy-gateway/tollgate/modules/languages"
)

func TestParsePattern(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, want string }{
		{"hi", "hi"},
		{"Hindi", "hi"},
		{"hin_Deva>tam_Taml", "hi>ta"},
		{"*>ta", "*>ta"},
		{"hi>*", "hi"},
		{"*", "*"},
		{"*>*", "*"},
		{"mni-Mtei", "mni-Mtei"},
		{"", ""},
		{"xx", ""},
		{"auto", ""},
		{"hi>", ""},
		{"hi>ta>te", ""},
		{">ta", ""},
	}
	for _, tt := range tests {
		p, err := ParsePattern(tt.in)
		if (err != nil) != (tt.want == "") || err == nil && p.String() != tt.want {
			t.Errorf("ParsePattern(%q) = %q, %v, want %q", tt.in, p, err, tt.want)
		}
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	fill := func(patterns ...string) *Table[string] {
		var table Table[string]
		for _, s := range patterns {
			p, err := ParsePattern(s)
			if err != nil {
				t.Fatal(err)
			}
			if err := table.Add(p, s); err != nil {
				t.Fatal(err)
			}
		}
		return &table
	}
	tests := []struct {
		name           string
		table          *Table[string]
		source, target languages.Code
		want           string
	}{
		{"language", fill("hi", "ta", "*"), "hi", "", "hi"},
		{"all others", fill("hi", "ta", "*"), "te", "", "*"},
		{"unknown language", fill("hi", "*"), "", "", "*"},
		{"none", fill("hi"), "te", "", ""},
		{"empty", fill(), "hi", "ta", ""},
		{"pair", fill("hi>ta", "*>ta", "hi", "*"), "hi", "ta", "hi>ta"},
		{"any into the target", fill("hi>ta", "*>ta", "te", "*"), "te", "ta", "*>ta"},
		{"the language into any", fill("hi>ta", "te", "*"), "te", "ta", "te"},
		{"a pair without its target", fill("hi>ta", "*"), "hi", "", "*"},
		{"script of a language", fill("sd", "*"), "sd-Deva", "", "sd"},
		{"script of its own", fill("sd", "sd-Deva"), "sd-Deva", "", "sd-Deva"},
		{"romanised is another", fill("hi", "*"), "hi-Latn", "", "*"},
		{"script of a target", fill("hi>sd"), "hi", "sd-Arab", "hi>sd"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ok := tt.table.Find(tt.source, tt.target)
			if got != tt.want || ok != (tt.want != "") {
				t.Errorf("Find(%q, %q) = %q, %v, want %q", tt.source, tt.target, got, ok, tt.want)
			}
			if !ok {
				return
			}
			if p, err := ParsePattern(got); err != nil || !p.Matches(tt.source, tt.target) {
				t.Errorf("%s does not match the request for which it was found", got)
			}
		})
	}
	if err := fill("hi").Add(Pattern{Source: "hi"}, ""); err == nil {
		t.Error("a second entry for a language is accepted")
	}
}
