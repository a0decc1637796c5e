// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package versioning

import (
	"net/url"
	"strings"
	"testing"
)

func TestPaths(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name, prefix, sent string
		segment            string
		stripped, full     string // the path as it is then sent; both empty: not beneath the prefix
	}{
		{"bare", "/api", "/api/asr/inference", "asr", "/api/inference", "/api/v1/inference"},
		{"version", "/api", "/api/v2/asr", "v2", "/api/asr", "/api/v1/asr"},
		{"only the version", "/api", "/api/v2", "v2", "/api", "/api/v1"},
		{"version and slash", "/api", "/api/v2/", "v2", "/api/", "/api/v1/"},
		{"the prefix", "/api", "/api", "", "/api", "/api/v1"},
		{"the prefix and a slash", "/api", "/api/", "", "/api/", "/api/v1/"},
		{"beside the prefix", "/api", "/apis/v2", "", "", ""},
		{"before the prefix", "/api", "/", "", "", ""},
		{"root", "/", "/v2/asr", "v2", "/asr", "/v1/asr"},
		{"the root itself", "/", "/", "", "/", "/v1/"},
		{"only the version at the root", "/", "/v2", "v2", "/", "/v1"},
		{"deep prefix", "/a/b", "/a/b/v2/c", "v2", "/a/b/c", "/a/b/v1/c"},
		{"escapes are kept", "/api", "/api/v2/a%20b/%E0%A4%B9%2Fc%2f", "v2", "/api/a%20b/%E0%A4%B9%2Fc%2f", "/api/v1/a%20b/%E0%A4%B9%2Fc%2f"},
		{"needless escapes are kept", "/api", "/api/v2/%61sr", "v2", "/api/%61sr", "/api/v1/%61sr"},
		{"an escaped prefix", "/api", "/%61p%69/v2/a%2Fb", "v2", "/api/a%2Fb", "/api/v1/a%2Fb"},
		{"an escaped version", "/api", "/api/%762/asr", "", "/api/%762/asr", "/api/v1/%762/asr"},
		{"an escaped slash behind the prefix", "/api", "/api%2Fv2/asr", "", "", ""},
		{"an escaped slash in the prefix", "/a/b", "/a%2Fb/v2", "", "", ""},
		{"an escaped slash behind the version", "/api", "/api/v2%2Fasr", "", "/api/v2%2Fasr", "/api/v1/v2%2Fasr"},
		{"two slashes", "/api", "/api//v2", "", "/api//v2", "/api/v1//v2"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			prefix, err := ParsePrefix(row.prefix)
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse("http://h" + row.sent)
			if err != nil {
				t.Fatal(err)
			}
			rest, ok := prefix.Cut(Path{u.Path, u.RawPath})
			if !ok {
				if row.stripped != "" {
					t.Fatalf("%s is not beneath %s", row.sent, row.prefix)
				}
				return
			}
			segment, after, ok := CutSegment(rest)
			if segment != row.segment {
				t.Errorf("segment %q, want %q", segment, row.segment)
			}
			if ok {
				rest = after
			}
			if got := sent(prefix.Join("", rest)); got != row.stripped {
				t.Errorf("stripped %q, want %q", got, row.stripped)
			}
			if got := sent(prefix.Join("v1", rest)); got != row.full {
				t.Errorf("full %q, want %q", got, row.full)
			}
		})
	}
}

func sent(p Path) string { return (&url.URL{Path: p.Decoded, RawPath: p.Raw}).EscapedPath() }

func TestPrefixesThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "api", "/api/", "//", "/a//b", "/a/../b", "/./a", "/a b", "/a%20b", "/{x}", "/api*"} {
		if p, err := ParsePrefix(bad); err == nil {
			t.Errorf("%q is taken for the prefix %q", bad, p)
		}
	}
}

// FuzzPath checks that both forms of a path say the same after a version is put in,
// and that taking it out again gives back every byte.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"/api/asr", "/api/v2/a%2Fb?x=%zz", "/%61pi/v1//x", "/api%2fv1", "/api/%76%31/x"} {
		f.Add(s)
	}
	prefix := Prefix("/api")
	f.Fuzz(func(t *testing.T, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || !strings.HasPrefix(target, "/") {
			return
		}
		rest, ok := prefix.Cut(Path{u.Path, u.RawPath})
		if !ok {
			return
		}
		full := prefix.Join("v1", rest)
		if full.Raw != "" {
			if decoded, err := url.PathUnescape(full.Raw); err != nil || decoded != full.Decoded {
				t.Fatalf("%q became %q, which is %q", target, full.Raw, full.Decoded)
			}
		}
		again, ok := prefix.Cut(full)
		if !ok {
			t.Fatalf("%q is not beneath the prefix", full)
		}
		segment, after, ok := CutSegment(again)
		if !ok || segment != "v1" || after != rest {
			t.Fatalf("%q became %+v, of which %q and %+v are read; want %+v", target, full, segment, after, rest)
		}
	})
}
