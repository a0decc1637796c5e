// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
)

// zipped compresses a text.
func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatalf("compress: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatalf("compress: %v", err)
	}
	return b.String()
}

func TestMalformedAnswersPassUntouched(t *testing.T) {
	const sse, ndjson, json = "text/event-stream", "application/x-ndjson", "application/json"
	good := strings.Join(streams[0].events, "")
	tests := []struct {
		name, api   string
		media, body string
		encoding    string
		mark        string // in the access log; none if the usage is merely unknown
	}{
		{name: "JSON cut short", api: "openai", media: json, body: `{"id":"c1","model":"test-chat","choices":[{"index":0`, mark: "truncated"},
		{name: "HTML called JSON", api: "openai", media: json, body: "<html><body>Bad\x00 Gateway</body></html>\r\n", mark: "malformed"},
		{name: "text after JSON", api: "openai", media: json, body: cannedAnswers["/v1/chat/completions"] + "\n trailing", mark: "malformed"},
		{name: "JSON of several MiB cut short", api: "openai", media: json, body: `{"id":"c1","text":"` + strings.Repeat("0123456789", 300_000), mark: "truncated"},
		{name: "bytes that are not UTF-8", api: "openai", media: json, body: "{\"model\":\"test-chat\",\"usage\":{\"prompt_tokens\":\xff\xfe}}", mark: "malformed"},
		{name: "negative usage", api: "openai", media: json, body: `{"model":"test-chat","usage":{"prompt_tokens":-5,"completion_tokens":3}}`, mark: "malformed"},
		{name: "event with broken JSON", api: "openai", media: sse, body: "data: {\"id\":\"c1\",\"model\n\n" + good, mark: "malformed"},
		{name: "usage event with broken JSON", api: "openai", media: sse, body: strings.Replace(good, `"total_tokens":25}}`, `"total_tokens":25`, 1), mark: "malformed"},
		{name: "Anthropic event with broken JSON", api: "anthropic", media: sse, body: "event: message_start\r\ndata: {oops\r\n\r\n", mark: "malformed"},
		{name: "Ollama line with broken JSON", api: "ollama", media: ndjson, body: "{\"model\":\"test-llama\",\n" + strings.Join(streams[2].events, ""), mark: "malformed"},
		{name: "Gemini cut short", api: "gemini", media: json, body: `{"candidates":[`, mark: "truncated"},
		{name: "no body", api: "openai", media: json, body: "", mark: "truncated"},
		{name: "compressed unasked", api: "openai", media: json, body: zipped(t, cannedAnswers["/v1/chat/completions"]), encoding: "gzip"},
	}
	var current int
	up := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", tests[current].media)
		if tests[current].encoding != "" {
			w.Header().Set("Content-Encoding", tests[current].encoding)
		}
		_, _ = io.WriteString(w, tests[current].body)
	})
	g := gateway(t, badInputCaddyfile, chained(t, with("UPSTREAM", up.Addr))...)
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			current = i
			answer := badInput{}.send(g, dialectNamed(t, tt.api), "X-Correlation-ID: "+t.Name())
			if answer.Status != 200 || answer.Header.Get("Content-Type") != tt.media || answer.Header.Get("Content-Encoding") != tt.encoding {
				t.Errorf("answer is %d with %v", answer.Status, answer.Header)
			}
			if answer.Body != tt.body {
				t.Errorf("body has %d bytes and differs from the upstream's %d", len(answer.Body), len(tt.body))
			}
			entry := g.Logs().WaitObject(t, `"logger":"http.log.access`, t.Name())
			if got := member(entry, "gateway.llm."+tt.mark); tt.mark != "" && got != true {
				t.Errorf("access log does not say %s: %v", tt.mark, entry["gateway"])
			}
			if got := member(entry, "gateway.llm.exact"); got != false {
				t.Errorf("access log says exact %v: %v", got, entry["gateway"])
			}
		})
	}
}

func dialectNamed(t *testing.T, name string) dialect {
	t.Helper()
	for _, a := range dialects {
		if a.name == name {
			return a
		}
	}
	t.Fatalf("no API is called %s", name)
	return dialect{}
}
