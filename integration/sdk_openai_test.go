// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	openaioption "github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
)

// weather is a tool in the terms of OpenAI's API.
var weather = openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{
	Name: "get_weather",
	Parameters: openai.FunctionParameters{
		"type":       "object",
		"properties": map[string]any{"city": map[string]any{"type": "string"}},
		"required":   []string{"city"},
	},
})

func chatParams(text string, tools ...openai.ChatCompletionToolUnionParam) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model:    "test-chat",
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(text)},
		Tools:    tools,
	}
}

// chatSeen is what a completion says, whether it came whole or in chunks.
func chatSeen(c *openai.ChatCompletion) seen {
	s := seen{
		input:     c.Usage.PromptTokens - c.Usage.PromptTokensDetails.CachedTokens,
		cacheRead: c.Usage.PromptTokensDetails.CachedTokens,
		output:    c.Usage.CompletionTokens,
	}
	if len(c.Choices) == 1 {
		s.reply = c.Choices[0].Message.Content
		for _, call := range c.Choices[0].Message.ToolCalls {
			s.reply += call.Function.Name + call.Function.Arguments
		}
	}
	return s
}

func TestOpenAIClientIsMetered(t *testing.T) {
	g := gateway(t, sdkCaddyfile, chained(t)...)
	client := openaiClient(g.URL+"/llm/openai/v1", callerKey)

	whole := func(params openai.ChatCompletionNewParams) func(*testing.T) (seen, error) {
		return func(t *testing.T) (seen, error) {
			var res *http.Response
			c, err := client.Chat.Completions.New(t.Context(), params, openaioption.WithResponseInto(&res))
			if err != nil {
				return seen{}, err
			}
			s := chatSeen(c)
			s.header = res.Header
			return s, nil
		}
	}
	streamed := func(params openai.ChatCompletionNewParams, usage bool) func(*testing.T) (seen, error) {
		if usage {
			params.StreamOptions.IncludeUsage = openai.Bool(true)
		}
		return func(t *testing.T) (seen, error) {
			stream := client.Chat.Completions.NewStreaming(t.Context(), params)
			defer stream.Close()
			var whole openai.ChatCompletionAccumulator
			for stream.Next() {
				if !whole.AddChunk(stream.Current()) {
					t.Error("a chunk does not fit the others")
				}
			}
			return chatSeen(&whole.ChatCompletion), stream.Err()
		}
	}
	const million = 1_000_000
	rates := call{model: "test-chat", inputRate: 3 * million, cacheRate: 7 * million / 10, outputRate: 11 * million}
	row := func(name, want string, held, silent bool, ask func(*testing.T) (seen, error)) call {
		c := rates
		c.name, c.want, c.held, c.silent, c.ask = name, want, held, silent, ask
		return c
	}
	const said = "You said: hello there gateway You said: hello there gateway You said:"
	const called = `get_weather{"city":"Oslo"}`
	hello, tool := chatParams("hello there gateway"), chatParams("use the tool for Oslo", weather)
	checkCalls(t, g, []call{
		row("completion", said, true, false, whole(hello)),
		row("completion that calls a tool", called, true, false, whole(tool)),
		row("stream", said, false, false, streamed(hello, true)),
		row("stream that calls a tool", called, false, false, streamed(tool, true)),
		row("stream without usage", said, false, true, streamed(hello, false)),
		row("response", said, true, false, func(t *testing.T) (seen, error) {
			var res *http.Response
			r, err := client.Responses.New(t.Context(), responses.ResponseNewParams{
				Model: "test-chat",
				Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("hello there gateway")},
			}, openaioption.WithResponseInto(&res))
			if err != nil {
				return seen{}, err
			}
			s := responseSeen(r)
			s.header = res.Header
			return s, nil
		}),
		row("streamed response", said, false, false, func(t *testing.T) (seen, error) {
			stream := client.Responses.NewStreaming(t.Context(), responses.ResponseNewParams{
				Model: "test-chat",
				Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("hello there gateway")},
			})
			defer stream.Close()
			var s seen
			for stream.Next() {
				if event := stream.Current(); event.Type == "response.completed" {
					s = responseSeen(&event.Response)
				}
			}
			return s, stream.Err()
		}),
		{
			name: "embeddings", model: "test-embed", want: "2 vectors", held: true,
			inputRate: million * 13 / 100, cacheRate: million * 13 / 100,
			ask: func(t *testing.T) (seen, error) {
				var res *http.Response
				e, err := client.Embeddings.New(t.Context(), openai.EmbeddingNewParams{
					Model: "test-embed",
					Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"one two three", "four"}},
				}, openaioption.WithResponseInto(&res))
				if err != nil {
					return seen{}, err
				}
				s := seen{input: e.Usage.PromptTokens, header: res.Header}
				if len(e.Data) == 2 && len(e.Data[1].Embedding) > 0 {
					s.reply = "2 vectors"
				}
				return s, nil
			},
		},
	})
}

func responseSeen(r *responses.Response) seen {
	cached := r.Usage.InputTokensDetails.CachedTokens
	return seen{reply: r.OutputText(), input: r.Usage.InputTokens - cached, cacheRead: cached, output: r.Usage.OutputTokens}
}

func TestOpenAIClientUnderstandsRefusals(t *testing.T) {
	g := gateway(t, sdkCaddyfile, chained(t)...)
	tests := []struct {
		name, key string
		status    int
		code      string
		message   string
	}{
		{name: "unknown key", key: unknownKey, status: 401, code: "key_invalid", message: "not valid"},
		{name: "model not allowed", key: narrowKey, status: 403, code: "model_not_allowed", message: `"test-chat"`},
		{name: "group not admitted", key: outsideKey, status: 403},
		{name: "address not admitted", key: elsewhere, status: 403},
	}
	for _, tt := range tests {
		for kind, ask := range map[string]func(client openai.Client) error{
			"whole": func(client openai.Client) error {
				_, err := client.Chat.Completions.New(t.Context(), chatParams("hello"))
				return err
			},
			"stream": func(client openai.Client) error {
				stream := client.Chat.Completions.NewStreaming(t.Context(), chatParams("hello"))
				defer stream.Close()
				for stream.Next() {
					t.Error("a refused stream has an event")
				}
				return stream.Err()
			},
		} {
			t.Run(tt.name+"/"+kind, func(t *testing.T) {
				err := ask(openaiClient(g.URL+"/llm/openai/v1", tt.key))
				var refused *openai.Error
				if !errors.As(err, &refused) {
					t.Fatalf("error is %v, want the client's own type", err)
				}
				if refused.StatusCode != tt.status || refused.Message == "" || !strings.Contains(refused.Message, tt.message) {
					t.Errorf("status %d, message %q", refused.StatusCode, refused.Message)
				}
				if tt.code != "" && refused.Code != tt.code {
					t.Errorf("code %q, want %q", refused.Code, tt.code)
				}
			})
		}
	}
}
