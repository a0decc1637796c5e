// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

func TestTransformExample(t *testing.T) {
	const key = "demo-partner-key-not-a-secret"
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Powered-By", "demo")
		switch {
		case strings.HasPrefix(r.URL.Path, "/files/"):
			body, _ := io.ReadAll(r.Body)
			h.Set("Content-Type", "application/json")
			_, _ = w.Write(body)
		case r.URL.Path == "/api/broken":
			h.Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"internal":{"debug":"a secret"}`)
		default:
			h.Set("Content-Type", "application/json")
			h.Set("ETag", `"1"`)
			_, _ = io.WriteString(w, `{"items":[{"n":1.50,"cost":2},{"n":2}],"internal":{"debug":"a secret","ok":true}}`)
		}
	})
	g := exampleGateway(t, "transform.Caddyfile", map[string]string{"PARTNER_KEY": key, "API_SERVER": up.Addr})
	last := func() Recorded { r := up.Requests(); return r[len(r)-1] }

	t.Run("headers and query", func(t *testing.T) {
		const body = `{"no JSON`
		got := g.Do(http.MethodPut, "/files/a?limit=5&x=%2f", body, "apikey: "+key, "X-Debug: 1", "X-Tenant: somebody else")
		if got.Status != 200 || got.Body != body || got.Header.Get("X-Powered-By") != "" {
			t.Errorf("answer %d %q %v", got.Status, got.Body, got.Header)
		}
		if ms, err := strconv.ParseFloat(got.Header.Get("X-Response-Time"), 64); err != nil || ms <= 0 {
			t.Errorf("X-Response-Time is %q", got.Header.Get("X-Response-Time"))
		}
		if r := last(); r.URI != "/files/a?page_size=5&x=%2f" || r.Header.Get("X-Debug") != "" || r.Header.Get("X-Tenant") != "partner" || r.Body != body {
			t.Errorf("upstream had %s %v %q", r.URI, r.Header, r.Body)
		}
	})
	t.Run("JSON", func(t *testing.T) {
		got := g.Post("/api/x", `{"text":"a","admin":true,"internal":{},"tags":["b"],"n":1e2}`, "apikey: "+key)
		id := got.Header.Get("X-Correlation-Id")
		if want := `{"items":[{"n":1.50},{"n":2}],"internal":{"ok":true},"meta":{"gateway":"tollgate","request":"` + id + `"}}`; got.Status != 200 || id == "" || got.Body != want {
			t.Errorf("answer %d %s", got.Status, got.Body)
		}
		if n := got.Header.Get("Content-Length"); n != strconv.Itoa(len(got.Body)) || got.Header.Get("Etag") != "" {
			t.Errorf("header %v", got.Header)
		}
		const want = `{"input":"a","tags":["b","gateway"],"n":1e2,"meta":{"tenant":"partner"},"options":{"sample_rate": 16000, "punctuation": true}}`
		if r := last(); r.Body != want || r.Header.Get("Content-Length") != strconv.Itoa(len(want)) || r.Header.Get("X-Confirm") != "" {
			t.Errorf("upstream had %v %s", r.Header, r.Body)
		}
	})
	t.Run("a form", func(t *testing.T) {
		g.Post("/api/x", "text=a%20b&admin=1", "apikey: "+key, "Content-Type: application/x-www-form-urlencoded")
		want := "input=a%20b&meta.tenant=partner&options=%7B%22sample_rate%22%3A+16000%2C+%22punctuation%22%3A+true%7D&tags=gateway"
		if r := last(); r.Body != want {
			t.Errorf("upstream had %s", r.Body)
		}
	})
	t.Run("a method", func(t *testing.T) {
		g.Do(http.MethodDelete, "/api/x", "", "apikey: "+key)
		if r := last(); r.Header.Get("X-Confirm") != "yes" || r.Body != "" {
			t.Errorf("upstream had %v %q", r.Header, r.Body)
		}
	})
	t.Run("hostile bodies", func(t *testing.T) {
		before := len(up.Requests())
		for body, code := range map[string]string{
			`{"admin":true,"admin":true}`:                   "ambiguous_field",
			`{"Admin":true}`:                                "ambiguous_field",
			`{"\u0061dmin":1,"admin":2}`:                    "ambiguous_field",
			`{"admin":true,}`:                               "invalid_json",
			`{"meta":` + strings.Repeat(`[`, 5000) + `}`:    "invalid_json",
			`{"a":"` + strings.Repeat(`x`, 10<<20+1) + `"}`: "body_too_large",
		} {
			if got := g.Post("/api/x", body, "apikey: "+key); decoded(t, got)["code"] != code {
				t.Errorf("%.40s: %d %s, want %s", body, got.Status, got.Body, code)
			}
		}
		if n := len(up.Requests()) - before; n != 0 {
			t.Errorf("%d of them reached the upstream", n)
		}
	})
	t.Run("an answer that cannot be edited", func(t *testing.T) {
		got := g.Get("/api/broken", "apikey: "+key)
		if got.Status != 502 || decoded(t, got)["code"] != "response_not_editable" || got.Header.Get("X-Powered-By") != "" || strings.Contains(got.Body, "secret") {
			t.Errorf("answer %d %v %s", got.Status, got.Header, got.Body)
		}
	})
	t.Run("a refusal is not edited", func(t *testing.T) {
		if got := g.Get("/api/x"); got.Status != 401 || decoded(t, got)["meta"] != nil {
			t.Errorf("answer %d %s", got.Status, got.Body)
		}
	})
	t.Run("metrics", func(t *testing.T) {
		metrics := g.Admin("/metrics").Body
		for _, want := range []string{
			`caddy_gateway_transforms_total{direction="request",outcome="edited",route="api"} 2`,
			`caddy_gateway_transforms_total{direction="request",outcome="malformed",route="api"} 5`,
			`caddy_gateway_transforms_total{direction="response",outcome="malformed",route="api"} 1`,
		} {
			if !strings.Contains(metrics, want) {
				t.Errorf("there is no %s", want)
			}
		}
	})
}
