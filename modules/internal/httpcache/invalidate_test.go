// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// RFC 9111 section 4.4.
func TestInvalidates(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		method string
		status int
		want   bool
	}{
		{"POST", 200, true},
		{"PUT", 204, true},
		{"DELETE", 303, true},
		{"PATCH", 399, true},
		{"M-SEARCH", 200, true},
		{"get", 200, true},
		{"POST", 100, false},
		{"POST", 400, false},
		{"POST", 500, false},
		{"GET", 200, false},
		{"HEAD", 200, false},
		{"OPTIONS", 200, false},
		{"TRACE", 200, false},
		{"QUERY", 200, false},
		{"PROPFIND", 207, false},
	} {
		if got := Invalidates(row.method, row.status); got != row.want {
			t.Errorf("Invalidates(%s, %d) = %v, want %v", row.method, row.status, got, row.want)
		}
	}
}

func TestAppendInvalidated(t *testing.T) {
	t.Parallel()
	target, err := url.Parse("https://origin.example/a/b?c=d")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"none", nil, ""},
		{"both", []string{"Location: /x", "Content-Location: y?z=1#f"}, "https://origin.example/x https://origin.example/a/y?z=1"},
		{"the target itself", []string{"Location: ?c=d"}, ""},
		{"its default port", []string{"Location: https://ORIGIN.example:443/x"}, "https://ORIGIN.example:443/x"},
		{"another port", []string{"Location: https://origin.example:444/x"}, ""},
		{"another scheme", []string{"Location: http://origin.example/x"}, ""},
		{"another host", []string{"Location: //evil.example/x", "Content-Location: https://evil.example/"}, ""},
		{"no URL", []string{"Location: http://[::1"}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, u := range AppendInvalidated(nil, target, fields(row.lines...)) {
				got = append(got, u.String())
			}
			if strings.Join(got, " ") != row.want {
				t.Errorf("forgets %q, want %q", got, row.want)
			}
		})
	}
	if target.String() != "https://origin.example/a/b?c=d" {
		t.Errorf("the target became %v", target)
	}
	if got := AppendInvalidated(nil, target, http.Header{}); got != nil {
		t.Errorf("forgets %v for no fields", got)
	}
}
