// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package versioning

import (
	"strings"
	"testing"
)

func set(t testing.TB, names ...string) *Set {
	t.Helper()
	s, err := New(names)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFind(t *testing.T) {
	t.Parallel()
	numbered := set(t, "v1", "v2", "v10", "beta")
	dated := set(t, "2025-06-01", "2026-01-31")
	mixed := set(t, "v1", "v1.5", "v2beta1")
	rows := []struct {
		name, said string
		s          *Set
		want       string // empty: none
		looks      bool
	}{
		{"the name", "v2", numbered, "v2", true},
		{"upper case", "V2", numbered, "v2", true},
		{"the number", "10", numbered, "v10", false},
		{"a word", "beta", numbered, "beta", true},
		{"a word in upper case", "BETA", numbered, "beta", true},
		{"a higher number", "v9", numbered, "", true},
		{"a number with more digits", "v123", numbered, "", true},
		{"a number with a part", "v1.5", numbered, "", true},
		{"a number with a word", "v1beta", numbered, "", false},
		{"another word", "asr", numbered, "", false},
		{"a word with a v", "version", numbered, "", false},
		{"a leading zero", "v01", numbered, "", true},
		{"a v at the end", "v1v", numbered, "", false},
		{"two v", "vv1", numbered, "", false},
		{"nothing", "", numbered, "", false},
		{"a v", "v", numbered, "", false},
		{"too long", "v" + strings.Repeat("1", 200), numbered, "", false},
		{"a date", "2026-01-31", dated, "2026-01-31", true},
		{"another date", "2024-12-24", dated, "", true},
		{"no date", "v1", dated, "", false},
		{"a part", "1.5", mixed, "v1.5", false},
		{"a beta", "v2beta1", mixed, "v2beta1", true},
		{"another beta", "v3BETA7", mixed, "", true},
		{"a comma", "v1, v2", numbered, "", false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got := ""
			if i, ok := row.s.Find(row.said); ok {
				got = row.s.Name(i)
			}
			if got != row.want {
				t.Errorf("Find(%q) = %q, want %q", row.said, got, row.want)
			}
			if got := row.s.LooksLike(row.said); got != row.looks {
				t.Errorf("LooksLike(%q) = %v, want %v", row.said, got, row.looks)
			}
		})
	}
}

func TestSetsThatAreRefused(t *testing.T) {
	t.Parallel()
	many := make([]string, MaxVersions+1)
	for i := range many {
		many[i] = "v" + strings.Repeat("1", i%20+1)
	}
	rows := []struct {
		name  string
		names []string
		want  string
	}{
		{"none", nil, "no version is listed"},
		{"empty", []string{""}, "the name of a version is empty"},
		{"too many", many, "65 versions are listed; there may be 64"},
		{"too long", []string{strings.Repeat("v", 33)}, "is 33 bytes long; it may be 32"},
		{"a slash", []string{"v1/x"}, `"v1/x" is no version`},
		{"a dot first", []string{".1"}, `".1" is no version`},
		{"twice", []string{"v1", "v1"}, "versions v1 and v1 cannot be told apart"},
		{"by case", []string{"v1", "V1"}, "versions v1 and V1 cannot be told apart"},
		{"by the v", []string{"v1", "1"}, "versions v1 and 1 cannot be told apart"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if _, err := New(row.names); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want %q", err, row.want)
			}
		})
	}
}

func TestAccept(t *testing.T) {
	t.Parallel()
	s := set(t, "v1", "v2", "v3")
	rows := []struct {
		name    string
		lines   []string
		want    string
		unknown string
	}{
		{"none", nil, "", ""},
		{"no version", []string{"text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}, "", ""},
		{"a parameter", []string{"application/json; version=2"}, "v2", ""},
		{"its name in upper case", []string{"application/json;VERSION=v2"}, "v2", ""},
		{"a quoted one", []string{`application/json; version="v2"`}, "v2", ""},
		{"a comma in quotes", []string{`application/json; note="a, b"; version=2`}, "v2", ""},
		{"a vendor", []string{"application/vnd.example.v2+json"}, "v2", ""},
		{"a vendor in upper case", []string{"Application/VND.Example.V2+JSON"}, "v2", ""},
		{"a vendor with more", []string{"application/vnd.example.v3.raw+json"}, "v3", ""},
		{"a vendor's name", []string{"application/vnd.v2+json"}, "", ""},
		{"another vendor", []string{"application/vnd.ms-excel.sheet.binary.12"}, "", ""},
		{"no vendor tree", []string{"application/example.v2+json"}, "", ""},
		{"the better one", []string{"application/json;version=1;q=0.5, application/json;version=2;q=0.9"}, "v2", ""},
		{"the first of equals", []string{"application/json;version=3", "application/json;version=2"}, "v3", ""},
		{"refused by the client", []string{"application/json;version=2;q=0"}, "", ""},
		{"a bad quality", []string{"application/json;version=2;q=2"}, "", ""},
		{"unknown", []string{"application/json;version=9"}, "", "9"},
		{"unknown vendor's", []string{"application/vnd.example.v9+json"}, "", "v9"},
		{"unknown and known", []string{"application/json;version=9, application/json;version=1;q=0.1"}, "v1", "9"},
		{"behind too many", []string{strings.Repeat("a/b,", maxRanges) + "application/json;version=1"}, "", ""},
		{"behind too much", []string{"a/b;x=" + strings.Repeat("a", maxAccept) + ",application/json;version=1"}, "", ""},
		{"a range that is none", []string{";;, /, application/json;version=1"}, "v1", ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a, got := s.Accept(row.lines, "version"), ""
			if a.Version >= 0 {
				got = s.Name(a.Version)
			}
			if got != row.want || a.Unknown != row.unknown {
				t.Errorf("version %q, unknown %q; want %q, %q", got, a.Unknown, row.want, row.unknown)
			}
		})
	}
	if a := set(t, "1.0", "1.1").Accept([]string{"application/vnd.example.1.1+json"}, "version"); a.Version != 1 {
		t.Errorf("a name with a dot in a vendor's type: %+v", a)
	}
}

func TestLifecycle(t *testing.T) {
	t.Parallel()
	day, err := ParseDate("2023-06-30")
	if err != nil || Deprecation(day) != "@1688083200" || Sunset(day) != "Fri, 30 Jun 2023 00:00:00 GMT" {
		t.Errorf("%v: Deprecation %s, Sunset %s", err, Deprecation(day), Sunset(day))
	}
	at, err := ParseDate("2023-06-30T23:59:59+02:00")
	if err != nil || Deprecation(at) != "@1688162399" || Sunset(at) != "Fri, 30 Jun 2023 21:59:59 GMT" {
		t.Errorf("%v: Deprecation %s, Sunset %s", err, Deprecation(at), Sunset(at))
	}
	for _, bad := range []string{"", "soon", "2023-02-30", "30.06.2023", "1688169599"} {
		if _, err := ParseDate(bad); err == nil {
			t.Errorf("%q is taken for a date", bad)
		}
	}
	for link, ok := range map[string]bool{
		"https://docs.example.com/v1?x=1#end": true, "/docs/v1": true, "http://intranet/v1": true,
		"docs/v1": false, "javascript:alert(1)": false, "https:///v1": false, "https://x/>; rel=\"next\"": false, "https://x/\r\nA: b": false, "": false,
		"https://docs.example.com/überholt": false, "https://docs.example.com/%C3%BCberholt": true,
	} {
		if err := CheckLink(link); (err == nil) != ok {
			t.Errorf("CheckLink(%q) = %v", link, err)
		}
	}
}
