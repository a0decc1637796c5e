// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"strings"
	"testing"
)

// RFC 9110 sections 13.1.5 and 14.
func TestRange(t *testing.T) {
	t.Parallel()
	m := Meta{Status: 200, ETag: `"a"`, LastModified: ago(100), Date: at.Unix()}
	weak := Meta{Status: 200, ETag: `W/"a"`, LastModified: ago(0), Date: at.Unix()}
	huge := strings.Repeat("9", 30)
	for _, row := range []struct {
		name    string
		m       Meta
		ask     []string
		verdict RangeVerdict
		span    Span
		header  string
	}{
		{"none", m, nil, WholeBody, Span{0, 10}, ""},
		{"first bytes", m, []string{"Range: bytes=0-1"}, PartOfBody, Span{0, 2}, "bytes 0-1/10"},
		{"unit in any case", m, []string{"Range: Bytes=0-1"}, PartOfBody, Span{0, 2}, "bytes 0-1/10"},
		{"to the end", m, []string{"Range: bytes=4-"}, PartOfBody, Span{4, 6}, "bytes 4-9/10"},
		{"beyond the end", m, []string{"Range: bytes=4-99"}, PartOfBody, Span{4, 6}, "bytes 4-9/10"},
		{"beyond all bounds", m, []string{"Range: bytes=4-" + huge}, PartOfBody, Span{4, 6}, "bytes 4-9/10"},
		{"last bytes", m, []string{"Range: bytes=-3"}, PartOfBody, Span{7, 3}, "bytes 7-9/10"},
		{"more last bytes than there are", m, []string{"Range: bytes=-" + huge}, PartOfBody, Span{0, 10}, "bytes 0-9/10"},
		{"no last bytes", m, []string{"Range: bytes=-0"}, Unsatisfiable, Span{}, "bytes */10"},
		{"past the end", m, []string{"Range: bytes=10-"}, Unsatisfiable, Span{}, "bytes */10"},
		{"far past the end", m, []string{"Range: bytes=" + huge + "-"}, Unsatisfiable, Span{}, "bytes */10"},
		{"backwards", m, []string{"Range: bytes=4-3"}, WholeBody, Span{0, 10}, ""},
		{"several", m, []string{"Range: bytes=0-1,4-5"}, WholeBody, Span{0, 10}, ""},
		{"two lines", m, []string{"Range: bytes=0-1", "Range: bytes=0-1"}, WholeBody, Span{0, 10}, ""},
		{"other unit", m, []string{"Range: lines=0-1"}, WholeBody, Span{0, 10}, ""},
		{"no unit", m, []string{"Range: 0-1"}, WholeBody, Span{0, 10}, ""},
		{"no numbers", m, []string{"Range: bytes=-"}, WholeBody, Span{0, 10}, ""},
		{"signs", m, []string{"Range: bytes=+1-2"}, WholeBody, Span{0, 10}, ""},
		{"not of a 404", Meta{Status: 404}, []string{"Range: bytes=0-1"}, WholeBody, Span{0, 10}, ""},

		{"If-Range of the tag", m, []string{"Range: bytes=0-1", `If-Range: "a"`}, PartOfBody, Span{0, 2}, "bytes 0-1/10"},
		{"If-Range of another tag", m, []string{"Range: bytes=0-1", `If-Range: "b"`}, WholeBody, Span{0, 10}, ""},
		{"If-Range of a weak tag", weak, []string{"Range: bytes=0-1", `If-Range: W/"a"`}, WholeBody, Span{0, 10}, ""},
		{"If-Range of the date", m, []string{"Range: bytes=0-1", "If-Range: " + ago(100)}, PartOfBody, Span{0, 2}, "bytes 0-1/10"},
		{"If-Range of another date", m, []string{"Range: bytes=0-1", "If-Range: " + ago(99)}, WholeBody, Span{0, 10}, ""},
		{"If-Range of a date too young", weak, []string{"Range: bytes=0-1", "If-Range: " + ago(0)}, WholeBody, Span{0, 10}, ""},
		{"If-Range of nothing", Meta{Status: 200}, []string{"Range: bytes=0-1", "If-Range: "}, WholeBody, Span{0, 10}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			span, verdict := row.m.Range(fields(row.ask...), 10, at)
			if verdict != row.verdict || span != row.span {
				t.Fatalf("%v of %+v, want %v of %+v", verdict, span, row.verdict, row.span)
			}
			if verdict != WholeBody {
				if got := string(span.AppendContentRange(nil, verdict, 10)); got != row.header {
					t.Errorf("Content-Range is %q, want %q", got, row.header)
				}
			}
		})
	}
}

func TestRangeOfNothing(t *testing.T) {
	t.Parallel()
	m := Meta{Status: 200}
	for _, asked := range []string{"bytes=0-", "bytes=-1", "bytes=0-0"} {
		if _, verdict := m.Range(fields("Range: "+asked), 0, at); verdict != Unsatisfiable {
			t.Errorf("%s of an empty body: %v", asked, verdict)
		}
	}
}
