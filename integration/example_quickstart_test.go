// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// quickstartCalls are a call of each route of the quick start, as a developer would
// make them: the JSON form; what has to be added for a stream is in stream.
var quickstartCalls = []struct {
	name        string
	path        string
	model       string
	key         string // the header that carries the key
	stream      string // a member of the streaming request
	json        string // a member of the other
	contentType string // of the stream
	end         string // of the stream
}{
	{
		name: "anthropic", path: "/llm/anthropic/v1/messages", model: "claude-sonnet-4-5", key: "X-API-Key: ",
		stream: `"stream":true`, json: `"stream":false`,
		contentType: "text/event-stream", end: `"type":"message_stop"`,
	},
	{
		name: "deepseek", path: "/llm/deepseek/v1/chat/completions", model: "deepseek-chat", key: "Authorization: Bearer ",
		stream: `"stream":true,"stream_options":{"include_usage":true}`, json: `"stream":false`,
		contentType: "text/event-stream", end: "data: [DONE]",
	},
	{
		name: "grok", path: "/llm/grok/v1/chat/completions", model: "grok-4.3", key: "Authorization: Bearer ",
		stream: `"stream":true,"stream_options":{"include_usage":true}`, json: `"stream":false`,
		contentType: "text/event-stream", end: "data: [DONE]",
	},
	{
		name: "ollama", path: "/llm/ollama/api/chat", model: "llama3.2", key: "apikey: ",
		stream: `"stream":true`, json: `"stream":false`,
		contentType: "application/x-ndjson", end: `"done":true`,
	},
}

// TestQuickstart runs the real binary with the quick start, as "make run" does, and
// uses it as its first page says.
func TestQuickstart(t *testing.T) {
	port, admin := freePort(t), "127.0.0.1:"+freePort(t)
	t.Setenv("GATEWAY_PORT", port)
	t.Setenv("CADDY_ADMIN", admin)
	p := start(t, example(t, "quickstart.Caddyfile",
		":{$GATEWAY_PORT:8300} {\n", ":{$GATEWAY_PORT:8300} {\n\tbind 127.0.0.1\n"), with("PORT", port))
	client := newClient(t, "", "")
	ask := func(t *testing.T, path, body string, headers ...string) *Answer {
		t.Helper()
		return finish(t, open(t, client, http.MethodPost, p.URL+path, body, headers))
	}
	spent := make(map[string]string) // by model
	for _, c := range quickstartCalls {
		body := func(more string) string {
			return `{"model":"` + c.model + `",` + more + `,"max_tokens":50,"messages":[{"role":"user","content":"hello over there"}]}`
		}
		t.Run(c.name+" in JSON", func(t *testing.T) {
			got := ask(t, c.path, body(c.json), c.key+quickstartKey)
			if got.Status != 200 || !strings.Contains(got.Body, "You said: hello over there") {
				t.Fatalf("answer = %d %s", got.Status, got.Body)
			}
			spent[c.model] = got.Header.Get("X-Gateway-Cost-Usd")
			if picoOf(t, spent[c.model]) == 0 != (c.name == "ollama") {
				t.Errorf("X-Gateway-Cost-Usd = %q", spent[c.model])
			}
		})
		t.Run(c.name+" as a stream", func(t *testing.T) {
			got := ask(t, c.path, body(c.stream), c.key+quickstartKey)
			if got.Status != 200 || !strings.HasPrefix(got.Header.Get("Content-Type"), c.contentType) || !strings.Contains(got.Body, c.end) {
				t.Errorf("answer = %d %v %s", got.Status, got.Header, got.Body)
			}
		})
		t.Run(c.name+" without a key", func(t *testing.T) {
			got := ask(t, c.path, body(c.json))
			if got.Status != 401 || got.Header.Get("WWW-Authenticate") == "" || got.Header.Get("X-Correlation-Id") == "" {
				t.Errorf("answer = %d %v %s", got.Status, got.Header, got.Body)
			}
		})
	}
	t.Run("unknown path", func(t *testing.T) { checkNotFound(t, ask(t, "/llm/nobody", "{}")) })

	t.Run("usage", func(t *testing.T) {
		g := &Gateway{t: t, AdminURL: "http://" + admin, operator: client}
		for _, c := range quickstartCalls {
			row := onlyUsage(t, g, "?by=consumer,model&consumer=demo&model="+c.model)
			// The stream said the same as the other answer.
			if want := usd(2 * picoOf(t, spent[c.model])); row.Requests != 2 || row.Failed != 0 || row.Cost != want {
				t.Errorf("%s: usage is %+v, want 2 requests for %s", c.model, row, want)
			}
		}
	})
	t.Run("usage on the command line", func(t *testing.T) {
		got := run(t, "gateway", "usage", "--address", admin, "--format", "csv")
		for _, c := range quickstartCalls {
			if want := "demo," + c.model + ",2,0,"; got.Code != 0 || !strings.Contains(got.Stdout, want) {
				t.Errorf("caddy gateway usage: code %d, no %q in\n%s%s", got.Code, want, got.Stdout, got.Stderr)
			}
		}
	})

	p.Signal(syscall.SIGTERM)
	if code := p.Wait(); code != 0 {
		t.Errorf("exit code after SIGTERM = %d; it wrote:\n%s", code, p.Logs())
	}
	if strings.Contains(p.Logs().String(), quickstartKey) {
		t.Error("a log holds the key")
	}
}

// quickstartKey is the key that the quick start tells its readers.
const quickstartKey = "demo-key-not-a-secret"
