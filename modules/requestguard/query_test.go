// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package requestguard

import (
	"strings"
	"testing"
)

func TestCheckQueryString(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name, query string
		want        queryFault
	}{
		{"none", "", queryFine},
		{"one", "alt=sse", queryFine},
		{"several, empty ones among them", "a=1&&b&c=", queryFine},
		{"escapes", "q=%E2%82%AC%20x%2fy%00", queryFine},
		{"question mark, slash, colon, brackets", "q=a?b/c:d[e]=@f", queryFine},
		{"raw unicode", "q=हि", queryFine},
		{"semicolon", "a=1;b=2", queryMalformed},
		{"hash", "a=1#b", queryMalformed},
		{"space", "a=1 2", queryMalformed},
		{"percent sign alone", "a=100%", queryMalformed},
		{"percent sign before one digit", "a=%4", queryMalformed},
		{"percent sign before other letters", "a=%zz", queryMalformed},
		{"wide escape", "a=%u0041", queryMalformed},
		{"as long as allowed", strings.Repeat("a", 100), queryFine},
		{"too long", strings.Repeat("a", 101), queryTooLong},
		{"as many as allowed", "a" + strings.Repeat("&a", 9), queryFine},
		{"too many", "a" + strings.Repeat("&a", 10), queryTooManyParams},
		{"too many empty ones", strings.Repeat("&", 10), queryTooManyParams},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if got := checkQueryString(row.query, 100, 10); got != row.want {
				t.Errorf("%q: got %d, want %d", row.query, got, row.want)
			}
		})
	}
}
