// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package langroute

import (
	"slices"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/languages"
)

func TestPreferred(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		values []string
		want   languages.Code // of hi, ta and en
	}{
		{"one", []string{"hi"}, "hi"},
		{"region", []string{"hi-IN"}, "hi"},
		{"first of equals", []string{"ta, hi"}, "ta"},
		{"by weight", []string{"en;q=0.5, hi;q=0.9, ta;q=0.8"}, "hi"},
		{"no weight is the highest", []string{"en;q=0.9,hi"}, "hi"},
		{"what is not to be had", []string{"fr, de;q=0.9, ta;q=0.1"}, "ta"},
		{"white space", []string{" \thi ; q=0.3 ,\ten;Q=0.2"}, "hi"},
		{"several lines", []string{"en;q=0.2", "ta;q=0.3"}, "ta"},
		{"three decimals", []string{"en;q=0.123,ta;q=0.124"}, "ta"},
		{"zero", []string{"hi;q=0, ta;q=0.0"}, ""},
		{"anything", []string{"*"}, ""},
		{"weight above 1", []string{"hi;q=1.1,ta;q=0.1"}, "ta"},
		{"malformed weights", []string{"hi;q=x,hi;q=,hi;q=0.1234,hi;q=-1,hi;level=1,ta;q=.5,en;q=0.1"}, "en"},
		{"nothing", []string{""}, ""},
		{"commas", []string{",,,hi"}, "hi"},
		{"bounded", []string{strings.Repeat("fr,", maxRanges) + "hi"}, ""},
		{"bounded over lines", slices.Repeat([]string{"fr"}, maxRanges), ""},
		{"no text", []string{"\x00\xff;q=\x00"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ok := preferred(tt.values, func(c languages.Code) (languages.Code, bool) {
				return c, c == "hi" || c == "ta" || c == "en"
			})
			if got != tt.want || ok != (tt.want != "") {
				t.Errorf("preferred(%q) = %q, %v, want %q", tt.values, got, ok, tt.want)
			}
		})
	}
}
