// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// recordedStreams are streams as providers have sent them, and how one asks for them.
var recordedStreams = []struct {
	file, path, body string
	cut              bool // it has no end
}{
	{file: "openai_chat_stream_usage.sse", path: "/llm/openai/v1/chat/completions", body: `"stream_options":{"include_usage":true},`},
	{file: "deepseek_chat_stream.sse", path: "/llm/openai/v1/chat/completions", body: `"stream_options":{"include_usage":true},`},
	{file: "openrouter_chat_stream.sse", path: "/llm/openai/v1/chat/completions", body: `"stream_options":{"include_usage":true},`},
	{file: "openai_responses_stream.sse", path: "/llm/openai/v1/responses"},
	{file: "anthropic_stream.sse", path: "/llm/anthropic/v1/messages"},
	{file: "ollama_chat_stream.ndjson", path: "/llm/ollama/api/chat"},
	{file: "openai_chat_stream_cut.sse", path: "/llm/openai/v1/chat/completions", cut: true},
	{file: "anthropic_stream_abort.sse", path: "/llm/anthropic/v1/messages", cut: true},
}

// dataOf returns the contents of a stream's events: data of server-sent events, or lines.
func dataOf(stream string) []string {
	var out []string
	for line := range strings.Lines(stream) {
		line = strings.TrimSpace(line)
		if data, ok := strings.CutPrefix(line, "data:"); ok {
			out = append(out, strings.TrimSpace(data))
		} else if strings.HasPrefix(line, "{") || strings.HasPrefix(line, "event:") {
			out = append(out, line)
		}
	}
	return out
}

// TestStoredStreamsAreReplayed: what is given again has the events of the original, one
// for one. A stream without an end is not stored.
func TestStoredStreamsAreReplayed(t *testing.T) {
	recordings := make(map[string]string)
	for _, s := range recordedStreams {
		text, err := os.ReadFile(filepath.Join("..", "modules", "internal", "usage", "testdata", s.file))
		if err != nil {
			t.Fatalf("read recording: %v", err)
		}
		recordings[s.file] = string(text)
	}
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for file, text := range recordings {
			if !strings.Contains(string(body), file) {
				continue
			}
			w.Header().Set("Content-Type", "text/event-stream")
			if strings.HasSuffix(file, ".ndjson") {
				w.Header().Set("Content-Type", "application/x-ndjson")
			}
			for line := range strings.Lines(text) {
				_, _ = io.WriteString(w, line)
				_ = http.NewResponseController(w).Flush()
			}
		}
	})
	g := gateway(t, cachedSDKCaddyfile, chained(t, with("UPSTREAM", up.Addr))...)
	for _, s := range recordedStreams {
		t.Run(s.file, func(t *testing.T) {
			before := len(up.Requests())
			body := `{"model":"m","temperature":0,"options":{"temperature":0},"max_tokens":100,"stream":true,` + s.body +
				`"messages":[{"role":"user","content":"` + s.file + `"}]}`
			if strings.HasSuffix(s.path, "/responses") {
				body = `{"model":"m","temperature":0,"store":false,"stream":true,"input":"` + s.file + `"}`
			}
			ask := func() (http.Header, string) {
				res := g.Open("POST", s.path, body, "apikey: "+callerKey)
				got, err := io.ReadAll(res.Body)
				if err != nil && !s.cut {
					t.Errorf("reading the answer ends with %v", err)
				}
				return res.Header, string(got)
			}
			_, first := ask()
			header, second := ask()
			want := "Hit"
			if s.cut {
				want = "Miss"
			}
			if got := header.Get("X-Cache-Status"); got != want {
				t.Errorf("the second is a %q, want %q; %s", got, want, header.Get("Cache-Status"))
			}
			if n := len(up.Requests()) - before; (n == 1) == s.cut {
				t.Errorf("the upstream had %d calls", n)
			}
			original := dataOf(recordings[s.file])
			for name, got := range map[string]string{"first": first, "second": second} {
				events := dataOf(got)
				if len(events) != len(original) {
					t.Fatalf("%s has %d lines, the original %d", name, len(events), len(original))
				}
				for i := range events {
					if events[i] != original[i] {
						t.Errorf("%s, line %d:\n%s\nthe original:\n%s", name, i, events[i], original[i])
					}
				}
			}
		})
	}
}

// TestStreamsAreStoredWhoseClientsLeaveAtTheEnd: libraries close a stream at its last event,
// and upstreams may end it later. It is whole by then.
func TestStreamsAreStoredWhoseClientsLeaveAtTheEnd(t *testing.T) {
	for _, tt := range []struct{ file, path, last string }{
		{"openai_chat_stream_usage.sse", "/llm/openai/v1/chat/completions", "data: [DONE]\n\n"},
		{"anthropic_stream.sse", "/llm/anthropic/v1/messages", `"message_stop"`},
		{"ollama_chat_stream.ndjson", "/llm/ollama/api/chat", `"done": true`},
	} {
		t.Run(tt.file, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("..", "modules", "internal", "usage", "testdata", tt.file))
			if err != nil {
				t.Fatalf("read recording: %v", err)
			}
			up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				if strings.HasSuffix(tt.file, ".ndjson") {
					w.Header().Set("Content-Type", "application/x-ndjson")
				}
				_, _ = w.Write(text)
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done() // until the gateway has enough
			})
			g := gateway(t, cachedSDKCaddyfile, chained(t, with("UPSTREAM", up.Addr))...)
			body := `{"model":"m","temperature":0,"options":{"temperature":0},"max_tokens":100,"stream":true,` +
				`"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}`
			res := g.Open("POST", tt.path, body, "apikey: "+callerKey)
			var got strings.Builder
			for p := make([]byte, 4096); !strings.Contains(got.String(), tt.last); {
				n, err := res.Body.Read(p)
				if got.Write(p[:n]); err != nil {
					t.Fatalf("read stream: %v after %q", err, got.String())
				}
			}
			_ = res.Body.Close()
			for deadline := time.Now().Add(patience / 4); ; {
				again := g.Post(tt.path, body, "apikey: "+callerKey, "Cache-Control: only-if-cached")
				if again.Status == http.StatusOK {
					if !strings.Contains(again.Body, tt.last) || again.Header.Get("X-Cache-Status") != "Hit" {
						t.Errorf("what is stored is given as %+v", again)
					}
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("the stream is not stored: %+v", again)
				}
			}
			if n := len(up.Requests()); n != 1 {
				t.Errorf("the upstream had %d calls, want 1", n)
			}
		})
	}
}
