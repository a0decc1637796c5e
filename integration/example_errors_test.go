// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"net/http"
	"strings"
	"testing"
)

// browserAccepts is what browsers say when somebody opens a page.
const browserAccepts = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"

// TestExampleErrors asks for the same errors as different clients.
func TestExampleErrors(t *testing.T) {
	up := upstream(t, nil)
	g := exampleGateway(t, "errors.Caddyfile", map[string]string{
		"WEB_SHOP_KEY": strings.TrimPrefix(shopKey, "apikey: "), "API_SERVER": up.Addr,
	})
	for name, tc := range map[string]struct {
		path, accept string
		status       int
		ctype        string
		body         []string
	}{
		"a program":                    {"/api/x", "Accept: */*", 401, "application/problem+json", []string{`"code":"key_missing"`, `"request_id":"`}},
		"a browser":                    {"/api/x", browserAccepts, 401, "text/html; charset=utf-8", []string{"<h1>401 Unauthorized</h1>", "<dd>key_missing</dd>"}},
		"a terminal":                   {"/api/x", "Accept: text/plain", 401, "text/plain; charset=utf-8", []string{"401 Unauthorized\n", "Code: key_missing\n", "Request: "}},
		"a browser, unknown path":      {"/no/such", browserAccepts, 404, "text/html; charset=utf-8", []string{"<h1>404 Not Found</h1>", "<dd>not_found</dd>"}},
		"a library":                    {"/llm/v1/chat/completions", "Accept: application/json", 401, "application/json", []string{`"type":"authentication_error"`, `"code":"key_missing"`}},
		"a library, whatever it says":  {"/llm/v1/messages", browserAccepts, 401, "application/json", []string{`"type":"error"`, `"type":"authentication_error"`}},
		"a page of one's own":          {"/shop/old/1", browserAccepts, 404, "text/html; charset=utf-8", []string{"This product is gone"}},
		"a program there":              {"/shop/old/1", "Accept: application/json", 404, "application/problem+json", []string{`"code":"not_found"`}},
		"text, whatever is accepted":   {"/scripts/x", "Accept: application/json", 401, "text/plain; charset=utf-8", []string{"Code: key_missing\n"}},
		"a page that has no page here": {"/scripts/x", browserAccepts, 401, "text/plain; charset=utf-8", []string{"Code: key_missing\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			method := http.MethodGet
			if strings.HasPrefix(tc.path, "/llm/") {
				method = http.MethodPost
			}
			got := g.Do(method, tc.path, "{}", tc.accept)
			if got.Status != tc.status || got.Header.Get("Content-Type") != tc.ctype || !containsAll(got.Body, tc.body) {
				t.Errorf("answer = %d %s %s", got.Status, got.Header.Get("Content-Type"), got.Body)
			}
			if strings.HasPrefix(tc.ctype, "text/html") && !strings.HasPrefix(got.Header.Get("Content-Security-Policy"), "default-src ") {
				t.Errorf("header = %v, want a policy", got.Header)
			}
			if id := got.Header.Get("X-Correlation-Id"); id == "" || !strings.Contains(got.Body, id) && !strings.HasPrefix(tc.path, "/shop/") {
				t.Errorf("id %q is not in the body %s", id, got.Body)
			}
		})
	}
}

// A page of the example shows the id of a failure for which the upstream is to blame.
func TestExampleErrorsOfTheUpstream(t *testing.T) {
	g := exampleGateway(t, "errors.Caddyfile", nil)
	got := g.Get("/shop/new", browserAccepts)
	if id := got.Header.Get("X-Correlation-Id"); got.Status != 502 || !strings.Contains(got.Body, "We are on it. Please quote <code>"+id+"</code>") {
		t.Errorf("answer = %d %s", got.Status, got.Body)
	}
}

// TestExampleProtect tries each thing that the example keeps out.
func TestExampleProtect(t *testing.T) {
	up := upstream(t, nil)
	g := exampleGateway(t, "protect.Caddyfile", map[string]string{
		"WEB_SHOP_KEY": strings.TrimPrefix(shopKey, "apikey: "), "API_SERVER": up.Addr,
	})
	const json, large = "Content-Type: application/json", 64<<10 + 1
	for name, tc := range map[string]struct {
		method, path, body string
		headers            []string
		status             int
		says               string
	}{
		"a call":              {"POST", "/api/x", `{}`, []string{shopKey, json}, 200, ""},
		"no key":              {"POST", "/api/x", `{}`, []string{json}, 401, `"code":"key_missing"`},
		"not JSON":            {"POST", "/api/x", `a=b`, []string{shopKey, "Content-Type: application/x-www-form-urlencoded"}, 415, `"code":"unsupported_media_type"`},
		"too large":           {"POST", "/api/x", strings.Repeat("x", large), []string{shopKey, json}, 413, `"code":"body_too_large"`},
		"as large, an upload": {"POST", "/api/uploads/x", strings.Repeat("x", large), []string{shopKey, json}, 200, ""},
		"a robot":             {"GET", "/api/x", "", []string{shopKey, "User-Agent: Example-Bot/1.0"}, 403, `"code":"forbidden"`},
		"what robots ask":     {"GET", "/robots.txt", "", nil, 200, "Disallow: /"},
		"closed":              {"GET", "/billing/x", "", []string{shopKey}, 503, `"code":"service_unavailable"`},
		"gone":                {"GET", "/v0/x", "", []string{shopKey}, 410, "version 0 has ended"},
		"a method":            {"PATCH", "/api/x", "", []string{shopKey}, 405, `"code":"method_not_allowed"`},
		"nothing there":       {"GET", "/x", "", nil, 404, `"code":"not_found"`},
	} {
		t.Run(name, func(t *testing.T) {
			got := g.Do(tc.method, tc.path, tc.body, tc.headers...)
			if got.Status != tc.status || !strings.Contains(got.Body, tc.says) {
				t.Errorf("answer = %d %s, want %d with %s", got.Status, got.Body, tc.status, tc.says)
			}
			if name == "closed" && got.Header.Get("Retry-After") != "3600" {
				t.Errorf("header = %v", got.Header)
			}
		})
	}
	for _, r := range up.Requests() {
		if strings.HasPrefix(r.URI, "/billing") || r.Header.Get("User-Agent") == "Example-Bot/1.0" {
			t.Errorf("upstream had %s", r.URI)
		}
	}
}

// What handle_errors has no words for is the gateway's to answer.
func TestErrorRoutesThatSayNothing(t *testing.T) {
	g := gateway(t, `{
	gateway
}
http://127.0.0.1:{{PORT}} {
	correlation_id
	error /tea 418
	error 404
	handle_errors 418 {
		respond "tea"
	}
}
`)
	if got := g.Get("/tea"); got.Status != 418 || got.Body != "tea" {
		t.Errorf("answer = %d %s", got.Status, got.Body)
	}
	got := g.Get("/x", browserAccepts)
	if id := got.Header.Get("X-Correlation-Id"); got.Status != 404 || id == "" || !strings.Contains(got.Body, "<dd>"+id+"</dd>") {
		t.Errorf("answer = %d %v %s", got.Status, got.Header, got.Body)
	}
}
