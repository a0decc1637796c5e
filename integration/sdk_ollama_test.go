// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"errors"
	"net/http"
	"net/url"
	"testing"

	"github.com/ollama/ollama/api"
)

// keptHeader is a transport that keeps the header of the last answer, which Ollama's
// client does not show.
type keptHeader struct {
	base http.RoundTripper
	last http.Header
}

func (k *keptHeader) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := k.base.RoundTrip(r)
	if err == nil {
		k.last = res.Header
	}
	return res, err
}

// ollamaOf returns Ollama's client for the gateway and the transport beneath it.
func ollamaOf(t *testing.T, g *Gateway, key string) (*api.Client, *keptHeader) {
	t.Helper()
	base, err := url.Parse(g.URL + "/llm/ollama")
	if err != nil {
		t.Fatalf("parse base URL: %v", err)
	}
	transport := new(http.Transport)
	t.Cleanup(transport.CloseIdleConnections)
	kept := &keptHeader{base: keyedTransport{transport, key}}
	return api.NewClient(base, &http.Client{Transport: kept}), kept
}

func ollamaTool() api.Tool {
	properties := api.NewToolPropertiesMap()
	properties.Set("city", api.ToolProperty{Type: api.PropertyType{"string"}})
	return api.Tool{Type: "function", Function: api.ToolFunction{
		Name:       "get_weather",
		Parameters: api.ToolFunctionParameters{Type: "object", Required: []string{"city"}, Properties: properties},
	}}
}

func TestOllamaClientIsMetered(t *testing.T) {
	g := gateway(t, sdkCaddyfile, chained(t)...)
	client, kept := ollamaOf(t, g, callerKey)

	chat := func(text string, stream bool, tools ...api.Tool) func(*testing.T) (seen, error) {
		return func(t *testing.T) (seen, error) {
			var s seen
			err := client.Chat(t.Context(), &api.ChatRequest{
				Model: "test-llama", Stream: &stream, Tools: tools,
				Messages: []api.Message{{Role: "user", Content: text}},
			}, func(part api.ChatResponse) error {
				s.reply += part.Message.Content
				for _, call := range part.Message.ToolCalls {
					s.reply += call.Function.Name + call.Function.Arguments.String()
				}
				s.input, s.output = s.input+int64(part.PromptEvalCount), s.output+int64(part.EvalCount)
				return nil
			})
			s.header = kept.last
			return s, err
		}
	}
	generate := func(text string, stream bool) func(*testing.T) (seen, error) {
		return func(t *testing.T) (seen, error) {
			var s seen
			err := client.Generate(t.Context(), &api.GenerateRequest{Model: "test-llama", Prompt: text, Stream: &stream},
				func(part api.GenerateResponse) error {
					s.reply += part.Response
					s.input, s.output = s.input+int64(part.PromptEvalCount), s.output+int64(part.EvalCount)
					return nil
				})
			s.header = kept.last
			return s, err
		}
	}
	const million = 1_000_000
	row := func(name, want string, held bool, ask func(*testing.T) (seen, error)) call {
		return call{
			name: name, model: "test-llama", want: want, held: held, ask: ask,
			inputRate: million / 5, outputRate: million * 9 / 10,
		}
	}
	const said = "You said: hello there gateway You said: hello there gateway You said:"
	const called = `get_weather{"city":"Oslo"}`
	checkCalls(t, g, []call{
		row("chat", said, true, chat("hello there gateway", false)),
		row("chat that calls a tool", called, true, chat("use the tool for Oslo", false, ollamaTool())),
		row("streamed chat", said, false, chat("hello there gateway", true)),
		row("streamed chat that calls a tool", called, false, chat("use the tool for Oslo", true, ollamaTool())),
		row("generate", said, true, generate("hello there gateway", false)),
		row("streamed generate", said, false, generate("hello there gateway", true)),
		row("embed", "2 vectors", true, func(t *testing.T) (seen, error) {
			e, err := client.Embed(t.Context(), &api.EmbedRequest{Model: "test-llama", Input: []string{"one two", "three"}})
			if err != nil {
				return seen{}, err
			}
			s := seen{input: int64(e.PromptEvalCount), header: kept.last}
			if len(e.Embeddings) == 2 && len(e.Embeddings[1]) > 0 {
				s.reply = "2 vectors"
			}
			return s, nil
		}),
	})

	t.Run("listing models costs nothing", func(t *testing.T) {
		before := onlyUsage(t, g, "?consumer=caller&by=consumer")
		if _, err := client.List(t.Context()); err != nil {
			t.Fatalf("list models: %v", err)
		}
		after := onlyUsage(t, g, "?consumer=caller&by=consumer")
		if after.Requests != before.Requests+1 || after.Input != before.Input || after.Cost != before.Cost {
			t.Errorf("usage went from %+v to %+v", before, after)
		}
	})
}

func TestOllamaClientUnderstandsRefusals(t *testing.T) {
	g := gateway(t, sdkCaddyfile, chained(t)...)
	ask := func(t *testing.T, key string, stream bool) error {
		client, _ := ollamaOf(t, g, key)
		return client.Chat(t.Context(), &api.ChatRequest{
			Model: "test-llama", Stream: &stream, Messages: []api.Message{{Role: "user", Content: "hello"}},
		}, func(api.ChatResponse) error {
			t.Error("a refused chat has an answer")
			return nil
		})
	}
	for kind, stream := range map[string]bool{"whole": false, "stream": true} {
		t.Run("unknown key/"+kind, func(t *testing.T) {
			var refused api.AuthorizationError
			if err := ask(t, unknownKey, stream); !errors.As(err, &refused) || refused.StatusCode != 401 {
				t.Errorf("error is %v, want the client's own with status 401", err)
			}
		})
		for name, tt := range map[string]struct{ key, message string }{
			"model not allowed":    {narrowKey, `This key may not use the model "test-llama"`},
			"group not admitted":   {outsideKey, ""},
			"address not admitted": {elsewhere, ""},
		} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				var refused api.StatusError
				if err := ask(t, tt.key, stream); !errors.As(err, &refused) || refused.StatusCode != 403 {
					t.Fatalf("error is %v, want the client's own with status 403", err)
				}
				if refused.ErrorMessage == "" || tt.message != "" && refused.ErrorMessage != tt.message {
					t.Errorf("message %q, want %q", refused.ErrorMessage, tt.message)
				}
			})
		}
	}
}
