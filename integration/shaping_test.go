// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// Ending requests at the gateway is Caddy's own business. These are the configurations of
// Kong's request-termination, each in Caddy's words, and what a client sees. Where Caddy
// has no default, the configuration says what Kong's would be. What Kong refuses in a
// configuration, because options exclude each other, cannot be written here.
func TestTermination(t *testing.T) {
	json := "header Content-Type application/json\n"
	caller, other := "apikey: "+callerKey, "apikey: "+narrowKey
	rows := []struct {
		name, site string
		path       string
		headers    []string
		status     int
		body, kind string // kind is the Content-Type
	}{
		{"a status with its message", json + `respond "{\"message\":\"Not found\"}" 404`, "/", nil, 404, `{"message":"Not found"}`, "application/json"},
		{"a message", json + `respond "{\"message\":\"Invalid\"}" 406`, "/", nil, 406, `{"message":"Invalid"}`, "application/json"},
		{"a body", "header Content-Type text/html\nrespond <html>closed</html> 503", "/", nil, 503, "<html>closed</html>", "text/html"},
		{"a body of a type", "header Content-Type text/html\nrespond <html>no</html> 451", "/", nil, 451, "<html>no</html>", "text/html"},
		{"nothing", "respond 204", "/", nil, 204, "", ""},
		{"a trigger that is not there", "@trigger {\n\theader Gimme-An-Echo *\n}\nrespond @trigger \"{uri}\" 404\nreverse_proxy {{UP}}", "/", nil, 200, "ok", "text/plain; charset=utf-8"},
		{"a trigger in a header", "@trigger {\n\theader Gimme-An-Echo *\n}\nrespond @trigger \"{method} {uri}\" 404\nreverse_proxy {{UP}}", "/a?b=1", []string{"Gimme-An-Echo: x"}, 404, "GET /a?b=1", "text/plain; charset=utf-8"},
		{"a trigger in the query", "@trigger query gimme-an-echo=*\nrespond @trigger \"{method} {uri}\" 404\nreverse_proxy {{UP}}", "/a?gimme-an-echo=x", nil, 404, "GET /a?gimme-an-echo=x", "text/plain; charset=utf-8"},
		{"one consumer", "key_auth\n@shut consumer caller\nrespond @shut 503\nreverse_proxy {{UP}}", "/", []string{caller}, 503, "", ""},
		{"another consumer", "key_auth\n@shut consumer caller\nrespond @shut 503\nreverse_proxy {{UP}}", "/", []string{other}, 200, "ok", "text/plain; charset=utf-8"},
	}
	up := upstream(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	var config strings.Builder
	config.WriteString(chainGlobals)
	config.WriteString("http://127.0.0.1:{{PORT}} {\n\tcorrelation_id\n")
	for i, row := range rows {
		site := strings.ReplaceAll(row.site, "\n", "\n\t\t")
		fmt.Fprintf(&config, "\t@row%d header X-Row %d\n\thandle @row%d {\n\t\t%s\n\t}\n", i, i, i, site)
	}
	config.WriteString("}\n")
	g := gateway(t, config.String(), chained(t, with("UP", up.Addr))...)
	for i, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got := g.Get(row.path, append([]string{"X-Row: " + strconv.Itoa(i)}, row.headers...)...)
			if got.Status != row.status || got.Body != row.body || got.Header.Get("Content-Type") != row.kind {
				t.Errorf("answer = %d %q %s, want %d %q %s", got.Status, got.Body, got.Header.Get("Content-Type"), row.status, row.body, row.kind)
			}
			if _, there := got.Header["Content-Length"]; there && row.status == 204 {
				t.Error("204 has a Content-Length")
			}
			if got.Header.Get("X-Correlation-Id") == "" {
				t.Error("the answer has no correlation id")
			}
		})
	}
}

// TestCacheKeepsVersionsApart checks that an answer which is stored for one version is not
// given to another, where the path does not tell them apart.
func TestCacheKeepsVersionsApart(t *testing.T) {
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=600")
		_, _ = io.WriteString(w, r.URL.Path+" "+r.Header.Get("X-Api-Version"))
	})
	g := gateway(t, `{
	gateway
}
http://127.0.0.1:{{PORT}} {
	api_version v1 v2 {
		default v1
		rewrite strip
	}
	gateway_cache
	reverse_proxy {{UP}}
}
`, with("UP", up.Addr))
	for _, version := range []string{"v1", "v2", "v1", "v2"} {
		if got := g.Get("/api/things", "X-API-Version: "+version); got.Status != 200 || got.Body != "/api/things "+version {
			t.Errorf("%s = %d %s", version, got.Status, got.Body)
		}
	}
	if n := len(up.Requests()); n != 2 {
		t.Errorf("the upstream had %d requests, want 2", n)
	}
}

// TestCacheKeepsNoOrigin checks that an answer which is stored for the page of one origin
// is given to that of another with its own headers.
func TestCacheKeepsNoOrigin(t *testing.T) {
	up := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=600")
		w.Header().Set("Access-Control-Allow-Origin", "https://of-the-upstream.test")
		_, _ = io.WriteString(w, "ok")
	})
	g := gateway(t, `{
	gateway
}
http://127.0.0.1:{{PORT}} {
	gateway_cors https://a.test https://b.test
	gateway_cache
	reverse_proxy {{UP}}
}
`, with("UP", up.Addr))
	for _, row := range []struct{ origin, told string }{
		{"https://a.test", "https://a.test"}, {"https://b.test", "https://b.test"}, {"https://c.test", ""}, {"https://a.test", "https://a.test"},
	} {
		got := g.Get("/", "Origin: "+row.origin)
		if got.Status != 200 || strings.Join(got.Header.Values("Access-Control-Allow-Origin"), ", ") != row.told {
			t.Errorf("%s = %d %v", row.origin, got.Status, got.Header)
		}
	}
	up.Only()
}
