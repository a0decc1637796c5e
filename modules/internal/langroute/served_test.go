// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package langroute

import (
	"slices"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/languages"
)

// detectable are the labels of the detector that these tests imagine.
var detectable = []languages.Code{"en", "hi", "hi-Latn", "ks-Arab", "ks-Deva", "sd-Arab", "sd-Deva", "ta"}

func served(t testing.TB, list string) *Served {
	t.Helper()
	var patterns []Pattern
	for name := range strings.FieldsSeq(list) {
		p, err := ParsePattern(name)
		if err != nil {
			t.Fatal(err)
		}
		patterns = append(patterns, p)
	}
	s, err := NewServed(patterns, detectable)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestServedFind(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, list     string
		source, target languages.Code
		want           string // the pair; "" if it is not served
	}{
		{"listed", "hi ta", "hi", "", "hi"},
		{"not listed", "hi ta", "te", "", ""},
		{"a script goes by the language", "sd", "sd-Deva", "", "sd"},
		{"a script listed too", "sd sd-Deva", "sd-Deva", "", "sd-Deva"},
		{"a script listed too, before", "sd-Deva sd", "sd-Deva", "", "sd-Deva"},
		{"romanised is another", "hi", "hi-Latn", "", ""},
		{"a language serves every target", "hi", "hi", "ta", "hi>ta"},
		{"pair", "hi>ta", "hi", "ta", "hi>ta"},
		{"pair the other way round", "hi>ta", "ta", "hi", ""},
		{"pair without a target", "hi>ta", "hi", "", ""},
		{"pair into another", "hi>ta", "hi", "te", ""},
		{"pair and language", "hi>ta hi", "hi", "te", "hi>te"},
		{"anything into it", "*>ta", "te", "ta", "te>ta"},
		{"anything into it, a script", "*>ta", "te-Latn", "ta", "te>ta"},
		{"target by its language", "hi>sd", "hi", "sd-Arab", "hi>sd"},
		{"everything", "", "te", "ta", "te>ta"},
		{"everything, a detected script", "", "sd-Deva", "", "sd-Deva"},
		{"everything, a script nobody detects", "", "te-Latn", "", "te"},
		{"everything, an invented script", "", "en-Zxcv", "hi-Zxcv", "en>hi"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			from, into, ok := served(t, tt.list).Find(tt.source, tt.target)
			got := Pattern{from, into}.String()
			if !ok {
				got = ""
			}
			if got != tt.want {
				t.Errorf("Find(%q, %q) of %q = %q, want %q", tt.source, tt.target, tt.list, got, tt.want)
			}
		})
	}
}

func TestServedReachable(t *testing.T) {
	t.Parallel()
	tests := []struct {
		list, pattern string
		want          bool
	}{
		{"hi ta", "hi", true},
		{"hi ta", "te", false},
		{"hi ta", "*", true},
		{"hi ta", "hi>te", true},
		{"hi ta", "te>hi", false},
		{"hi ta", "*>te", true},
		{"hi>ta", "*>te", false},
		{"hi>ta", "hi>ta", true},
		{"hi>ta", "hi", true},
		{"*>ta", "te>ta", true},
		{"*>ta", "te-Latn>ta", false},
		{"sd", "sd-Deva", false},
		{"sd-Deva", "sd", true},
		{"", "sd-Deva", true},
		{"", "te-Latn", false},
		{"", "hi>te", true},
		{"", "*", true},
	}
	for _, tt := range tests {
		p, err := ParsePattern(tt.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := served(t, tt.list).Reachable(p); got != tt.want {
			t.Errorf("%q reaches %s: %v, want %v", tt.list, p, got, tt.want)
		}
	}
}

func TestServedSources(t *testing.T) {
	t.Parallel()
	for list, want := range map[string][]languages.Code{
		"":                nil,
		"hi ta":           {"hi", "ta"},
		"hi>ta hi>te hi":  {"hi"},
		"hi *>ta":         nil,
		"sd-Arab sd-Deva": {"sd-Arab", "sd-Deva"},
	} {
		if got := served(t, list).Sources(); !slices.Equal(got, want) {
			t.Errorf("sources of %q are %v, want %v", list, got, want)
		}
	}
}

func TestNewServedRefusesDuplicates(t *testing.T) {
	t.Parallel()
	_, err := NewServed([]Pattern{{"hi", ""}, {"ta", ""}, {"hi", ""}}, nil)
	if err == nil || err.Error() != "hi is listed twice" {
		t.Errorf("error %v", err)
	}
}
