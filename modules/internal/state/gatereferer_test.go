// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func TestHideInReferer(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ in, want []string }{
		"none":               {nil, nil},
		"no query":           {[]string{"https://a.test/p"}, []string{"https://a.test/p"}},
		"another":            {[]string{"https://a.test/p?x=%41&y#f"}, []string{"https://a.test/p?x=%41&y#f"}},
		"between others":     {[]string{"https://a.test/p?x=%41&t=s&&y"}, []string{"https://a.test/p?x=%41&&y"}},
		"alone":              {[]string{"https://a.test/p?t=s"}, []string{"https://a.test/p"}},
		"encoded":            {[]string{"https://a.test/p?%74=%73&x=1"}, []string{"https://a.test/p?x=1"}},
		"twice":              {[]string{"https://a.test/p?t=s&x=1&t=s"}, []string{"https://a.test/p?x=1"}},
		"before a fragment":  {[]string{"https://a.test/p?x=1&t=s#top"}, []string{"https://a.test/p?x=1"}},
		"in a fragment":      {[]string{"https://a.test/p?x=1#y=2&t=s"}, []string{"https://a.test/p?x=1"}},
		"in the second line": {[]string{"https://b.test/", "https://a.test/p?t=s"}, []string{"https://b.test/", "https://a.test/p"}},
		"no address":         {[]string{"?t=s"}, []string{""}},
	} {
		h := http.Header{}
		if tc.in != nil {
			h["Referer"] = slices.Clone(tc.in)
		}
		before := h["Referer"]
		state.HideInReferer(h, func(name, value string) bool { return name == "t" && value == "s" })
		if !slices.Equal(h["Referer"], tc.want) {
			t.Errorf("%s: %q, want %q", name, h["Referer"], tc.want)
		}
		if !slices.Equal(before, tc.in) {
			t.Errorf("%s: the lines were edited in place: %q", name, before)
		}
	}
}
