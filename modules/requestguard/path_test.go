// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package requestguard

import (
	"net/url"
	"path"
	"strings"
	"testing"
	"unicode/utf8"
)

func parseTarget(t *testing.T, target string) *url.URL {
	t.Helper()
	u, err := url.ParseRequestURI(target)
	if err != nil {
		t.Fatalf("parse %q: %v", target, err)
	}
	return u
}

func TestCheckPath(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name, target string
		want         pathFault
	}{
		{"root", "/", 0},
		{"plain", "/v1/chat/completions", 0},
		{"trailing slash", "/v1/models/", 0},
		{"extension and inner dots", "/v1/models/gpt-4.1-mini/..x/.well-known/a...b", 0},
		{"colon of a method suffix", "/v1beta/models/gemini-2.5-pro:streamGenerateContent", 0},
		{"colon of a model tag", "/api/show/llama3.2:3b-instruct-q4_K_M", 0},
		{"at, tilde, plus, comma, equals", "/@scope/~user/a+b,c=d&e$f!g*h(i)'", 0},
		{"encoded space inside", "/my%20file", 0},
		{"encoded plus, question mark and hash", "/c%2B%2B/what%3F/%23tag", 0},
		{"encoded percent sign", "/100%25", 0},
		{"encoded percent sign before one hex digit", "/100%25a/x", 0},
		{"unicode, encoded", "/%E0%A4%B9%E0%A4%BF%E0%A4%A8/%F0%9F%99%82", 0},
		{"unicode, raw", "/हिन्दी", 0},
		{"needlessly encoded letter", "/%76%31/models", 0},
		{"encoded slash", "/a%2fb", checkEncodedSlashes},
		{"encoded slash in upper case", "/a%2Fb", checkEncodedSlashes},
		{"encoded slash at the end", "/a%2f", checkEncodedSlashes},
		{"raw backslash", "/a\\b", checkBackslashes},
		{"encoded backslash", "/a%5cb", checkBackslashes},
		{"encoded backslash in upper case", "/a%5C..%5Cb", checkBackslashes},
		{"encoded NUL", "/a%00b", checkPathCharacters},
		{"encoded line feed", "/a%0ab", checkPathCharacters},
		{"encoded tab", "/a%09", checkPathCharacters},
		{"encoded delete", "/a%7f", checkPathCharacters},
		{"next line, a control of Unicode", "/a%C2%85b", checkPathCharacters},
		{"line separator", "/a%E2%80%A8b", checkPathCharacters},
		{"overlong slash", "/a%c0%afb", checkPathCharacters},
		{"lone continuation byte", "/a%80", checkPathCharacters},
		{"surrogate", "/%ed%a0%80", checkPathCharacters},
		{"truncated sequence", "/%e2%82", checkPathCharacters},
		{"raw hash", "/a#/b", checkPathCharacters},
		{"one dot", "/a/./b", checkDotSegments},
		{"two dots", "/a/../b", checkDotSegments},
		{"two dots at the end", "/a/..", checkDotSegments},
		{"one dot at the end", "/a/.", checkDotSegments},
		{"three dots", "/a/.../b", checkDotSegments},
		{"encoded dots", "/a/%2e%2e/b", checkDotSegments},
		{"half encoded dots", "/a/.%2E/b", checkDotSegments},
		{"segment ending in a dot", "/admin./x", checkDotSegments},
		{"path ending in a dot", "/admin.", checkDotSegments},
		{"segment ending in a space", "/admin%20/x", checkDotSegments},
		{"path ending in a space", "/admin%20", checkDotSegments},
		{"doubly encoded slash", "/a%252fb", checkDoubleEncoding},
		{"doubly encoded dots", "/%252e%252e/b", checkDoubleEncoding},
		{"triply encoded", "/%25252e/b", checkDoubleEncoding},
		{"wide escape of old scripts", "/a%25u002fb", checkDoubleEncoding},
		{"empty segment", "/a//b", checkEmptySegments},
		{"empty first segment", "//a", checkEmptySegments},
		{"empty last segments", "/a//", checkEmptySegments},
		{"parameter", "/a;jsessionid=1/b", checkPathParameters},
		{"parameter on dots", "/..;/b", checkPathParameters},
		{"encoded semicolon", "/a%3bb", checkPathParameters},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			u := parseTarget(t, row.target)
			if got := ruleSet(everyRule).checkPath(u); got != row.want {
				t.Errorf("%q: got %q, want %q", row.target, faultMessages[got], faultMessages[row.want])
			}
			if row.want != 0 && faultMessages[row.want] == "" {
				t.Errorf("rule %b has no message", row.want)
			}
		})
	}
}

// One rule switched off admits what it refuses and nothing else.
func TestCheckPathWithOneRuleOff(t *testing.T) {
	t.Parallel()
	rows := []struct {
		off    Rule
		target string
		fault  pathFault
	}{
		{RuleEncodedSlashes, "/meta-llama%2fLlama-3", checkEncodedSlashes},
		{RuleBackslashes, "/a%5cb", checkBackslashes},
		{RulePathCharacters, "/a%0ab%ff", checkPathCharacters},
		{RuleDotSegments, "/a/../b./c%20", checkDotSegments},
		{RuleDoubleEncoding, "/a%252f", checkDoubleEncoding},
		{RuleEmptySegments, "//a//b", checkEmptySegments},
		{RulePathParameters, "/a;v=1.2/b", checkPathParameters},
	}
	for _, row := range rows {
		t.Run(string(row.off), func(t *testing.T) {
			t.Parallel()
			u := parseTarget(t, row.target)
			if got := allBut(nil).checkPath(u); got != row.fault {
				t.Errorf("with the rule: got %q", faultMessages[got])
			}
			if got := allBut([]Rule{row.off}).checkPath(u); got != 0 {
				t.Errorf("without the rule: got %q", faultMessages[got])
			}
			for _, other := range rows {
				if other.off != row.off && allBut([]Rule{other.off}).checkPath(u) != row.fault {
					t.Errorf("with off %s: not refused", other.off)
				}
			}
		})
	}
}

func TestRulesHaveBits(t *testing.T) {
	t.Parallel()
	if got := ruleSet(1)<<len(allRules) - 1; got != everyRule {
		t.Fatalf("%d rules, bits %b", len(allRules), ruleSet(everyRule))
	}
	for i, want := range []ruleSet{
		checkMethods, checkEarlyData, checkAbsoluteForm, checkPathCharacters, checkBackslashes,
		checkEncodedSlashes, checkDoubleEncoding, checkDotSegments, checkEmptySegments,
		checkPathParameters, checkQuery, checkHeaders, checkDuplicateHeaders, checkExpect,
		checkConnection, checkUpgrade, checkOverrides, checkForwarded, checkTrailers,
	} {
		if got := ruleSet(everyRule) &^ allBut([]Rule{allRules[i]}); got != want {
			t.Errorf("off %s clears %b, want %b", allRules[i], got, want)
		}
	}
}

// FuzzPath holds what the guard lets pass against decoders that share nothing
// with it: whoever decodes, cleans, splits or forwards such a path, once or
// twice, arrives at the same segments.
func FuzzPath(f *testing.F) {
	for _, s := range []string{
		"/", "/v1/models/a:b", "/a%20b", "/a/../b", "/%2e%2e/", "/a%2fb", "/a%252fb", "/a%5c", "/é", "/%ff", "/a;b",
		"//a", "/a#b", "/100%25", "/100%25x", "/a%3fb?c", "*", "http://h/x", "/a%25u0041",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || !isOriginForm("GET", u) || ruleSet(everyRule).checkPath(u) != 0 {
			return
		}
		raw, _, _ := strings.Cut(target, "?")
		once := decode(raw)
		if once != u.Path {
			t.Fatalf("%q: net/url reads %q, decoding reads %q", target, u.Path, once)
		}
		if twice := decode(once); twice != once {
			t.Fatalf("%q: decodes to %q and again to %q", target, once, twice)
		}
		if clean := path.Clean(once); clean != once && clean+"/" != once {
			t.Fatalf("%q: cleaned to %q", target, clean)
		}
		if !utf8.ValidString(once) || strings.ContainsAny(once, "\\;\x00\n\r\t\x7f") {
			t.Fatalf("%q: characters of %q", target, once)
		}
		segments := strings.Split(raw, "/")
		for i, s := range strings.Split(once, "/") {
			if len(segments) <= i || decode(segments[i]) != s || s != strings.TrimRight(s, ". ") {
				t.Fatalf("%q: segment %d is %q", target, i, s)
			}
		}
		again, err := url.ParseRequestURI(u.EscapedPath())
		if err != nil || again.Path != u.Path {
			t.Fatalf("%q: forwarded as %q, which reads %v (%v)", target, u.EscapedPath(), again, err)
		}
	})
}

// decode replaces every escape of s by its byte and leaves all else alone.
func decode(s string) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			lower := strings.ToLower(s[i+1 : i+3])
			hi, lo := strings.IndexByte(digits, lower[0]), strings.IndexByte(digits, lower[min(1, len(lower)-1)])
			if hi >= 0 && lo >= 0 && len(lower) == 2 {
				b.WriteByte(byte(hi<<4 | lo))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
