// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package accounting

import (
	"fmt"
	"math/rand/v2"
)

// wire is a format of requests and answers.
type wire struct {
	name     string
	provider string
	media    string // of a stream
	overhead int    // tokens of a request besides those of its text
	classes  []class
	mark     string // what is in an event with text and in no other
	last     string // what is in the event that ends a stream

	path     func(p *plan) string
	request  func(p *plan) string
	document func(p *plan) string
	begin    func(p *plan) string
	event    func(p *plan, i int, asked bool) string
	end      func(p *plan, asked bool) string

	// known is what a stream has reported after some events with text, if it is
	// anything.
	known func(p *plan, events int) (counts, bool)
}

// usage makes up what a request uses.
func (w *wire) usage(r *rand.Rand) (c counts) {
	for _, class := range w.classes {
		c[class] = r.Int64N(5000)
	}
	c[input]++
	c[webSearch] /= 1000
	return c
}

func fixed(path string) func(*plan) string { return func(*plan) string { return path } }

func sse(name, data string) string {
	if name != "" {
		return "event: " + name + "\ndata: " + data + "\n\n"
	}
	return "data: " + data + "\n\n"
}

// wires are all formats. Embeddings, which have no streams, come last.
var wires = [...]wire{
	{
		name: "chat", provider: "openai", media: "text/event-stream", overhead: 7,
		classes: []class{input, cacheRead, output, reasoning},
		mark:    `"content":"`, last: "data: [DONE]",
		path: fixed("/v1/chat/completions"),
		request: func(p *plan) string {
			options := ""
			if p.stream && p.asks {
				options = `,"stream_options":{"include_usage":true}`
			}
			return fmt.Sprintf(`{"model":%q,"stream":%t%s,"messages":[{"role":"user","content":%q}]}`, p.model, p.stream, options, p.asked())
		},
		document: func(p *plan) string {
			return fmt.Sprintf(`{"id":"c","object":"chat.completion","model":%q,"choices":[{"index":0,"message":{"role":"assistant","content":%q},"finish_reason":"stop"}]%s}`,
				p.model, p.all(), p.chatUsage(!p.silent))
		},
		begin: func(p *plan) string {
			return sse("", fmt.Sprintf(`{"id":"c","object":"chat.completion.chunk","model":%q,"choices":[{"index":0,"delta":{"role":"assistant"},"finish_reason":null}]}`, p.model))
		},
		event: func(p *plan, i int, asked bool) string {
			null := ""
			if asked {
				null = `,"usage":null`
			}
			return sse("", fmt.Sprintf(`{"id":"c","object":"chat.completion.chunk","model":%q,"choices":[{"index":0,"delta":{"content":%q},"finish_reason":null}]%s}`, p.model, p.told(i), null))
		},
		end: func(p *plan, asked bool) string {
			s := sse("", fmt.Sprintf(`{"id":"c","object":"chat.completion.chunk","model":%q,"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`, p.model))
			if asked && !p.silent {
				s += sse("", fmt.Sprintf(`{"id":"c","object":"chat.completion.chunk","model":%q,"choices":[]%s}`, p.model, p.chatUsage(true)))
			}
			return s + sse("", "[DONE]")
		},
	},
	{
		name: "messages", provider: "anthropic", media: "text/event-stream", overhead: 7,
		classes: []class{input, cacheRead, cacheWrite, cacheWrite1h, output, webSearch},
		mark:    `"text_delta"`, last: `{"type":"message_stop"}`,
		path: fixed("/v1/messages"),
		request: func(p *plan) string {
			return fmt.Sprintf(`{"model":%q,"max_tokens":9999,"stream":%t,"messages":[{"role":"user","content":%q}]}`, p.model, p.stream, p.asked())
		},
		document: func(p *plan) string {
			return fmt.Sprintf(`{"id":"m","type":"message","role":"assistant","model":%q,"content":[{"type":"text","text":%q}],"stop_reason":"end_turn","usage":{%s,"output_tokens":%d,"server_tool_use":{"web_search_requests":%d}}}`,
				p.model, p.all(), p.messagesInput(), p.usage[output], p.usage[webSearch])
		},
		begin: func(p *plan) string {
			return sse("message_start", fmt.Sprintf(`{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":%q,"content":[],"usage":{%s,"output_tokens":1}}}`, p.model, p.messagesInput())) +
				sse("content_block_start", `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`)
		},
		event: func(p *plan, i int, _ bool) string {
			return sse("content_block_delta", fmt.Sprintf(`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":%q}}`, p.told(i)))
		},
		end: func(p *plan, _ bool) string {
			return sse("content_block_stop", `{"type":"content_block_stop","index":0}`) +
				sse("message_delta", fmt.Sprintf(`{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":%d,"server_tool_use":{"web_search_requests":%d}}}`, p.usage[output], p.usage[webSearch])) +
				sse("message_stop", `{"type":"message_stop"}`)
		},
		known: func(p *plan, events int) (counts, bool) {
			c := p.usage
			c[output], c[webSearch] = max(1, p.said(events)), 0
			return c, true
		},
	},
	{
		name: "responses", provider: "openai", media: "text/event-stream", overhead: 6,
		classes: []class{input, cacheRead, output, reasoning},
		mark:    `"type":"response.output_text.delta"`, last: `"type":"response.completed"`,
		path: fixed("/v1/responses"),
		request: func(p *plan) string {
			return fmt.Sprintf(`{"model":%q,"stream":%t,"input":%q}`, p.model, p.stream, p.asked())
		},
		document: func(p *plan) string { return p.response("completed") },
		begin: func(p *plan) string {
			return sse("response.created", fmt.Sprintf(`{"type":"response.created","response":{"id":"r","object":"response","status":"in_progress","model":%q,"output":[],"usage":null}}`, p.model))
		},
		event: func(p *plan, i int, _ bool) string {
			return sse("response.output_text.delta", fmt.Sprintf(`{"type":"response.output_text.delta","item_id":"i","output_index":0,"content_index":0,"delta":%q}`, p.told(i)))
		},
		end: func(p *plan, _ bool) string {
			return sse("response.completed", `{"type":"response.completed","response":`+p.response("completed")+"}")
		},
	},
	{
		name: "ollama", provider: "ollama", media: "application/x-ndjson", overhead: 7,
		classes: []class{input, output},
		mark:    `"done":false`, last: `"done":true`,
		path: fixed("/api/chat"),
		request: func(p *plan) string {
			return fmt.Sprintf(`{"model":%q,"stream":%t,"messages":[{"role":"user","content":%q}]}`, p.model, p.stream, p.asked())
		},
		document: func(p *plan) string { return p.ollamaLast(p.all()) },
		begin:    fixed(""),
		event: func(p *plan, i int, _ bool) string {
			return fmt.Sprintf("{\"model\":%q,\"created_at\":\"2026-11-01T00:00:00Z\",\"message\":{\"role\":\"assistant\",\"content\":%q},\"done\":false}\n", p.model, p.told(i))
		},
		end: func(p *plan, _ bool) string { return p.ollamaLast("") + "\n" },
	},
	{
		name: "gemini", provider: "gemini", media: "text/event-stream", overhead: 7,
		classes: []class{input, cacheRead, output, reasoning},
		mark:    `"text":"`, last: `"finishReason":"STOP"`,
		path: func(p *plan) string {
			if p.stream {
				return "/v1beta/models/" + p.model + ":streamGenerateContent?alt=sse"
			}
			return "/v1beta/models/" + p.model + ":generateContent"
		},
		request: func(p *plan) string {
			return fmt.Sprintf(`{"contents":[{"role":"user","parts":[{"text":%q}]}]}`, p.asked())
		},
		document: func(p *plan) string {
			return fmt.Sprintf(`{"candidates":[{"content":{"role":"model","parts":[{"text":%q}]},"finishReason":"STOP","index":0}],%s}`, p.all(), p.geminiUsage(p.usage[output]))
		},
		begin: fixed(""),
		event: func(p *plan, i int, _ bool) string {
			return sse("", fmt.Sprintf(`{"candidates":[{"content":{"role":"model","parts":[{"text":%q}]},"index":0}],%s}`, p.told(i), p.geminiUsage(p.said(i+1))))
		},
		end: func(p *plan, _ bool) string {
			return sse("", fmt.Sprintf(`{"candidates":[{"content":{"role":"model","parts":[]},"finishReason":"STOP","index":0}],%s}`, p.geminiUsage(p.usage[output])))
		},
		known: func(p *plan, events int) (counts, bool) {
			c := p.usage
			c[output] = p.said(events)
			return c, events > 0
		},
	},
	{
		name: "embeddings", provider: "openai",
		classes: []class{input},
		path:    fixed("/v1/embeddings"),
		request: func(p *plan) string {
			return fmt.Sprintf(`{"model":%q,"input":%q}`, p.model, p.asked())
		},
		document: func(p *plan) string {
			return fmt.Sprintf(`{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.125,-0.5]}],"model":%q,"usage":{"prompt_tokens":%[2]d,"total_tokens":%[2]d}}`, p.model, p.usage[input])
		},
	},
}

func (p *plan) chatUsage(tell bool) string {
	if !tell {
		return ""
	}
	in, out := p.usage[input]+p.usage[cacheRead], p.usage[output]+p.usage[reasoning]
	return fmt.Sprintf(`,"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d,"prompt_tokens_details":{"cached_tokens":%d},"completion_tokens_details":{"reasoning_tokens":%d}}`,
		in, out, in+out, p.usage[cacheRead], p.usage[reasoning])
}

func (p *plan) messagesInput() string {
	return fmt.Sprintf(`"input_tokens":%d,"cache_read_input_tokens":%d,"cache_creation_input_tokens":%d,"cache_creation":{"ephemeral_5m_input_tokens":%d,"ephemeral_1h_input_tokens":%d}`,
		p.usage[input], p.usage[cacheRead], p.usage[cacheWrite]+p.usage[cacheWrite1h], p.usage[cacheWrite], p.usage[cacheWrite1h])
}

func (p *plan) response(status string) string {
	in, out := p.usage[input]+p.usage[cacheRead], p.usage[output]+p.usage[reasoning]
	return fmt.Sprintf(`{"id":"r","object":"response","status":%q,"model":%q,"output":[{"type":"message","role":"assistant","content":[{"type":"output_text","text":%q}]}],"usage":{"input_tokens":%d,"input_tokens_details":{"cached_tokens":%d},"output_tokens":%d,"output_tokens_details":{"reasoning_tokens":%d},"total_tokens":%d}}`,
		status, p.model, p.all(), in, p.usage[cacheRead], out, p.usage[reasoning], in+out)
}

func (p *plan) ollamaLast(said string) string {
	return fmt.Sprintf(`{"model":%q,"created_at":"2026-11-01T00:00:00Z","message":{"role":"assistant","content":%q},"done":true,"done_reason":"stop","prompt_eval_count":%d,"eval_count":%d}`,
		p.model, said, p.usage[input], p.usage[output])
}

func (p *plan) geminiUsage(out int64) string {
	in := p.usage[input] + p.usage[cacheRead]
	return fmt.Sprintf(`"usageMetadata":{"promptTokenCount":%d,"cachedContentTokenCount":%d,"candidatesTokenCount":%d,"thoughtsTokenCount":%d,"totalTokenCount":%d},"modelVersion":%q`,
		in, p.usage[cacheRead], out, p.usage[reasoning], in+out+p.usage[reasoning], p.model)
}
