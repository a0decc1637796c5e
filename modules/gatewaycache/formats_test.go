// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/pricing"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// TestFormats has a whole answer of each API stored, and a stream asked for.
func TestFormats(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, whole, path, stream, body, streamed, media, has string
	}{
		{
			name: "anthropic", path: "/v1/messages", stream: "/v1/messages",
			body:     `{"model":"m","max_tokens":9,"temperature":0,"messages":[]}`,
			streamed: `{"model":"m","max_tokens":9,"temperature":0,"messages":[],"stream":true}`,
			whole:    `{"id":"m1","type":"message","role":"assistant","model":"m","stop_reason":"end_turn","stop_sequence":null,"content":[{"type":"text","text":"hello"}],"usage":{"input_tokens":1,"output_tokens":1}}`,
			media:    "text/event-stream", has: "event: message_stop",
		},
		{
			name: "ollama", path: "/api/chat", stream: "/api/chat",
			body:     `{"model":"m","stream":false,"options":{"temperature":0},"messages":[]}`,
			streamed: `{"model":"m","options":{"temperature":0},"messages":[]}`,
			whole:    `{"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"hello"},"done":true,"done_reason":"stop","prompt_eval_count":1,"eval_count":1}`,
			media:    "application/x-ndjson", has: `"done":true`,
		},
		{
			name: "gemini", path: "/v1beta/models/m:generateContent", stream: "/v1beta/models/m:streamGenerateContent?alt=sse",
			body: `{"contents":[],"generationConfig":{"temperature":0}}`, streamed: `{"contents":[],"generationConfig":{"temperature":0}}`,
			whole: `{"candidates":[{"content":{"role":"model","parts":[{"text":"hello"}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":1,"totalTokenCount":2}}`,
			media: "text/event-stream", has: "hello",
		},
		{
			name: "gemini in an array", path: "/v1beta/models/m:generateContent", stream: "/v1beta/models/m:streamGenerateContent",
			body: `{"contents":[],"generationConfig":{"temperature":0}}`, streamed: `{"contents":[],"generationConfig":{"temperature":0}}`,
			whole: `{"candidates":[{"content":{"role":"model","parts":[{"text":"hello"}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":1,"totalTokenCount":2}}`,
			media: "application/json", has: "[",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, "", func(w http.ResponseWriter, _ *http.Request, _ int) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, tt.whole)
			})
			g.do("alice", request("POST", tt.path, tt.body)).want(t, state.CacheMiss, "", tt.whole)
			g.do("alice", request("POST", tt.path, tt.body)).want(t, state.CacheHit, "", tt.whole)
			a := g.do("alice", request("POST", tt.stream, tt.streamed))
			if a.cache.Status != state.CacheHit || a.Header().Get("Content-Type") != tt.media || !strings.Contains(a.Body.String(), tt.has) || !strings.Contains(a.Body.String(), "hello") {
				t.Errorf("%+v %v: %s", a.cache, a.Header(), a.Body)
			}
		})
	}
}

// TestRefreshIsPriced has a call in the background recorded with what it has cost.
func TestRefreshIsPriced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, "ttl 10s\nstale_while_revalidate 10m", func(w http.ResponseWriter, r *http.Request, n int) {
			chat(w, r, n)
		})
		g.h.prices = pricing.Default()
		g.as = func(rq *state.Request) {
			rq.LLM.Provider, rq.LLM.Model, rq.LLM.Label = "openai", "gpt-4o-mini", "gpt-4o-mini"
		}
		g.do("alice", ask("x", ""))
		time.Sleep(time.Minute)
		g.do("alice", ask("x", "")).want(t, state.CacheStale, "stale-while-revalidate", chatWhole)
		synctest.Wait()
		found := false
		for _, r := range g.h.host.(*host).recorded() {
			if r.cache.Reason != reasonRefresh {
				continue
			}
			found = true
			if r.consumer != "alice" || !r.llm.Metered || !r.llm.PriceKnown || r.llm.Cost <= 0 || r.llm.Report.Counts.Total() != 7 || r.llm.Truncated {
				t.Errorf("recorded %+v", r)
			}
		}
		if !found {
			t.Error("the call is not recorded")
		}
	})
}
