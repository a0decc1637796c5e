// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycors

import (
	"net/url"
	"strings"
	"testing"
)

func compiled(t testing.TB, list, patterns []string) *origins {
	t.Helper()
	o, err := compileOrigins(list, patterns)
	if err != nil {
		t.Fatal(err)
	}
	return &o
}

func TestOrigins(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name           string
		list, patterns []string
		yes, no        []string
	}{
		{"exact", []string{"https://app.example.com"}, nil, []string{"https://app.example.com"}, []string{
			"http://app.example.com", "https://app.example.com:8443", "https://app.example.com.evil.test", "https://x.app.example.com",
			"https://app.example.com/", "https://APP.example.com", "HTTPS://app.example.com", "https://app.example.com ", "null", "", "*",
			"https://app.example.com:443", "https://user@app.example.com", "//app.example.com", "app.example.com",
		}},
		{"a port", []string{"http://localhost:5173"}, nil, []string{"http://localhost:5173"}, []string{"http://localhost", "http://localhost:51730", "http://localhost:5173.evil.test"}},
		{"any port", []string{"http://localhost:*"}, nil, []string{"http://localhost", "http://localhost:1", "http://localhost:65535"}, []string{
			"http://localhost:0", "http://localhost:65536", "http://localhost:", "http://localhost:08", "http://localhost:80@evil.test", "http://localhost.evil.test:80", "https://localhost:80",
		}},
		{"names below", []string{"https://*.example.com"}, nil, []string{"https://a.example.com", "https://a.b.example.com", "https://xn--e1a.example.com"}, []string{
			"https://example.com", "https://.example.com", "https://evilexample.com", "https://a.example.com.evil.test", "https://a.example.com:8443", "http://a.example.com",
			"https://evil.test#.example.com", "https://evil.test/.example.com", "https://evil.test?.example.com", "https://a..example.com", "https://evil.test%2f.example.com", "https://a.EXAMPLE.com",
		}},
		{"names below with any port", []string{"https://*.example.com:*"}, nil, []string{"https://a.example.com:8443", "https://a.example.com"}, []string{"https://example.com:8443", "https://a.example.com:x"}},
		{"names below with a port", []string{"https://*.example.com:8443"}, nil, []string{"https://a.example.com:8443"}, []string{"https://a.example.com"}},
		{"an address", []string{"http://[::1]:3000", "http://127.0.0.1:3000"}, nil, []string{"http://[::1]:3000", "http://127.0.0.1:3000"}, []string{"http://[::1]", "http://[::2]:3000", "http://[::1]:3000]"}},
		{"an extension", []string{"chrome-extension://abcdefghijklmnop"}, nil, []string{"chrome-extension://abcdefghijklmnop"}, []string{"chrome-extension://other", "https://abcdefghijklmnop"}},
		{"null", []string{"null", "https://a.test"}, nil, []string{"null", "https://a.test"}, []string{"NULL", "https://null"}},
		{"a pattern", nil, []string{`https://pr-[0-9]+\.example\.com`}, []string{"https://pr-1.example.com"}, []string{
			"https://pr-1.example.com.evil.test", "xhttps://pr-1.example.com", "https://pr-.example.com", "https://pr-1xexample.com", "https://pr-1.example.com:80",
		}},
		{"alternatives", nil, []string{`https://a\.test|https://b\.test`}, []string{"https://a.test", "https://b.test"}, []string{"https://a.test.evil", "https://xb.test", "https://a.testhttps://b.test"}},
		{"a pattern that begins with a flag", nil, []string{`(?i)HTTPS://A\.TEST`}, []string{"https://a.test"}, []string{"https://A.test"}},
		{"everything in a label", nil, []string{`https://.+\.example\.com`}, []string{"https://a.b.example.com"}, []string{"https://evil.test/.example.com", "https://evil.test#.example.com", "https://evil.test:80.example.com"}},
		{"a pattern and null", nil, []string{".*"}, []string{"https://a.test"}, []string{"null", "", "nonsense"}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			o := compiled(t, row.list, row.patterns)
			for _, s := range row.yes {
				if !o.allows(s) {
					t.Errorf("%s is refused", s)
				}
			}
			for _, s := range append(row.no, "https://"+strings.Repeat("a", maxOrigin)+".example.com") {
				if o.allows(s) {
					t.Errorf("%s is admitted", s)
				}
			}
		})
	}
}

func TestEveryone(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]bool{
		`.*`: true, `https://.*`: true, `https?://.+`: true, `.*:8443`: true, `https://.+\.example\.com`: false, `https://a\.test`: false,
	} {
		if got := compiled(t, nil, []string{pattern}).everyone(); got != want {
			t.Errorf("%s admits everybody: %v, want %v", pattern, got, want)
		}
	}
	o := compiled(t, []string{"http://intranet.test", "http://*.intranet.test", "http://localhost:*", "http://[::1]:80000"[:17], "https://a.test"}, nil)
	if got := strings.Join(o.insecure(), " "); got != "http://*.intranet.test http://intranet.test" {
		t.Errorf("without TLS: %s", got)
	}
}

// FuzzOrigins checks that what is admitted below a domain is, as a URL, below that
// domain, with the right scheme and nothing else in it.
func FuzzOrigins(f *testing.F) {
	for _, s := range []string{
		"https://a.example.com", "https://evil.test/.example.com", "https://evil.test#.example.com", "https://a.example.com:8443", "null",
		"https://u@a.example.com", "https://a.example.com.", "https://[::1].example.com", "https://a\\.example.com", "https://a.example.com\x00",
	} {
		f.Add(s)
	}
	wild, pattern := compiled(f, []string{"https://*.example.com:*"}, nil), compiled(f, nil, []string{`https://.*\.example\.com(:[0-9]+)?`})
	f.Fuzz(func(t *testing.T, s string) {
		for name, o := range map[string]*origins{"wildcard": wild, "pattern": pattern} {
			if !o.allows(s) {
				continue
			}
			u, err := url.Parse(s)
			if err != nil || u.Scheme != "https" || !strings.HasSuffix(u.Hostname(), ".example.com") ||
				u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.Scheme+"://"+u.Host != s {
				t.Fatalf("the %s admits %q, which is %+v, %v", name, s, u, err)
			}
		}
	})
}
