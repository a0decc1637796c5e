// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	anthropicoption "github.com/anthropics/anthropic-sdk-go/option"
)

func messageParams(text string, tools ...anthropic.ToolUnionParam) anthropic.MessageNewParams {
	return anthropic.MessageNewParams{
		Model: "test-claude", MaxTokens: 100,
		Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(text))},
		Tools:    tools,
	}
}

// messageSeen is what a message says, whether it came whole or in events.
func messageSeen(m *anthropic.Message) seen {
	s := seen{input: m.Usage.InputTokens, cacheRead: m.Usage.CacheReadInputTokens, output: m.Usage.OutputTokens}
	for _, block := range m.Content {
		s.reply += block.Text
		if block.Type == "tool_use" {
			var compact any
			_ = json.Unmarshal(block.Input, &compact) // what is not JSON does not equal what is wanted
			arguments, _ := json.Marshal(compact)
			s.reply += block.Name + string(arguments)
		}
	}
	return s
}

func TestAnthropicClientIsMetered(t *testing.T) {
	g := gateway(t, sdkCaddyfile, chained(t)...)
	client := anthropicClient(g.URL+"/llm/anthropic", callerKey)

	whole := func(params anthropic.MessageNewParams) func(*testing.T) (seen, error) {
		return func(t *testing.T) (seen, error) {
			var res *http.Response
			m, err := client.Messages.New(t.Context(), params, anthropicoption.WithResponseInto(&res))
			if err != nil {
				return seen{}, err
			}
			s := messageSeen(m)
			s.header = res.Header
			return s, nil
		}
	}
	streamed := func(params anthropic.MessageNewParams) func(*testing.T) (seen, error) {
		return func(t *testing.T) (seen, error) {
			stream := client.Messages.NewStreaming(t.Context(), params)
			defer stream.Close()
			var m anthropic.Message
			for stream.Next() {
				if err := m.Accumulate(stream.Current()); err != nil {
					return seen{}, err
				}
			}
			return messageSeen(&m), stream.Err()
		}
	}
	tool := anthropic.ToolUnionParam{OfTool: &anthropic.ToolParam{
		Name: "get_weather",
		InputSchema: anthropic.ToolInputSchemaParam{
			Properties: map[string]any{"city": map[string]any{"type": "string"}}, Required: []string{"city"},
		},
	}}
	const million = 1_000_000
	row := func(name, want string, held bool, ask func(*testing.T) (seen, error)) call {
		return call{
			name: name, model: "test-claude", want: want, held: held, ask: ask,
			inputRate: 5 * million, cacheRate: million / 2, outputRate: 25 * million,
		}
	}
	const said = "You said: hello there gateway You said: hello there gateway You said:"
	const called = `get_weather{"city":"Oslo"}`
	hello, use := messageParams("hello there gateway"), messageParams("use the tool for Oslo", tool)
	checkCalls(t, g, []call{
		row("message", said, true, whole(hello)),
		row("message that calls a tool", called, true, whole(use)),
		row("stream", said, false, streamed(hello)),
		row("stream that calls a tool", called, false, streamed(use)),
	})

	t.Run("counting tokens costs nothing", func(t *testing.T) {
		before := onlyUsage(t, g, "?consumer=caller&by=consumer")
		n, err := client.Messages.CountTokens(t.Context(), anthropic.MessageCountTokensParams{
			Model:    "test-claude",
			Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock("one two three"))},
		})
		if err != nil || n.InputTokens != 3 {
			t.Fatalf("counted %v, error %v", n, err)
		}
		after := onlyUsage(t, g, "?consumer=caller&by=consumer")
		if after.Requests != before.Requests+1 || after.Input != before.Input || after.Cost != before.Cost {
			t.Errorf("usage went from %+v to %+v", before, after)
		}
	})
}

func TestAnthropicClientUnderstandsRefusals(t *testing.T) {
	g := gateway(t, sdkCaddyfile, chained(t)...)
	tests := []struct {
		name, key string
		status    int
		kind      string
		message   string
	}{
		{name: "unknown key", key: unknownKey, status: 401, kind: "authentication_error", message: "not valid"},
		{name: "model not allowed", key: narrowKey, status: 403, kind: "permission_error", message: "test-claude"},
		{name: "group not admitted", key: outsideKey, status: 403, kind: "permission_error"},
		{name: "address not admitted", key: elsewhere, status: 403, kind: "permission_error"},
	}
	for _, tt := range tests {
		for kind, ask := range map[string]func(client anthropic.Client) error{
			"whole": func(client anthropic.Client) error {
				_, err := client.Messages.New(t.Context(), messageParams("hello"))
				return err
			},
			"stream": func(client anthropic.Client) error {
				stream := client.Messages.NewStreaming(t.Context(), messageParams("hello"))
				defer stream.Close()
				for stream.Next() {
					t.Error("a refused stream has an event")
				}
				return stream.Err()
			},
		} {
			t.Run(tt.name+"/"+kind, func(t *testing.T) {
				err := ask(anthropicClient(g.URL+"/llm/anthropic", tt.key))
				var refused *anthropic.Error
				if !errors.As(err, &refused) {
					t.Fatalf("error is %v, want the client's own type", err)
				}
				if refused.StatusCode != tt.status || string(refused.Type()) != tt.kind {
					t.Errorf("status %d, type %q, want %d %q", refused.StatusCode, refused.Type(), tt.status, tt.kind)
				}
				if !strings.Contains(err.Error(), tt.message) || !strings.Contains(refused.RawJSON(), `"message":"`) {
					t.Errorf("error %q does not say why", err)
				}
			})
		}
	}
}
