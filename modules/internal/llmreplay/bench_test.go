// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmreplay

import (
	"fmt"
	"strings"
	"testing"
)

// recorded returns the stream of an answer of 2,000 tokens as an upstream sends it, an
// event for each token.
func recorded(a api) []byte {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	event := func(name, data string) { line("event: %s\ndata: {\"type\":\"%s\"%s}\n\n", name, name, data) }
	switch a {
	case chatAPI:
		head := `data: {"id":"chatcmpl-demo-0123456789","object":"chat.completion.chunk","created":1790000000,"model":"gpt-4o-mini","service_tier":"default","system_fingerprint":"fp_demo","choices":[`
		line("%s", head+`{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"usage":null}`+"\n\n")
		for i := range 2000 {
			line("%s", head+fmt.Sprintf(`{"index":0,"delta":{"content":" tok%d"},"logprobs":null,"finish_reason":null}],"usage":null}`, i%90)+"\n\n")
		}
		line("%s", head+`{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null}`+"\n\n")
		line("%s", head+`],"usage":{"prompt_tokens":10,"completion_tokens":2000,"total_tokens":2010}}`+"\n\ndata: [DONE]\n\n")
	case messagesAPI:
		event("message_start", `,"message":{"id":"msg_demo","type":"message","role":"assistant","model":"claude-demo","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":1}}`)
		event("content_block_start", `,"index":0,"content_block":{"type":"text","text":""}`)
		for i := range 2000 {
			event("content_block_delta", fmt.Sprintf(`,"index":0,"delta":{"type":"text_delta","text":" tok%d"}`, i%90))
		}
		event("content_block_stop", `,"index":0`)
		event("message_delta", `,"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":2000}`)
		event("message_stop", "")
	case ollamaChatAPI:
		for i := range 2000 {
			line(`{"model":"llama3.2","created_at":"2026-11-21T20:00:00.000000Z","message":{"role":"assistant","content":" tok%d"},"done":false}`+"\n", i%90)
		}
		line("%s", `{"model":"llama3.2","created_at":"2026-11-21T20:00:01Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","eval_count":2000}`+"\n")
	case geminiAPI:
		for i := range 200 { // its chunks are larger
			line(`data: {"candidates":[{"content":{"parts":[{"text":"%s"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":10},"modelVersion":"gemini-demo"}`+"\r\n\r\n", strings.Repeat(fmt.Sprintf(" tok%d", i%90), 10))
		}
		line("%s", `data: {"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":2000},"modelVersion":"gemini-demo"}`+"\r\n\r\n")
	}
	return []byte(b.String())
}

var benchAPIs = []api{chatAPI, messagesAPI, ollamaChatAPI, geminiAPI}

func BenchmarkWhole(b *testing.B) {
	for _, a := range benchAPIs {
		stream := recorded(a)
		b.Run(a.format.String(), func(b *testing.B) {
			b.SetBytes(int64(len(stream)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Whole(a.format, a.operation, stream); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkStream(b *testing.B) {
	for _, a := range benchAPIs {
		whole, err := Whole(a.format, a.operation, recorded(a))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(a.format.String(), func(b *testing.B) {
			b.SetBytes(int64(len(whole)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Stream(a.format, a.operation, whole, Options{IncludeUsage: true}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEvents(b *testing.B) {
	stream := recorded(chatAPI)
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for range Events(stream) {
			n++
		}
		if n != 2004 {
			b.Fatal(n)
		}
	}
}

func BenchmarkDropUsage(b *testing.B) {
	stream := recorded(chatAPI)
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		if len(DropUsage(stream)) == len(stream) {
			b.Fatal("nothing dropped")
		}
	}
}

// The number of allocations depends on the doubling of a few buffers, not on the
// number of events.
func TestAllocationsDoNotGrowWithEvents(t *testing.T) {
	for _, a := range benchAPIs {
		stream := recorded(a)
		allocs := testing.AllocsPerRun(5, func() {
			if err := wholeError(a, string(stream)); err != nil {
				t.Error(err)
			}
		})
		if a != geminiAPI && allocs > 100 {
			t.Errorf("%s: %v allocations", a, allocs)
		}
	}
}
