// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

const (
	pageKey    = "apikey: demo-web-app-key-not-a-secret"
	pageOrigin = "Origin: https://app.example.test"
)

// browserApp loads the example for a page, with an upstream for each version. They have
// CORS headers of their own, which are nobody's business.
func browserApp(t *testing.T) (g *Gateway, first, second *Upstream) {
	t.Helper()
	version := func(name string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Access-Control-Allow-Origin", "*")
			_, _ = io.WriteString(w, name)
		}
	}
	first, second = upstream(t, version("first")), upstream(t, version("second"))
	g = exampleGateway(t, "browser-app.Caddyfile", map[string]string{
		"WEB_APP_KEY": strings.TrimPrefix(pageKey, "apikey: "), "APP_ORIGIN": strings.TrimPrefix(pageOrigin, "Origin: "),
		"API_SERVER_V1": first.Addr, "API_SERVER": second.Addr,
	})
	return g, first, second
}

// checkReadable checks that the page may read an answer, with credentials.
func checkReadable(t *testing.T, what string, got *Answer) {
	t.Helper()
	if origin := got.Header.Values("Access-Control-Allow-Origin"); len(origin) != 1 || "Origin: "+origin[0] != pageOrigin {
		t.Errorf("%s: Access-Control-Allow-Origin %q", what, origin)
	}
	if got.Header.Get("Access-Control-Allow-Credentials") != "true" || !strings.Contains(got.Header.Get("Access-Control-Expose-Headers"), "X-Correlation-Id") {
		t.Errorf("%s: headers %v", what, got.Header)
	}
	if !strings.Contains(strings.Join(got.Header.Values("Vary"), ","), "Origin") {
		t.Errorf("%s: Vary %q", what, got.Header.Values("Vary"))
	}
}

func TestBrowserAppPreflight(t *testing.T) {
	g, first, second := browserApp(t)
	asks := []string{"Access-Control-Request-Method: DELETE", "Access-Control-Request-Headers: apikey,content-type"}
	got := g.Do("OPTIONS", "/api/things", "", append(asks, pageOrigin)...)
	if got.Status != 200 || got.Body != "" || got.Header.Get("Access-Control-Allow-Methods") != "DELETE" ||
		got.Header.Get("Access-Control-Allow-Headers") != "apikey,content-type" || got.Header.Get("Access-Control-Max-Age") != "600" {
		t.Errorf("preflight = %d %v", got.Status, got.Header)
	}
	got = g.Do("OPTIONS", "/api/things", "", append(asks, "Origin: https://evil.test")...)
	if got.Status != 200 || got.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("preflight of another page = %d %v", got.Status, got.Header)
	}
	if got := g.Do("OPTIONS", "/api/things", "", pageOrigin); got.Status != 405 {
		t.Errorf("OPTIONS that is no preflight = %d, want 405 of the guard", got.Status)
	}
	if len(first.Requests())+len(second.Requests()) > 0 {
		t.Error("a preflight has reached an upstream")
	}
}

// TestBrowserAppErrors checks that a page can read whatever refuses its requests.
func TestBrowserAppErrors(t *testing.T) {
	g, _, second := browserApp(t)
	read := func(what string, got *Answer, status int, code string) {
		t.Helper()
		checkReadable(t, what, got)
		if problem := decoded(t, got); got.Status != status || problem["code"] != code || problem["request_id"] != got.Header.Get("X-Correlation-Id") {
			t.Errorf("%s = %d %s, want %d %s", what, got.Status, got.Body, status, code)
		}
	}
	if got := g.Get("/api/things", pageOrigin, pageKey); got.Status != 200 || got.Body != "second" {
		t.Errorf("a good request = %d %s", got.Status, got.Body)
	} else {
		checkReadable(t, "a good request", got)
	}
	read("no key", g.Get("/api/things", pageOrigin), 401, "key_missing")
	read("a path that can be read in two ways", g.Get("/api//things", pageOrigin, pageKey), 400, "ambiguous_path")
	read("a method that is not served", g.Do("PATCH", "/api/things", "", pageOrigin, pageKey), 405, "method_not_allowed")
	read("a version that is not there", g.Get("/api/v9/things", pageOrigin, pageKey), 400, "api_version_unknown")
	read("a crawler", g.Get("/api/things", pageOrigin, pageKey, "User-Agent: some-bot/1.0"), 403, "forbidden")
	read("what is gone", g.Get("/api/export/all", pageOrigin, pageKey), 410, "gone")
	read("a body that is too large", g.Post("/api/things", strings.Repeat("x", 1<<20+1), pageOrigin, pageKey), 413, "body_too_large")
	read("nothing", g.Get("/nothing", pageOrigin), 404, "not_found")
	second.Kill()
	read("an upstream that is gone", g.Get("/api/things", pageOrigin, pageKey), 502, "upstream_unreachable")
	var got *Answer
	for range 100 {
		if got = g.Get("/api/export/x", pageOrigin, pageKey); got.Status == 429 {
			break
		}
	}
	read("a limit", got, 429, "rate_limit_exceeded")
	if got.Header.Get("Retry-After") == "" || !strings.Contains(got.Header.Get("Access-Control-Expose-Headers"), "Retry-After") {
		t.Errorf("a page cannot read when to come back: %v", got.Header)
	}
	if got := g.Get("/api/things", "Origin: https://evil.test", pageKey); got.Status != 403 || decoded(t, got)["code"] != "origin_not_allowed" ||
		got.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another page = %d %s %v", got.Status, got.Body, got.Header)
	}
}

func TestBrowserAppVersions(t *testing.T) {
	g, first, second := browserApp(t)
	rows := []struct{ path, header, server, received, version string }{
		{"/api/a%20b/%E0%A4%B9?x=%2F", "", "second", "/api/v2/a%20b/%E0%A4%B9?x=%2F", "v2"},
		{"/api/v2/things", "", "second", "/api/v2/things", "v2"},
		{"/api/v1/things", "", "first", "/api/v1/things", "v1"},
		{"/api/things", "X-API-Version: 1", "first", "/api/v1/things", "v1"},
		{"/api/v2/things", "X-API-Version: v1", "second", "/api/v2/things", "v2"},
	}
	before := len(first.Requests()) + len(second.Requests())
	for _, row := range rows {
		headers := []string{pageKey}
		if row.header != "" {
			headers = append(headers, row.header)
		}
		got := g.Get(row.path, headers...)
		if got.Status != 200 || got.Body != row.server || got.Header.Get("X-Api-Version") != row.version {
			t.Errorf("%s with %q = %d %s %v", row.path, row.header, got.Status, got.Body, got.Header)
			continue
		}
		up := map[string]*Upstream{"first": first, "second": second}[row.server]
		list := up.Requests()
		if last := list[len(list)-1]; last.URI != row.received || last.Header.Get("X-Api-Version") != row.version {
			t.Errorf("%s: the upstream received %s with %v, want %s", row.path, last.URI, last.Header["X-Api-Version"], row.received)
		}
		if old := row.version == "v1"; old != (got.Header.Get("Deprecation") == "@1780272000") || old != (got.Header.Get("Sunset") == "Sun, 30 Jun 2030 00:00:00 GMT") {
			t.Errorf("%s: Deprecation %q, Sunset %q", row.path, got.Header.Get("Deprecation"), got.Header.Get("Sunset"))
		}
		if links := strings.Join(got.Header.Values("Link"), ", "); row.version == "v1" && !strings.Contains(links, `</api/v2/things>; rel="successor-version"`) {
			t.Errorf("%s: Link %s", row.path, links)
		}
	}
	if n := len(first.Requests()) + len(second.Requests()) - before; n != len(rows) {
		t.Errorf("upstreams had %d requests, want %d", n, len(rows))
	}
	if n := sampled(t, g, "caddy_gateway_api_version_requests_total", `version="v1"`, `source="header"`, `route="api-v1"`); n != 1 {
		t.Errorf("%v requests by header for v1 are counted, want 1", n)
	}
}

// TestBrowserAppWebSocket does without a browser what a page does with a ticket.
func TestBrowserAppWebSocket(t *testing.T) {
	g, up := pageGateway(t, strings.TrimPrefix(pageOrigin, "Origin: "))
	ticket := func() string {
		got := g.Post("/tickets", "", pageOrigin, pageKey)
		checkReadable(t, "a ticket", got)
		text, _ := decoded(t, got)["ticket"].(string)
		if got.Status != 200 || text == "" {
			t.Fatalf("no ticket: %d %s", got.Status, got.Body)
		}
		return text
	}
	dial := func(ticket, origin string) (*websocket.Conn, int) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		conn, res, err := dialed(ctx, g, "/live?ticket="+ticket, http.Header{"Origin": {origin}})
		if err != nil && res == nil {
			t.Fatalf("dial: %v", err)
		}
		return conn, res.StatusCode
	}
	origin := strings.TrimPrefix(pageOrigin, "Origin: ")
	one := ticket()
	conn, status := dial(one, origin)
	if conn == nil {
		t.Fatalf("a WebSocket with a ticket = %d", status)
	}
	for i := range 1000 {
		text := "frame " + strconv.Itoa(i)
		if err := conn.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if _, frame, err := conn.Read(t.Context()); err != nil || string(frame) != text {
			t.Fatalf("frame %d is %q, %v", i, frame, err)
		}
	}
	if _, status := dial(one, origin); status != 401 {
		t.Errorf("a ticket again = %d, want 401", status)
	}
	if _, status := dial(ticket(), "https://evil.test"); status != 403 {
		t.Errorf("a page of another origin = %d, want 403", status)
	}
	if list := up.Requests(); len(list) != 1 || strings.Contains(list[0].URI, "ticket") {
		t.Errorf("the upstream received %+v", list)
	}
}
