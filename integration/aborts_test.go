// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// TestClientThatLeavesIsCountedOnce has clients that break off in the middle of a
// stream: the upstream is told, and what is known of the call is recorded.
func TestClientThatLeavesIsCountedOnce(t *testing.T) {
	up := stepper(t)
	g := gateway(t, keyed("{{CALLER}}"), chained(t, with("UPSTREAM", up.Addr))...)
	for _, f := range streams {
		t.Run(f.name, func(t *testing.T) {
			up.Step()
			res := g.Open(http.MethodPost, f.path, f.request, "apikey: "+callerKey)
			if _, err := io.ReadFull(res.Body, make([]byte, len(f.events[0]))); err != nil {
				t.Fatalf("read first event: %v", err)
			}
			_ = res.Body.Close()
			if err := <-up.ended; err == nil {
				t.Error("the upstream could go on")
			}
			entry := g.Logs().WaitObject(t, `"logger":"http.log.access`, `"model":"`+f.model+`"`)
			if member(entry, "gateway.aborted") != true || member(entry, "gateway.llm.truncated") != true ||
				member(entry, "gateway.llm.exact") != false {
				t.Errorf("access log says %v", entry["gateway"])
			}
			row := onlyUsage(t, g, "?by=model&model="+f.model)
			if row.Requests != 1 || row.Failed != 1 || row.Exact != 0 {
				t.Errorf("usage is %+v, want one failed request", row)
			}
			if f.name == "anthropic" && row.Input != 20 {
				t.Errorf("the input that the first event told is lost: %+v", row)
			}
		})
	}
}

// TestUpstreamThatBreaksIsCountedOnce has an upstream that breaks off in the middle.
func TestUpstreamThatBreaksIsCountedOnce(t *testing.T) {
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		for _, f := range streams {
			if "/llm/"+f.route+r.URL.Path != f.path {
				continue
			}
			w.Header().Set("Content-Type", f.contentType)
			_, _ = io.WriteString(w, f.events[0])
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	})
	g := gateway(t, keyed("{{CALLER}}"), chained(t, with("UPSTREAM", up.Addr))...)
	for _, f := range streams {
		t.Run(f.name, func(t *testing.T) {
			res := g.Open(http.MethodPost, f.path, f.request, "apikey: "+callerKey)
			body, err := io.ReadAll(res.Body)
			if err == nil || string(body) != f.events[0] {
				t.Errorf("the broken stream looks whole: %q, %v", body, err)
			}
			entry := g.Logs().WaitObject(t, `"logger":"http.log.access`, `"model":"`+f.model+`"`)
			if member(entry, "gateway.llm.truncated") != true || member(entry, "gateway.llm.exact") != false {
				t.Errorf("access log says %v", entry["gateway"])
			}
			row := onlyUsage(t, g, "?by=model&model="+f.model)
			if row.Requests != 1 || row.Failed != 1 || row.Exact != 0 {
				t.Errorf("usage is %+v, want one failed request", row)
			}
		})
	}
}

// TestCountsOfABrokenStreamAreNotExact has providers that count up in every event, of
// which the last ones do not arrive.
func TestCountsOfABrokenStreamAreNotExact(t *testing.T) {
	events := map[string]string{
		"openai": `data: {"id":"c1","object":"chat.completion.chunk","model":"test-chat","choices":[{"index":0,"delta":{"content":"a"}}],` +
			`"usage":{"prompt_tokens":20,"completion_tokens":1,"total_tokens":21}}` + "\n\n",
		"gemini": `data: {"candidates":[{"content":{"parts":[{"text":"a"}]}}],"modelVersion":"test-gemini",` +
			`"usageMetadata":{"promptTokenCount":20,"candidatesTokenCount":1,"totalTokenCount":21}}` + "\r\n\r\n",
	}
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, events[r.Header.Get("X-Stream")])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	g := gateway(t, badInputCaddyfile, chained(t, with("UPSTREAM", up.Addr))...)
	for name, event := range events {
		t.Run(name, func(t *testing.T) {
			a := dialectNamed(t, name)
			path := strings.Replace(a.path, ":generateContent", ":streamGenerateContent?alt=sse", 1)
			res := g.Open(http.MethodPost, path, a.goodBody(), "apikey: "+callerKey, "X-Stream: "+name)
			if body, err := io.ReadAll(res.Body); err == nil || string(body) != event {
				t.Errorf("the broken stream looks whole: %q, %v", body, err)
			}
			entry := g.Logs().WaitObject(t, `"logger":"http.log.access`, `"route":"`+name+`"`)
			if member(entry, "gateway.llm.exact") != false || member(entry, "gateway.llm.tokens_input") != 20.0 {
				t.Errorf("access log says %v", entry["gateway"])
			}
			row := onlyUsage(t, g, "?by=route&route="+name)
			if row.Requests != 1 || row.Failed != 1 || row.Exact != 0 || row.Input != 20 {
				t.Errorf("usage is %+v, want one failed request that is not exact", row)
			}
		})
	}
}

// TestRetriedRequestIsCountedOnce has an upstream that fails twice before it answers.
func TestRetriedRequestIsCountedOnce(t *testing.T) {
	var attempts atomic.Int64
	up := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if attempts.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"error":{"message":"overloaded"}}`)
			return
		}
		_, _ = io.WriteString(w, chatAnswer)
	})
	caddyfile := strings.Replace(keyed("{{CALLER}}"), "llm_cost openai\n\t\treverse_proxy {{UPSTREAM}}", `llm_cost openai
		reverse_proxy {{UPSTREAM}} {
			lb_retries 3
			lb_retry_match expression `+"`{rp.status_code} in [429, 500, 502, 503, 504]`"+`
			request_buffers 33MiB
		}`, 1)
	g := gateway(t, caddyfile, chained(t, with("UPSTREAM", up.Addr))...)
	answer := g.Post(streams[0].path, canaryBody, "apikey: "+callerKey)
	if answer.Status != 200 || answer.Body != chatAnswer || answer.Header.Get("X-Gateway-Output-Tokens") != "5" {
		t.Errorf("answer is %d %v %s", answer.Status, answer.Header, answer.Body)
	}
	for i, r := range up.Requests() {
		if r.Body != canaryBody {
			t.Errorf("attempt %d had the body %q", i, r.Body)
		}
	}
	row := onlyUsage(t, g, "")
	if row.Requests != 1 || row.Failed != 0 || row.Input != 20 || row.Output != 5 {
		t.Errorf("usage is %+v, want one request", row)
	}
	entry := g.Logs().WaitObject(t, `"logger":"http.log.access`, `"model":"test-chat"`)
	if got := member(entry, "gateway.upstream_attempts"); got != 3.0 {
		t.Errorf("access log says %v attempts, want 3", got)
	}
	const retries = `caddy_gateway_upstream_retries_total{consumer="caller",model="test-chat",provider="openai",route="openai"}`
	if got := metric(t, g, retries); got != "2" {
		t.Errorf("%s is %q, want 2", retries, got)
	}
}

// TestLargeAnswersPassUnheld has answers on both sides of the size to which they are held.
func TestLargeAnswersPassUnheld(t *testing.T) {
	for name, tt := range map[string]struct {
		padding int
		held    bool
	}{
		"small":          {padding: 10, held: true},
		"nearly 1 MiB":   {padding: 1<<20 - 300, held: true},
		"more than that": {padding: 1 << 20},
		"several MiB":    {padding: 5 << 20},
	} {
		for _, announced := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				body := strings.Replace(chatAnswer, `"content":"hi"`, `"content":"`+strings.Repeat("x", tt.padding)+`"`, 1)
				up := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", "application/json")
					if !announced {
						_ = http.NewResponseController(w).Flush()
					}
					_, _ = io.WriteString(w, body)
				})
				g := gateway(t, keyed("{{CALLER}}"), chained(t, with("UPSTREAM", up.Addr))...)
				answer := g.Post(streams[0].path, canaryBody, "apikey: "+callerKey)
				if answer.Status != 200 || answer.Body != body {
					t.Errorf("answer is %d with %d bytes, want 200 with %d", answer.Status, len(answer.Body), len(body))
				}
				if held := answer.Header.Get("X-Gateway-Cost-Usd") != ""; held != tt.held {
					t.Errorf("headers tell the cost: %v, want %v", held, tt.held)
				}
				if row := onlyUsage(t, g, ""); row.Requests != 1 || row.Output != 5 || row.Exact != 1 {
					t.Errorf("usage is %+v", row)
				}
			})
		}
	}
}
