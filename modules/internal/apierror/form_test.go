// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package apierror_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/caddy-gateway/tollgate/modules/internal/apierror"
)

func TestPreferred(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, accept string // lines are separated by |
		want         apierror.Form
	}{
		{"none", "", apierror.JSON},
		{"anything", "*/*", apierror.JSON},
		{"a browser", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", apierror.HTML},
		{"a browser's fetch", "*/*", apierror.JSON},
		{"a library that likes JSON", "application/json, text/plain, */*", apierror.JSON},
		{"problem", "application/problem+json, text/html;q=0.9", apierror.JSON},
		{"JSON refused", "application/json;q=0, application/problem+json;q=0, text/plain;q=0.1", apierror.Plain},
		{"any application", "application/*, text/html;q=0.5", apierror.JSON},
		{"plain", "text/plain", apierror.Plain},
		{"any text", "text/*", apierror.HTML},
		{"any text, but no markup", "text/*;q=0.5, text/html;q=0", apierror.Plain},
		{"specific over general", "*/*, text/html;q=0.1", apierror.JSON},
		{"specific over general, the other way round", "*/*;q=0.1, text/html;q=0.2", apierror.HTML},
		{"order says nothing", "application/json;q=0.2, text/html;q=0.3", apierror.HTML},
		{"two lines", "application/json;q=0.2|text/html;q=0.3", apierror.HTML},
		{"case and space", "Text/HTML ; Q=1.0 , */* ; q=0.5", apierror.HTML},
		{"parameters", "text/html;level=1, application/json;q=0.4", apierror.HTML},
		{"quoted comma", `text/html;note="a,application/json", text/plain;q=0.5`, apierror.HTML},
		{"quoted semicolon", `text/html;note="a;q=0", text/plain;q=0.5`, apierror.HTML},
		{"quoted weight behind a quoted semicolon", `text/html;note="a;q=1";q=0.1, text/plain;q=0.5`, apierror.Plain},
		{"quoted end", `text/plain;note="\", text/html`, apierror.Plain},
		{"nothing that there is", "image/png", apierror.JSON},
		{"everything refused", "*/*;q=0", apierror.JSON},
		{"a weight that is none", "text/html;q=2, text/plain;q=0.5", apierror.Plain},
		{"a weight with letters", "text/html;q=0.x", apierror.JSON},
		{"a weight that is too long", "text/html;q=0.1234, text/plain;q=0.001", apierror.Plain},
		{"a weight above one", "text/html;q=1.001", apierror.JSON},
		{"no media type", "html, json;q=0.1", apierror.JSON},
		{"empty elements", ", ,text/html,,", apierror.HTML},
		{"more ranges than are looked at", strings.Repeat("image/png,", 64) + "text/html", apierror.JSON},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var lines []string
			if tc.accept != "" {
				lines = strings.Split(tc.accept, "|")
			}
			if got := apierror.Preferred(lines); got != tc.want {
				t.Errorf("Preferred = %v, want %v", got, tc.want)
			}
		})
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	e := apierror.Error{Status: 403, Code: "group_not_allowed", Message: "Not for you", RequestID: "r-1"}
	page := string(apierror.AppendHTML(nil, e))
	for _, want := range []string{"<!doctype html>", "<title>403 Forbidden</title>", "<h1>403 Forbidden</h1>", "<p>Not for you</p>", "<dd>group_not_allowed</dd>", "<dd>r-1</dd>", "prefers-color-scheme:dark"} {
		if !strings.Contains(page, want) {
			t.Errorf("page lacks %s:\n%s", want, page)
		}
	}
	for _, loads := range []string{"http:", "https:", "src=", "href=", "url(", "@import", "<script"} {
		if strings.Contains(page, loads) {
			t.Errorf("page holds %s", loads)
		}
	}
	if got, want := string(apierror.AppendPlain(nil, e)), "403 Forbidden\nNot for you\nCode: group_not_allowed\nRequest: r-1\n"; got != want {
		t.Errorf("plain = %q, want %q", got, want)
	}
	bare := apierror.Error{Status: 404, Message: "Not Found"}
	if got := string(apierror.AppendHTML(nil, bare)); strings.Contains(got, "<p>") || strings.Contains(got, "<dl>") {
		t.Errorf("bare page:\n%s", got)
	}
	if got := string(apierror.AppendPlain(nil, bare)); got != "404 Not Found\n" {
		t.Errorf("bare text = %q", got)
	}
}

// FuzzPages guards against a string from a request becoming markup, or a line of its own.
func FuzzPages(f *testing.F) {
	f.Add(`</p><script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, "a\r\nCode: b")
	f.Add("\xff\x00<", "&lt;", "\u202e\u2028")
	f.Fuzz(func(t *testing.T, code, message, id string) {
		frame := len(markup(apierror.AppendHTML(nil, apierror.Error{Status: 400, Code: "c", Message: "m", RequestID: "i"})))
		page := apierror.AppendHTML(nil, apierror.Error{Status: 400, Code: "c" + code, Message: "m" + message, RequestID: "i" + id})
		if got := len(markup(page)); got != frame || !utf8.Valid(page) {
			t.Errorf("%d characters of markup, want %d:\n%s", got, frame, page)
		}
		text := apierror.AppendPlain(nil, apierror.Error{Status: 400, Code: "c" + code, Message: "m" + message, RequestID: "i" + id})
		if n := strings.Count(string(text), "\n"); n != 4 || !utf8.Valid(text) {
			t.Errorf("%d lines:\n%s", n, text)
		}
	})
}

// markup is what of a page is syntax.
func markup(page []byte) string {
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune("<>\"'", c) {
			return c
		}
		return -1
	}, string(page))
}

func BenchmarkPreferred(b *testing.B) {
	accept := []string{"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"}
	b.ReportAllocs()
	for b.Loop() {
		if apierror.Preferred(accept) != apierror.HTML {
			b.Fatal("not a page")
		}
	}
}
