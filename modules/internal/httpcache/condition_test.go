// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"testing"
	"time"
)

// RFC 9110 sections 13.1.2, 13.1.3 and 13.2.2.
func TestNotModified(t *testing.T) {
	t.Parallel()
	tagged := Meta{Status: 200, ETag: `"a"`, LastModified: ago(100), Date: at.Unix()}
	weak := Meta{Status: 200, ETag: `W/"a"`}
	bare := Meta{Status: 200, Date: at.Unix()}
	for _, row := range []struct {
		name string
		m    Meta
		ask  []string
		want bool
	}{
		{"no condition", tagged, nil, false},
		{"the tag", tagged, []string{`If-None-Match: "a"`}, true},
		{"another tag", tagged, []string{`If-None-Match: "b"`}, false},
		{"last of a list", tagged, []string{`If-None-Match: "1", W/"2" ,, "a"`}, true},
		{"on another line", tagged, []string{`If-None-Match: "1"`, `If-None-Match: "a"`}, true},
		{"weak for strong", tagged, []string{`If-None-Match: W/"a"`}, true},
		{"strong for weak", weak, []string{`If-None-Match: "a"`}, true},
		{"weakness is written large", weak, []string{`If-None-Match: w/"a"`}, false},
		{"anything", tagged, []string{"If-None-Match: *"}, true},
		{"anything without a tag", bare, []string{"If-None-Match: *"}, true},
		{"nothing without a tag", bare, []string{`If-None-Match: ""`}, false},
		{"without quotes", tagged, []string{"If-None-Match: a"}, false},
		{"inside another tag", tagged, []string{`If-None-Match: "x, "a"`}, false},
		{"backslash in a tag", Meta{Status: 200, ETag: `"a\"`}, []string{`If-None-Match: "b\", "a\"`}, true},
		{"unclosed", tagged, []string{`If-None-Match: "a`}, false},
		{"tag before date", tagged, []string{`If-None-Match: "b"`, "If-Modified-Since: " + ago(0)}, false},

		{"the date", tagged, []string{"If-Modified-Since: " + ago(100)}, true},
		{"a later date", tagged, []string{"If-Modified-Since: " + ago(50)}, true},
		{"an earlier date", tagged, []string{"If-Modified-Since: " + ago(101)}, false},
		{"rfc 850", tagged, []string{"If-Modified-Since: " + at.Add(-time.Minute).Format(rfc850)}, true},
		{"no date", tagged, []string{"If-Modified-Since: x"}, false},
		{"two dates", tagged, []string{"If-Modified-Since: " + ago(0), "If-Modified-Since: " + ago(1)}, false},
		{"Date where nothing says when it changed", bare, []string{"If-Modified-Since: " + ago(0)}, true},
		{"before that Date", bare, []string{"If-Modified-Since: " + ago(1)}, false},
		{"404", Meta{Status: 404, ETag: `"a"`}, []string{`If-None-Match: "a"`}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if got := row.m.NotModified(fields(row.ask...), at); got != row.want {
				t.Errorf("not modified is %v, want %v", got, row.want)
			}
		})
	}
}
