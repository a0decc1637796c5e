// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func TestGet(t *testing.T) {
	t.Parallel()
	g := newRig(t, "", text("Cache-Control: max-age=60", `Etag: "v"`, "X-Request-Id: one", "X-Ratelimit-Remaining: 4", "X-Cache-Status: Hit", "X-Kept: yes"))
	first := g.do("alice", request("GET", "/a?x=1", ""))
	first.want(t, state.CacheMiss, "", "answer 01")
	if h := first.Header(); h.Get("X-Cache-Status") != "Miss" || len(h["X-Cache-Status"]) != 1 || h.Get("X-Request-Id") != "one" ||
		h.Get("Cache-Status") != "test; fwd=uri-miss; stored" || len(h.Get("X-Cache-Key")) != 64 {
		t.Errorf("header of the miss is %v", h)
	}
	second := g.do("alice", request("GET", "/a?x=1", ""))
	second.want(t, state.CacheHit, "", "answer 01")
	h := second.Header()
	if h.Get("X-Cache-Status") != "Hit" || h.Get("X-Cache-Key") != first.Header().Get("X-Cache-Key") || h.Get("Age") == "" ||
		h.Get("Content-Length") != "9" || h.Get("X-Kept") != "yes" || h.Get("Cache-Control") != "max-age=60" || !strings.HasPrefix(h.Get("Cache-Status"), "test; hit; ttl=") {
		t.Errorf("header of the hit is %v", h)
	}
	for _, name := range []string{"X-Request-Id", "X-Ratelimit-Remaining"} {
		if h[name] != nil {
			t.Errorf("%s is given again: %q", name, h[name])
		}
	}
	if h.Get("X-Correlation-Id") != "id of this request" || len(h["X-Correlation-Id"]) != 1 {
		t.Errorf("correlation id is %q", h["X-Correlation-Id"])
	}

	head := g.do("alice", request("HEAD", "/a?x=1", ""))
	head.want(t, state.CacheHit, "", "")
	if head.Header().Get("Content-Length") != "9" {
		t.Errorf("HEAD has length %q", head.Header().Get("Content-Length"))
	}
	part := g.do("alice", request("GET", "/a?x=1", "", "Range: bytes=2-4"))
	part.want(t, state.CacheHit, "", "swe")
	if part.Code != 206 || part.Header().Get("Content-Range") != "bytes 2-4/9" || part.Header().Get("Content-Length") != "3" {
		t.Errorf("part is %d %v", part.Code, part.Header())
	}
	if none := g.do("alice", request("GET", "/a?x=1", "", "Range: bytes=20-")); none.Code != 416 {
		t.Errorf("part that is not there is %d", none.Code)
	}
	if same := g.do("alice", request("GET", "/a?x=1", "", `If-None-Match: "v"`)); same.Code != 304 || same.Body.Len() > 0 || same.Header()["Content-Length"] != nil {
		t.Errorf("condition is answered with %d %v", same.Code, same.Header())
	}
	if g.called() != 1 {
		t.Errorf("the upstream was called %d times", g.called())
	}
	g.do("bob", request("GET", "/a?x=1", "")).want(t, state.CacheMiss, "", "answer 02")
	g.do("", request("GET", "/a?x=1", "")).want(t, state.CacheMiss, "", "answer 03")
	g.do("", request("GET", "/a?x=1", "")).want(t, state.CacheHit, "", "answer 03")
	g.do("", request("GET", "/a?x=1", "", "Cookie: a=b")).want(t, state.CacheBypass, "credential", "answer 04")
	g.do("alice", request("GET", "/a?x=2", "")).want(t, state.CacheMiss, "", "answer 05")
}

// TestHeuristic estimates how long answers are fresh that do not say it.
func TestHeuristic(t *testing.T) {
	t.Parallel()
	const days = 24 * time.Hour
	tests := []struct {
		name, opts string
		modified   time.Duration // ago; 0 for nobody knows
		status     int
		ttl        int    // of the stored answer in seconds; 0 for none that is fresh
		reason     string // why it is not given again
	}{
		{"off", "", 10 * days, 200, 0, "stale"},
		{"a tenth", "heuristic 30d", 10 * days, 200, 86400, ""},
		{"at most", "heuristic 1h", 10 * days, 200, 3600, ""},
		{"no date", "heuristic 1h", 0, 200, 0, "no-freshness"},
		{"a status of a moment", "heuristic 1h\nstatus 200 503", 10 * days, 503, 0, "no-freshness"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, tt.opts, func(w http.ResponseWriter, _ *http.Request, n int) {
				if now := time.Now(); tt.modified > 0 {
					w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
					w.Header().Set("Last-Modified", now.Add(-tt.modified).UTC().Format(http.TimeFormat))
				}
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, "answer "+itoa(n))
			})
			g.do("", request("GET", "/a", ""))
			second := g.do("", request("GET", "/a", ""))
			if tt.ttl == 0 {
				if second.cache.Reason != tt.reason || second.Body.String() != "answer 02" {
					t.Errorf("got %s (%s): %q, want another answer (%s)", second.cache.Status, second.cache.Reason, second.Body.String(), tt.reason)
				}
				return
			}
			second.want(t, state.CacheHit, "", "answer 01")
			_, told, _ := strings.Cut(second.Header().Get("Cache-Status"), "ttl=")
			if ttl, err := strconv.Atoi(told); err != nil || ttl > tt.ttl || ttl < tt.ttl-60 {
				t.Errorf("it is fresh for %q seconds, want %d", told, tt.ttl)
			}
		})
	}
}

// TestGetNotStored tries what is not stored.
func TestGetNotStored(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, opts, fields, request, reason string
		status                              int
	}{
		{name: "no freshness", reason: "no-freshness"},
		{name: "no-store", fields: "Cache-Control: no-store", reason: "no-store"},
		{name: "private", opts: "ttl 1m", fields: "Cache-Control: private", reason: "private"},
		{name: "cookie", opts: "ttl 1m", fields: "Set-Cookie: a=b", reason: "set-cookie"},
		{name: "status", opts: "ttl 1m", status: 500, reason: "status"},
		{name: "status that is not listed", opts: "ttl 1m\nstatus 200", status: 404, reason: "status"},
		{name: "type", opts: "ttl 1m\ncontent_type application/json text/*", fields: "Content-Type: image/png", reason: "content_type"},
		{name: "vary", opts: "ttl 1m", fields: "Vary: *", reason: "vary"},
		{name: "trailer", opts: "ttl 1m", fields: "Trailer: X-Sum", reason: "trailer"},
		{name: "size", opts: "ttl 1m\nmax_answer 5B", fields: "Content-Length: 9", reason: "answer_too_large"},
		{name: "request", opts: "ttl 1m", request: "Cache-Control: no-store", reason: "request-no-store"},
		{name: "matcher", opts: "ttl 1m\nbypass header X-Live 1", request: "X-Live: 1", reason: "matcher"},
		{name: "credentials in a shared cache", opts: "ttl 1m\nscope shared", request: "Authorization: Basic eA==", reason: "credentials"},
		{name: "credentials", opts: "ttl 1m", request: "Authorization: Basic eA==", reason: "credential"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, tt.opts, func(w http.ResponseWriter, r *http.Request, n int) {
				if name, value, ok := strings.Cut(tt.fields, ": "); ok {
					w.Header().Set(name, value)
				}
				if tt.status != 0 {
					w.WriteHeader(tt.status)
				}
				_, _ = io.WriteString(w, "answer "+itoa(n))
			})
			var headers []string
			if tt.request != "" {
				headers = []string{tt.request}
			}
			for n := 1; n <= 2; n++ {
				a := g.do("", request("GET", "/a", "", headers...))
				a.want(t, state.CacheBypass, tt.reason, "answer "+itoa(n))
				if a.Header().Get("X-Cache-Status") != "Bypass" || a.Header()["X-Cache-Key"] != nil || !strings.Contains(a.Header().Get("Cache-Status"), "detail="+tt.reason) {
					t.Errorf("header is %v", a.Header())
				}
			}
		})
	}
}
