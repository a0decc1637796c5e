// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"io"
	"net/http"
	"net/url"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	anthropicoption "github.com/anthropics/anthropic-sdk-go/option"
	"github.com/ollama/ollama/api"
	"github.com/openai/openai-go/v3"
	openaioption "github.com/openai/openai-go/v3/option"
)

// The constructors below give a test the clients that developers use, unmodified. Only
// what a developer changes is changed: the base URL and the key. Retries are off, so
// that an answer that a test did not expect is seen, and seen at once.

// openaiClient returns OpenAI's client. The base URL ends in /v1, as theirs does.
func openaiClient(baseURL, key string) openai.Client {
	return openai.NewClient(openaioption.WithBaseURL(baseURL), openaioption.WithAPIKey(key), openaioption.WithMaxRetries(0))
}

// anthropicClient returns Anthropic's client. The base URL ends before /v1.
func anthropicClient(baseURL, key string) anthropic.Client {
	return anthropic.NewClient(anthropicoption.WithBaseURL(baseURL), anthropicoption.WithAPIKey(key),
		anthropicoption.WithMaxRetries(0))
}

// ollamaClient returns Ollama's client, which sends no key by itself; a key is put into
// the header apikey. The base URL ends before /api.
func ollamaClient(t *testing.T, baseURL, key string) *api.Client {
	t.Helper()
	base, err := url.Parse(baseURL)
	if err != nil {
		t.Fatalf("parse base URL: %v", err)
	}
	transport := new(http.Transport)
	t.Cleanup(transport.CloseIdleConnections)
	return api.NewClient(base, &http.Client{Transport: keyedTransport{transport, key}})
}

// keyedTransport adds a key to each request.
type keyedTransport struct {
	base http.RoundTripper
	key  string
}

func (k keyedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if k.key != "" {
		r.Header["Apikey"] = []string{k.key}
	}
	return k.base.RoundTrip(r)
}

// cannedAnswers are the shortest answers that the clients understand, by path.
var cannedAnswers = map[string]string{
	"/v1/chat/completions": `{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,` +
		`"finish_reason":"stop","message":{"role":"assistant","content":"hello"}}]}`,
	"/v1/messages": `{"id":"m1","type":"message","role":"assistant","model":"m","stop_reason":"end_turn",` +
		`"content":[{"type":"text","text":"hello"}],"usage":{"input_tokens":1,"output_tokens":1}}`,
	"/api/chat": `{"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"hello"},"done":true}` + "\n",
}

// TestClientsReachAnUpstream checks the clients and the harness against a bare
// reverse_proxy, so that a failure elsewhere is the gateway's.
func TestClientsReachAnUpstream(t *testing.T) {
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, cannedAnswers[r.URL.Path])
	})
	g := gateway(t, "http://127.0.0.1:{{PORT}} {\n\treverse_proxy {{UPSTREAM}}\n}\n", with("UPSTREAM", up.Addr))
	const key = "demo-key-not-a-secret"

	tests := []struct {
		name   string
		ask    func(t *testing.T) (string, error)
		header string
		want   string
	}{
		{name: "openai", header: "Authorization", want: "Bearer " + key, ask: func(t *testing.T) (string, error) {
			client := openaiClient(g.URL+"/v1", key)
			res, err := client.Chat.Completions.New(t.Context(), openai.ChatCompletionNewParams{
				Model:    "m",
				Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("hi")},
			})
			if err != nil {
				return "", err
			}
			return res.Choices[0].Message.Content, nil
		}},
		{name: "anthropic", header: "X-Api-Key", want: key, ask: func(t *testing.T) (string, error) {
			client := anthropicClient(g.URL, key)
			res, err := client.Messages.New(t.Context(), anthropic.MessageNewParams{
				Model: "m", MaxTokens: 10,
				Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock("hi"))},
			})
			if err != nil {
				return "", err
			}
			return res.Content[0].Text, nil
		}},
		{name: "ollama", header: "Apikey", want: key, ask: func(t *testing.T) (string, error) {
			stream, answer := false, ""
			err := ollamaClient(t, g.URL, key).Chat(t.Context(), &api.ChatRequest{
				Model: "m", Stream: &stream, Messages: []api.Message{{Role: "user", Content: "hi"}},
			}, func(part api.ChatResponse) error {
				answer += part.Message.Content
				return nil
			})
			return answer, err
		}},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.ask(t)
			if err != nil || got != "hello" {
				t.Fatalf("answer %q, error %v", got, err)
			}
			requests := up.Requests()
			if len(requests) != i+1 || requests[i].Header.Get(tt.header) != tt.want {
				t.Errorf("upstream had %+v, want %s: %s", requests, tt.header, tt.want)
			}
		})
	}
}
