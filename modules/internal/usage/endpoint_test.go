// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package usage

import (
	"strings"
	"testing"
)

func TestEndpointOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		call string
		want Endpoint
	}{
		{"POST /v1/chat/completions", Endpoint{Format: OpenAIChat, Operation: "chat"}},
		{"POST /llm/x/v1/chat/completions/", Endpoint{Format: OpenAIChat, Operation: "chat"}},
		{"POST /openai/deployments/d/chat/completions", Endpoint{Format: OpenAIChat, Operation: "chat"}},
		{"POST /v1/completions", Endpoint{Format: OpenAIChat, Operation: "completions"}},
		{"POST /v1/responses", Endpoint{Format: OpenAIResponses, Operation: "responses"}},
		{"POST /v1/responses/compact", Endpoint{Format: OpenAIResponses, Operation: "responses"}},
		{"POST /v1/responses/input_tokens", Endpoint{Format: OpenAIResponses, Operation: "count_tokens", Free: true}},
		{"POST /v1/responses/resp_1/cancel", Endpoint{Format: OpenAIResponses, Operation: "responses", Free: true}},
		{"GET /v1/responses/resp_1", Endpoint{Format: OpenAIResponses, Operation: "responses", Free: true}},
		{"DELETE /v1/responses/resp_1", Endpoint{Format: OpenAIResponses, Operation: "manage", Manages: true}},
		{"DELETE /api/delete", manageOllama},
		{"POST /api/blobs/sha256:00", manageOllama},
		{"POST /v1/embeddings", Endpoint{Format: OpenAIEmbeddings, Operation: "embeddings"}},
		{"POST /llm/x/v1/messages", Endpoint{Format: AnthropicMessages, Operation: "messages"}},
		{"POST /v1/messages/count_tokens", Endpoint{Format: AnthropicMessages, Operation: "count_tokens", Free: true}},
		{"POST /v1/threads/t/messages", Endpoint{}},
		{"GET /v1/models", Endpoint{Operation: "models", Free: true}},
		{"GET /v1/models/gpt-demo", Endpoint{Operation: "models", Free: true}},
		{"GET /elsewhere", Endpoint{Free: true}},
		{"POST /api/chat", Endpoint{Format: OllamaNative, Operation: "chat"}},
		{"POST /ollama/api/generate", Endpoint{Format: OllamaNative, Operation: "generate"}},
		{"POST /api/embed", Endpoint{Format: OllamaNative, Operation: "embeddings"}},
		{"POST /api/embeddings", Endpoint{Format: OllamaNative, Operation: "embeddings"}},
		{"POST /api/v1/embeddings", Endpoint{Format: OpenAIEmbeddings, Operation: "embeddings"}},
		{"POST /api/show", Endpoint{Format: OllamaNative, Operation: "models", Free: true}},
		{"GET /api/tags", Endpoint{Format: OllamaNative, Operation: "models", Free: true}},
		{"GET /api/ps", Endpoint{Format: OllamaNative, Operation: "models", Free: true}},
		{"GET /api/version", Endpoint{Format: OllamaNative, Operation: "models", Free: true}},
		{"POST /api/pull", manageOllama},
		{"POST /v1beta/models/gemini-demo:generateContent", Endpoint{Format: Gemini, Operation: "generate", Model: "gemini-demo"}},
		{"POST /g/v1beta/models/gemini-demo:streamGenerateContent", Endpoint{Format: Gemini, Operation: "generate", Model: "gemini-demo", Stream: true}},
		{"POST /v1/publishers/google/models/gemini-demo:embedContent", Endpoint{Format: Gemini, Operation: "embeddings", Model: "gemini-demo"}},
		{"POST /v1beta/models/gemini-demo:countTokens", Endpoint{Format: Gemini, Operation: "count_tokens", Model: "gemini-demo", Free: true}},
		{"POST /v1beta/models/gemini-demo:unheardOf", Endpoint{}},
		{"POST /v1beta/models", Endpoint{}},
		{"POST /chat", Endpoint{}},
		{"POST ", Endpoint{}},
		{"PUT /v1/chat/completions", Endpoint{}},
	} {
		method, path, _ := strings.Cut(c.call, " ")
		if got := EndpointOf(method, path); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.call, got, c.want)
		}
	}
}

func TestMediaOf(t *testing.T) {
	t.Parallel()
	for contentType, want := range map[string]Media{
		"application/json":                 MediaJSON,
		"Application/JSON; charset=utf-8":  MediaJSON,
		"application/problem+json":         MediaJSON,
		" text/event-stream ;charset=x":    MediaSSE,
		"application/x-ndjson":             MediaNDJSON,
		"application/jsonl":                MediaNDJSON,
		"text/html":                        MediaNone,
		"+json":                            MediaNone,
		"":                                 MediaNone,
		"application/json-patch":           MediaNone,
		"text/plain; x=text/event-stream":  MediaNone,
		"application/vnd.example.v1+JSON ": MediaJSON,
	} {
		if got := MediaOf(contentType); got != want {
			t.Errorf("MediaOf(%q) = %d, want %d", contentType, got, want)
		}
	}
}

func TestCounts(t *testing.T) {
	t.Parallel()
	var c Counts
	if !c.IsZero() {
		t.Error("no usage is not zero")
	}
	for i := range c {
		c[i] = 1 << i
	}
	if got, want := c.TotalInput(), int64(1+2+4+8+16+32); got != want {
		t.Errorf("input %d, want %d", got, want)
	}
	if got, want := c.TotalOutput(), int64(64+128+256+512); got != want {
		t.Errorf("output %d, want %d", got, want)
	}
	if got, want := c.Total(), int64(1023); got != want {
		t.Errorf("total %d, want %d: searches are no tokens", got, want)
	}
	if sum := c.Add(c); sum[WebSearch] != 2048 || c[WebSearch] != 1024 {
		t.Errorf("sum %v of %v", sum, c)
	}
	if Class(NumClasses).String() != "unknown" || Format(numFormats).String() != "unknown" {
		t.Error("a value beyond the last one has a name")
	}
}

func TestStreamsByDefault(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{
		"/api/chat": true, "/api/generate": true, "/api/embed": false, "/api/embeddings": false,
		"/v1/chat/completions": false, "/v1/responses": false, "/v1/messages": false, "/v1/models/m:generateContent": false,
	} {
		if e := EndpointOf("POST", path); e.StreamsByDefault() != want {
			t.Errorf("%s: streams by default %v, want %v", path, !want, want)
		}
	}
}
