// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package requestguard

import (
	"strings"
	"testing"
)

// crlf turns the lines of a request into what goes over the wire.
func crlf(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n\r\n" }

// get is a request of a target with more header lines.
func get(target string, lines ...string) string {
	return crlf(append([]string{"GET " + target + " HTTP/1.1", "Host: gateway.test"}, lines...)...)
}

func post(body string, lines ...string) string {
	return crlf(append([]string{"POST /v1/x HTTP/1.1", "Host: gateway.test"}, lines...)...) + body
}

// rawRow is a request as bytes. want is the status and, for an answer of the
// guard, the code; has and lacks are what the body holds: of a request that
// passed, every line of it.
type rawRow struct {
	name, raw  string
	want       string
	has, lacks []string
}

func TestRawRequests(t *testing.T) {
	t.Parallel()
	srv := startServer(t, site(newGuard(t, "request_guard"), report))
	for _, rows := range [][]rawRow{methodRows(), targetRows(), queryRows(), headerRows(), cleanedRows(), framingRows()} {
		for _, row := range rows {
			t.Run(row.name, func(t *testing.T) {
				t.Parallel()
				resp, body := sendRaw(t, srv.Listener.Addr().String(), row.raw)
				status, code, _ := strings.Cut(row.want, " ")
				if !strings.HasPrefix(resp.Status, status) {
					t.Fatalf("status %s, want %s; body %s", resp.Status, row.want, body)
				}
				if code != "" && !strings.Contains(body, `"code":"`+code+`"`) {
					t.Errorf("code %s is not in %s", code, body)
				}
				if status == "200" && !strings.HasPrefix(row.raw, "HEAD ") && !strings.HasPrefix(body, "passed ") {
					t.Errorf("not passed: %s", body)
				}
				for _, s := range row.has {
					if !strings.Contains(body, s) {
						t.Errorf("%q is not in %s", s, body)
					}
				}
				for _, s := range row.lacks {
					if strings.Contains(strings.ToLower(body), strings.ToLower(s)) {
						t.Errorf("%q is in %s", s, body)
					}
				}
			})
		}
	}
}

func TestMethodNotAllowedNamesThoseThatAre(t *testing.T) {
	t.Parallel()
	srv := startServer(t, site(newGuard(t, "request_guard {\n methods GET QUERY\n}"), report))
	for method, want := range map[string]string{"GET": "200", "QUERY": "200", "POST": "405", "TRACE": "405", "get": "405"} {
		resp, body := sendRaw(t, srv.Listener.Addr().String(), crlf(method+" / HTTP/1.1", "Host: gateway.test"))
		if !strings.HasPrefix(resp.Status, want) {
			t.Errorf("%s: status %s, want %s; body %s", method, resp.Status, want, body)
		}
		if allow := resp.Header.Get("Allow"); want == "405" && allow != "GET, QUERY" {
			t.Errorf("%s: Allow is %q", method, allow)
		}
	}
}

func methodRows() []rawRow {
	return []rawRow{
		{name: "GET", raw: get("/v1/models"), want: "200", has: []string{"passed GET /v1/models host gateway.test\n"}},
		{name: "HEAD", raw: crlf("HEAD / HTTP/1.1", "Host: gateway.test"), want: "200"},
		{name: "PUT, PATCH and DELETE", raw: crlf("DELETE /a HTTP/1.1", "Host: gateway.test"), want: "200"},
		{name: "OPTIONS of a path", raw: crlf("OPTIONS /a HTTP/1.1", "Host: gateway.test", "Origin: https://a.test"), want: "200"},
		{name: "TRACE", raw: crlf("TRACE / HTTP/1.1", "Host: gateway.test"), want: "405 method_not_allowed"},
		{name: "TRACK", raw: crlf("TRACK / HTTP/1.1", "Host: gateway.test"), want: "405 method_not_allowed"},
		{name: "CONNECT to an authority", raw: crlf("CONNECT 127.0.0.1:22 HTTP/1.1", "Host: 127.0.0.1:22"), want: "405 method_not_allowed"},
		{name: "CONNECT to a path", raw: crlf("CONNECT /v1/x HTTP/1.1", "Host: gateway.test"), want: "405 method_not_allowed"},
		{name: "CONNECT with the pseudo-header of HTTP/2", raw: crlf("CONNECT /v1/x HTTP/1.1", "Host: gateway.test", ":protocol: websocket"), want: "400"},
		{name: "unknown method", raw: crlf("DEBUG / HTTP/1.1", "Host: gateway.test"), want: "405 method_not_allowed"},
		{name: "method in lower case", raw: crlf("get / HTTP/1.1", "Host: gateway.test"), want: "405 method_not_allowed"},
		{name: "method with a byte that no token has", raw: crlf("GE(T / HTTP/1.1", "Host: gateway.test"), want: "400"},
	}
}

func targetRows() []rawRow {
	rows := []rawRow{
		{name: "absolute form", raw: get("http://upstream.test/v1/models"), want: "400 absolute_form"},
		{name: "absolute form of our own host", raw: get("http://gateway.test/"), want: "400 absolute_form"},
		{name: "absolute form with userinfo", raw: get("http://gateway.test@upstream.test/"), want: "400 absolute_form"},
		{name: "opaque target", raw: get("mailto:x"), want: "400 absolute_form"},
		{name: "asterisk of GET", raw: get("*"), want: "400 absolute_form"},
		{name: "target without a slash", raw: get("v1/models"), want: "400"},
		{name: "broken escape", raw: get("/a%zz"), want: "400"},
		{name: "truncated escape", raw: get("/a%2"), want: "400"},
		{name: "raw control character", raw: get("/a\x01b"), want: "400"},
		{name: "raw NUL", raw: get("/a\x00b"), want: "400"},
		{name: "space in the target", raw: get("/a b"), want: "400"},
		{name: "tab in the target", raw: get("/a\tb"), want: "400"},
	}
	for _, target := range []string{
		"/a%2fb", "/a%2Fb", "/a%5cb", "/a\\b", "/a/..%5cb", "/a%00", "/a%0d%0aX-Y:%20z", "/a%7f", "/%c0%ae%c0%ae/x",
		"/%ff", "/a#b", "/a/../b", "/a/./b", "/..", "/a/%2e%2e/b", "/a/.%2e", "/admin.", "/admin%20", "/a%20/b",
		"//a", "/a//b", "/a/;x=1/b", "/..;/b", "/a%3bb", "/a%252e", "/%25%32%65", "/a%252fb", "/a%25u002fb", "/a/...",
	} {
		rows = append(rows, rawRow{name: "path " + target, raw: get(target), want: "400 ambiguous_path", lacks: []string{"passed"}})
	}
	for _, target := range []string{
		"/v1beta/models/gemini-2.5-pro:generateContent?alt=sse", "/api/tags/llama3.2:3b", "/@a/~b/c+d", "/a%20b",
		"/v1/models/gpt-4.1", "/100%25", "/%E0%A4%B9%E0%A4%BF", "/c%2B%2B", "/.well-known/x", "/what%3F",
	} {
		rows = append(rows, rawRow{name: "path " + target, raw: get(target), want: "200", has: []string{"passed GET " + target + " host"}})
	}
	return rows
}

func queryRows() []rawRow {
	return []rawRow{
		{name: "query of many kinds", raw: get("/?a=1&b=x%2fy&c=%00&d[]=e?f/g"), want: "200", has: []string{"/?a=1&b=x%2fy&c=%00&d[]=e?f/g host"}},
		{name: "256 parameters", raw: get("/?a" + strings.Repeat("&a", 255)), want: "200"},
		{name: "257 parameters", raw: get("/?a" + strings.Repeat("&a", 256)), want: "400 too_many_query_params"},
		{name: "4000 parameters", raw: get("/?a" + strings.Repeat("&a", 3999)), want: "400 too_many_query_params"},
		{name: "query of 8 KiB", raw: get("/?" + strings.Repeat("a", 8192)), want: "200"},
		{name: "query beyond 8 KiB", raw: get("/?" + strings.Repeat("a", 8193)), want: "400 query_too_long"},
		{name: "semicolon between parameters", raw: get("/?lang=hi;lang=ta"), want: "400 invalid_query"},
		{name: "broken escape in the query", raw: get("/?a=%zz"), want: "400 invalid_query"},
		{name: "percent sign at the end of the query", raw: get("/?a=%"), want: "400 invalid_query"},
		{name: "hash in the query", raw: get("/?a=1#/admin"), want: "400 invalid_query"},
	}
}

func headerRows() []rawRow {
	many := func(n int) []string {
		lines := make([]string, n)
		for i := range lines {
			lines[i] = "X-A: b"
		}
		return lines
	}
	return []rawRow{
		{name: "100 header lines", raw: get("/", many(100)...), want: "200"},
		{name: "101 header lines", raw: get("/", many(101)...), want: "431 too_many_headers"},
		{name: "Authorization twice", raw: get("/", "Authorization: Bearer demo-a", "Authorization: Bearer demo-b"), want: "401 ambiguous_credentials", lacks: []string{"demo-"}},
		{name: "Authorization twice in other case", raw: get("/", "AUTHORIZATION: Bearer demo-a", "authorization: Bearer demo-a"), want: "401 ambiguous_credentials"},
		{name: "Content-Type twice", raw: post("", "Content-Type: application/json", "Content-Type: text/plain", "Content-Length: 0"), want: "400 duplicate_header"},
		{name: "Origin twice", raw: get("/", "Origin: https://a.test", "Origin: https://b.test"), want: "400 duplicate_header"},
		{name: "Idempotency-Key twice", raw: get("/", "Idempotency-Key: a", "Idempotency-Key: b"), want: "400 duplicate_header"},
		{name: "Accept twice", raw: get("/", "Accept: a/b", "Accept: c/d"), want: "200", has: []string{"Accept: a/b\nAccept: c/d\n"}},
		{name: "Host twice", raw: get("/", "Host: other.test"), want: "400"},
		{name: "Host missing", raw: crlf("GET / HTTP/1.1"), want: "400"},
		{name: "Host with userinfo", raw: crlf("GET / HTTP/1.1", "Host: a@gateway.test"), want: "400"},
		{name: "Host with a path", raw: crlf("GET / HTTP/1.1", "Host: gateway.test/x"), want: "400"},
		{name: "Expect of something else", raw: get("/", "Expect: 200-ok"), want: "417"},
		{name: "Early-Data of POST", raw: post("", "Early-Data: 1", "Content-Length: 0"), want: "425 too_early"},
		{name: "Early-Data of GET", raw: get("/", "Early-Data: 1"), want: "200"},
		{name: "space before the colon", raw: get("/", "Authorization : Bearer demo"), want: "400"},
		{name: "folded line", raw: get("/", "X-A: b", " X-Consumer-Id: admin"), want: "200", lacks: []string{"\nX-Consumer-Id"}},
		{name: "NUL in a value", raw: get("/", "X-A: b\x00c"), want: "400"},
		{name: "name that is no token", raw: get("/", "X-A\x01: b"), want: "400"},
	}
}
