// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// fields makes a header of lines such as "Name: value".
func fields(lines ...string) http.Header {
	h := http.Header{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		h.Add(name, strings.TrimPrefix(value, " "))
	}
	return h
}

func TestControl(t *testing.T) {
	t.Parallel()
	seconds := func(n int) limit { return limit{set: true, d: time.Duration(n) * time.Second} }
	for _, row := range []struct {
		name  string
		lines []string
		want  control
	}{
		{"nothing", nil, control{}},
		{"names in any case", []string{"No-StOrE, MaX-aGe=5"}, control{any: true, noStore: true, maxAge: seconds(5)}},
		{"over several lines", []string{"public", "s-maxage=1"}, control{any: true, public: true, sMaxAge: seconds(1)}},
		{"number in quotes", []string{`max-age="5"`}, control{any: true, maxAge: seconds(5)}},
		{"conflict: the shortest", []string{"max-age=9, max-age=3", "max-age=7"}, control{any: true, maxAge: seconds(3)}},
		{"broken is zero", []string{"max-age=9, max-age=x"}, control{any: true, maxAge: seconds(0)}},
		{"no number is zero", []string{"max-age"}, control{any: true, maxAge: seconds(0)}},
		{"negative is zero", []string{"s-maxage=-1"}, control{any: true, sMaxAge: seconds(0)}},
		{"space before equals sign is zero", []string{"max-age =9"}, control{any: true, maxAge: seconds(0)}},
		{"space after equals sign is zero", []string{"max-age= 9"}, control{any: true, maxAge: seconds(0)}},
		{"a quoted extension is no directive", []string{`x="no-store, max-age=9", max-age=1`}, control{any: true, maxAge: seconds(1)}},
		{"unknown is ignored", []string{"community=UCI"}, control{any: true}},
		{"stale directives", []string{"stale-while-revalidate=2, stale-if-error=3"}, control{any: true, whileRevalidate: seconds(2), ifError: seconds(3)}},
		{"no-cache of fields", []string{`no-cache="Set-Cookie, X-A"`}, control{any: true, fieldLists: true}},
		{"no-cache of one field as token", []string{"no-cache=X-A"}, control{any: true, fieldLists: true}},
		{"no-cache of nothing", []string{`no-cache=""`}, control{any: true, noCache: true}},
		{"no-cache of what is no field", []string{`no-cache="a b"`}, control{any: true, noCache: true}},
		{"private of fields and of all", []string{`private="X-A", private`}, control{any: true, fieldLists: true, private: true}},
		{"restriction with an argument still binds", []string{"no-store=1"}, control{any: true, noStore: true}},
		{"all flags", []string{"must-revalidate, proxy-revalidate, must-understand, private, no-cache"}, control{
			any: true, mustRevalidate: true, proxyRevalidate: true, mustUnderstand: true, private: true, noCache: true,
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if got := parseControl(row.lines); got != row.want {
				t.Errorf("parseControl(%q) = %+v, want %+v", row.lines, got, row.want)
			}
		})
	}
}

// RFC 9213 section 2.2: the first targeted field that says something stands
// for Cache-Control.
func TestTargetedFields(t *testing.T) {
	t.Parallel()
	p := New(Options{Targets: []string{"gateway-cache-control", "CDN-Cache-Control"}})
	for _, row := range []struct {
		name     string
		header   http.Header
		maxAge   time.Duration
		targeted bool
	}{
		{"absent", fields("Cache-Control: max-age=1"), time.Second, false},
		{"present", fields("Cache-Control: max-age=1", "CDN-Cache-Control: max-age=2"), 2 * time.Second, true},
		{"empty", fields("Cache-Control: max-age=1", "CDN-Cache-Control: "), time.Second, false},
		{"first in order", fields("Gateway-Cache-Control: max-age=3", "CDN-Cache-Control: max-age=2"), 3 * time.Second, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			c, targeted := p.control(row.header)
			if c.maxAge.d != row.maxAge || targeted != row.targeted {
				t.Errorf("max-age %v, targeted %v, want %v, %v", c.maxAge.d, targeted, row.maxAge, row.targeted)
			}
		})
	}
}
