// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httputil"
	"reflect"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	anthropicoption "github.com/anthropics/anthropic-sdk-go/option"
	"github.com/ollama/ollama/api"
	"github.com/openai/openai-go/v3"
	openaioption "github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
)

// cachedSDKCaddyfile is a gateway that caches calls, before an upstream that counts them
// and has a mock provider behind it.
const cachedSDKCaddyfile = chainGlobals + `
(cached) {
	import chain {args[0]}
	gateway_cache {
		tools
	}
	reverse_proxy {{UPSTREAM}}
}

http://127.0.0.1:{{PORT}} {
	handle_path /llm/openai/* {
		import cached openai
	}
	handle_path /llm/anthropic/* {
		import cached anthropic
	}
	handle_path /llm/ollama/* {
		import cached ollama
	}
}

http://127.0.0.1:{{PORT2}} {
	mock_llm {
		cached_tokens 2
	}
}
`

// told is all that a client makes of an answer.
type told struct {
	ID, Model, Reply, Finish string
	Calls                    []string // of tools: id, name, arguments
	Usage                    any
}

// cachedClient asks for the same in a stream or at once.
type cachedClient struct {
	name string
	ask  func(t *testing.T, text string, stream bool) (told, error)
	tool bool // whether it is asked to use one
}

// cachedSDKs starts the gateway, and returns what counts its calls of the upstream and
// the transport that keeps the headers.
func cachedSDKs(t *testing.T) (*Gateway, *Upstream, *keptHeader) {
	t.Helper()
	var mock httputil.ReverseProxy
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) { mock.ServeHTTP(w, r) })
	g := gateway(t, cachedSDKCaddyfile, chained(t, with("UPSTREAM", up.Addr))...)
	address := "127.0.0.1:" + g.Value("PORT2")
	mock.Rewrite = func(p *httputil.ProxyRequest) { p.Out.URL.Scheme, p.Out.URL.Host = "http", address }
	mock.FlushInterval = -1
	transport := new(http.Transport)
	mock.Transport = transport
	t.Cleanup(transport.CloseIdleConnections)
	toGateway := new(http.Transport)
	t.Cleanup(toGateway.CloseIdleConnections)
	return g, up, &keptHeader{base: drained{toGateway}}
}

// drained is a transport whose answers are read to their end when they are closed. Some
// libraries close a stream at its last event; what is asked next would then race with the
// end of the answer.
type drained struct{ base http.RoundTripper }

func (d drained) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := d.base.RoundTrip(r)
	if err == nil {
		res.Body = drainedBody{res.Body}
	}
	return res, err
}

type drainedBody struct{ io.ReadCloser }

func (d drainedBody) Close() error {
	_, _ = io.Copy(io.Discard, d.ReadCloser)
	return d.ReadCloser.Close()
}

// TestClientsCannotTellStoredAnswers has the libraries of the providers ask twice, in all
// orders of streams and whole answers. The second time no upstream is asked, and they
// make of the answer what they have made of the first.
func TestClientsCannotTellStoredAnswers(t *testing.T) {
	g, up, kept := cachedSDKs(t)
	browser := &http.Client{Transport: kept}
	openAI := openai.NewClient(openaioption.WithBaseURL(g.URL+"/llm/openai/v1"), openaioption.WithAPIKey(callerKey),
		openaioption.WithMaxRetries(0), openaioption.WithHTTPClient(browser))
	claude := anthropic.NewClient(anthropicoption.WithBaseURL(g.URL+"/llm/anthropic"), anthropicoption.WithAPIKey(callerKey),
		anthropicoption.WithMaxRetries(0), anthropicoption.WithHTTPClient(browser))

	clients := []cachedClient{
		{name: "chat", ask: chatTwice(openAI)},
		{name: "chat that calls a tool", ask: chatTwice(openAI, weather), tool: true},
		{name: "response", ask: responseTwice(openAI)},
		{name: "response that calls a tool", ask: responseTwice(openAI, responseTool), tool: true},
		{name: "message", ask: messageTwice(claude)},
		{name: "message that calls a tool", ask: messageTwice(claude, messageTool), tool: true},
		{name: "ollama chat", ask: ollamaChatTwice(g, kept)},
		{name: "ollama chat that calls a tool", ask: ollamaChatTwice(g, kept, ollamaTool()), tool: true},
		{name: "ollama generate", ask: generateTwice(g, kept)},
	}
	orders := []struct {
		name          string
		first, second bool // in a stream
	}{
		{"stream then whole", true, false},
		{"whole then stream", false, true},
		{"stream then stream", true, true},
		{"whole then whole", false, false},
	}
	for _, c := range clients {
		for _, order := range orders {
			t.Run(c.name+"/"+order.name, func(t *testing.T) {
				text := "hello there " + order.name
				if c.tool {
					text = "use the tool for " + order.name + " Oslo"
				}
				before := len(up.Requests())
				first, err := c.ask(t, text, order.first)
				if err != nil {
					t.Fatalf("first call: %v", err)
				}
				if got := kept.last.Get("X-Cache-Status"); got != "Miss" {
					t.Fatalf("first call is a %q, %s", got, kept.last.Get("Cache-Status"))
				}
				if (len(first.Calls) > 0) != c.tool || (first.Reply == "") != c.tool || reflect.ValueOf(first.Usage).IsZero() {
					t.Fatalf("first call is answered with %+v", first)
				}
				second, err := c.ask(t, text, order.second)
				if err != nil {
					t.Fatalf("second call: %v", err)
				}
				if got := kept.last.Get("X-Cache-Status"); got != "Hit" {
					t.Errorf("second call is a %q, %s", got, kept.last.Get("Cache-Status"))
				}
				if !reflect.DeepEqual(first, second) {
					t.Errorf("the client was told\n%+v\nand then\n%+v", first, second)
				}
				if n := len(up.Requests()) - before; n != 1 {
					t.Errorf("the upstream had %d calls, want 1", n)
				}
			})
		}
	}
}

// TestStoredChatTellsUsageToWhoAsks: a client that has asked for the usage of its stream
// is told it, another is not, whoever of them has caused the answer.
func TestStoredChatTellsUsageToWhoAsks(t *testing.T) {
	g, up, kept := cachedSDKs(t)
	client := openai.NewClient(openaioption.WithBaseURL(g.URL+"/llm/openai/v1"), openaioption.WithAPIKey(callerKey),
		openaioption.WithMaxRetries(0), openaioption.WithHTTPClient(&http.Client{Transport: kept}))
	ask := chatTwice(client)
	asks := map[string]func(t *testing.T, text string) (told, error){
		"stream": func(t *testing.T, text string) (told, error) { return ask(t, text, true) },
		"whole":  func(t *testing.T, text string) (told, error) { return ask(t, text, false) },
		"silent": func(t *testing.T, text string) (told, error) { return chatStream(t, client, cachedChat(text)) },
	}
	for _, order := range [][]string{
		{"silent", "whole", "stream", "silent"},
		{"whole", "silent", "stream"},
		{"stream", "silent", "whole"},
	} {
		t.Run(order[0]+" first", func(t *testing.T) {
			before := len(up.Requests())
			var first told
			var usage any
			for i, kind := range order {
				got, err := asks[kind](t, "hello there "+order[0])
				if err != nil {
					t.Fatalf("%s: %v", kind, err)
				}
				if status := kept.last.Get("X-Cache-Status"); (status == "Hit") != (i > 0) {
					t.Errorf("%s: it is a %q", kind, status)
				}
				switch {
				case reflect.ValueOf(got.Usage).IsZero() != (kind == "silent"):
					t.Errorf("%s: was told the usage %+v", kind, got.Usage)
				case kind == "silent":
				case usage == nil:
					usage = got.Usage
				case usage != got.Usage:
					t.Errorf("%s: was told the usage %+v, one before it %+v", kind, got.Usage, usage)
				}
				got.Usage = nil
				if i == 0 {
					first = got
				}
				if !reflect.DeepEqual(first, got) {
					t.Errorf("%s: was told %+v, the first %+v", kind, got, first)
				}
			}
			if n := len(up.Requests()) - before; n != 1 {
				t.Errorf("the upstream had %d calls, want 1", n)
			}
		})
	}
}

func cachedChat(text string, tools ...openai.ChatCompletionToolUnionParam) openai.ChatCompletionNewParams {
	params := chatParams(text, tools...)
	params.Temperature = openai.Float(0)
	return params
}

func chatTwice(client openai.Client, tools ...openai.ChatCompletionToolUnionParam) func(*testing.T, string, bool) (told, error) {
	return func(t *testing.T, text string, stream bool) (told, error) {
		params := cachedChat(text, tools...)
		if stream {
			params.StreamOptions.IncludeUsage = openai.Bool(true)
			return chatStream(t, client, params)
		}
		c, err := client.Chat.Completions.New(t.Context(), params)
		if err != nil {
			return told{}, err
		}
		return chatTold(c), nil
	}
}

func chatStream(t *testing.T, client openai.Client, params openai.ChatCompletionNewParams) (told, error) {
	t.Helper()
	stream := client.Chat.Completions.NewStreaming(t.Context(), params)
	defer stream.Close()
	var whole openai.ChatCompletionAccumulator
	for stream.Next() {
		if !whole.AddChunk(stream.Current()) {
			t.Error("a chunk does not fit the others")
		}
	}
	return chatTold(&whole.ChatCompletion), stream.Err()
}

func chatTold(c *openai.ChatCompletion) told {
	out := told{ID: c.ID, Model: c.Model, Usage: [4]int64{
		c.Usage.PromptTokens, c.Usage.PromptTokensDetails.CachedTokens, c.Usage.CompletionTokens, c.Usage.TotalTokens,
	}}
	for _, choice := range c.Choices {
		out.Reply += choice.Message.Content
		out.Finish += choice.FinishReason
		for _, call := range choice.Message.ToolCalls {
			out.Calls = append(out.Calls, call.ID, call.Function.Name, call.Function.Arguments)
		}
	}
	return out
}

// responseTool is [weather] in the terms of the responses API.
var responseTool = responses.ToolParamOfFunction("get_weather", map[string]any{
	"type": "object", "properties": map[string]any{"city": map[string]any{"type": "string"}}, "required": []string{"city"},
}, false)

func responseTwice(client openai.Client, tools ...responses.ToolUnionParam) func(*testing.T, string, bool) (told, error) {
	return func(t *testing.T, text string, stream bool) (told, error) {
		params := responses.ResponseNewParams{
			Model: "test-chat", Temperature: openai.Float(0), Tools: tools, Store: openai.Bool(false),
			Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(text)},
		}
		if !stream {
			r, err := client.Responses.New(t.Context(), params)
			if err != nil {
				return told{}, err
			}
			return responseTold(r), nil
		}
		events := client.Responses.NewStreaming(t.Context(), params)
		defer events.Close()
		var out told
		var pieces, arguments string
		for events.Next() {
			switch event := events.Current(); event.Type {
			case "response.output_text.delta":
				pieces += event.Delta
			case "response.function_call_arguments.delta":
				arguments += event.Delta
			case "response.completed":
				out = responseTold(&event.Response)
			}
		}
		if pieces != out.Reply || len(out.Calls) > 0 && arguments != out.Calls[2] {
			t.Errorf("the pieces are %q and %q, the whole is %+v", pieces, arguments, out)
		}
		return out, events.Err()
	}
}

func responseTold(r *responses.Response) told {
	out := told{ID: r.ID, Model: r.Model, Finish: string(r.Status), Reply: r.OutputText(), Usage: [3]int64{
		r.Usage.InputTokens, r.Usage.InputTokensDetails.CachedTokens, r.Usage.OutputTokens,
	}}
	for _, item := range r.Output {
		if item.Type == "function_call" {
			call := item.AsFunctionCall()
			out.Calls = append(out.Calls, call.CallID, call.Name, call.Arguments)
		}
	}
	return out
}

// messageTool is [weather] in the terms of Anthropic's API.
var messageTool = anthropic.ToolUnionParam{OfTool: &anthropic.ToolParam{
	Name: "get_weather",
	InputSchema: anthropic.ToolInputSchemaParam{
		Properties: map[string]any{"city": map[string]any{"type": "string"}}, Required: []string{"city"},
	},
}}

func messageTwice(client anthropic.Client, tools ...anthropic.ToolUnionParam) func(*testing.T, string, bool) (told, error) {
	return func(t *testing.T, text string, stream bool) (told, error) {
		params := messageParams(text, tools...)
		params.Temperature = anthropic.Float(0)
		if !stream {
			m, err := client.Messages.New(t.Context(), params)
			if err != nil {
				return told{}, err
			}
			return messageTold(t, m), nil
		}
		events := client.Messages.NewStreaming(t.Context(), params)
		defer events.Close()
		var m anthropic.Message
		for events.Next() {
			if err := m.Accumulate(events.Current()); err != nil {
				return told{}, err
			}
		}
		return messageTold(t, &m), events.Err()
	}
}

func messageTold(t *testing.T, m *anthropic.Message) told {
	t.Helper()
	out := told{ID: m.ID, Model: m.Model, Finish: string(m.StopReason), Usage: [3]int64{
		m.Usage.InputTokens, m.Usage.CacheReadInputTokens, m.Usage.OutputTokens,
	}}
	for _, block := range m.Content {
		out.Reply += block.Text
		if block.Type == "tool_use" {
			var input any
			if err := json.Unmarshal(block.Input, &input); err != nil {
				t.Errorf("read the input of a tool: %v", err)
			}
			arguments, _ := json.Marshal(input)
			out.Calls = append(out.Calls, block.ID, block.Name, string(arguments))
		}
	}
	return out
}

var greedy = map[string]any{"temperature": 0}

func ollamaChatTwice(g *Gateway, kept *keptHeader, tools ...api.Tool) func(*testing.T, string, bool) (told, error) {
	return func(t *testing.T, text string, stream bool) (told, error) {
		client, header := ollamaOf(t, g, callerKey)
		var out told
		err := client.Chat(t.Context(), &api.ChatRequest{
			Model: "test-llama", Stream: &stream, Tools: tools, Options: greedy,
			Messages: []api.Message{{Role: "user", Content: text}},
		}, func(part api.ChatResponse) error {
			out.Model, out.Finish, out.Usage = part.Model, part.DoneReason, part.Metrics
			out.Reply += part.Message.Content
			for _, call := range part.Message.ToolCalls {
				out.Calls = append(out.Calls, call.ID, call.Function.Name, call.Function.Arguments.String())
			}
			return nil
		})
		kept.last = header.last
		return out, err
	}
}

func generateTwice(g *Gateway, kept *keptHeader) func(*testing.T, string, bool) (told, error) {
	return func(t *testing.T, text string, stream bool) (told, error) {
		client, header := ollamaOf(t, g, callerKey)
		var out told
		err := client.Generate(t.Context(), &api.GenerateRequest{
			Model: "test-llama", Prompt: text, Stream: &stream, Options: greedy,
		}, func(part api.GenerateResponse) error {
			out.Model, out.Finish, out.Usage = part.Model, part.DoneReason, part.Metrics
			out.Reply += part.Response
			return nil
		})
		kept.last = header.last
		return out, err
	}
}
