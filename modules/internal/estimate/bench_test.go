// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package estimate

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/tokens"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// streams are answers of 200 events in the words of the three providers.
var streams = []struct {
	name   string
	format usage.Format
	media  usage.Media
	shape  string
}{
	{"openai", usage.OpenAIChat, usage.MediaSSE, `{"id":"chatcmpl-demo0123456789","object":"chat.completion.chunk","created":1790000000,"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_demo","choices":[{"index":0,"delta":{"content":"%s"},"logprobs":null,"finish_reason":null}],"usage":null}`},
	{"openai-obfuscated", usage.OpenAIChat, usage.MediaSSE, `{"id":"chatcmpl-demo0123456789","object":"chat.completion.chunk","created":1790000000,"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_demo","choices":[{"index":0,"delta":{"content":"%s"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"%[2]s"}`},
	{"anthropic", usage.AnthropicMessages, usage.MediaSSE, `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"%s"}}`},
	{"ollama", usage.OllamaNative, usage.MediaNDJSON, `{"model":"llama3.2:latest","created_at":"2026-11-21T10:20:30.%06[3]dZ","message":{"role":"assistant","content":"%[1]s"},"done":false}`},
}

// words are what a stream delivers, one by one.
var words = strings.SplitAfter("The gateway counts what was delivered, and nothing else; an answer that breaks off is charged for what had left before. ", " ")

// eventsOf fills a shape.
func eventsOf(shape string, count int) (events [][]byte) {
	for i := range count {
		word := words[i%len(words)]
		event := fmt.Sprintf(shape+"%[2].0s%[3].0d", word, strings.Repeat("x", i*7%11), 100_000+i*7919%900_000)
		events = append(events, []byte(event[:strings.LastIndexByte(event, '}')+1]))
	}
	return events
}

func BenchmarkEvent(b *testing.B) {
	for _, s := range streams {
		events := eventsOf(s.shape, 200)
		b.Run(s.name, func(b *testing.B) {
			var t Transcript
			b.ReportAllocs()
			b.SetBytes(int64(len(events[0])))
			for b.Loop() {
				t.Reset(s.format, s.media, tokens.O200kBase)
				for _, e := range events {
					t.Event(nil, e)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(events)), "ns/event")
			b.ReportMetric(float64(len(t.tape.buf))/float64(len(events)), "held-B/event")
		})
	}
}

func BenchmarkOutput(b *testing.B) {
	for _, s := range streams {
		events := eventsOf(s.shape, 200)
		b.Run(s.name, func(b *testing.B) {
			var t Transcript
			b.ReportAllocs()
			for b.Loop() {
				t.Reset(s.format, s.media, tokens.O200kBase)
				for _, e := range events {
					t.Event(nil, e)
				}
				if t.Output().TotalOutput() == 0 {
					b.Fatal("nothing was delivered")
				}
			}
		})
	}
}

func BenchmarkBytes(b *testing.B) {
	body := []byte(`{"id":"1","choices":[{"index":0,"message":{"content":"` + strings.Repeat(words[0], 500) + `"}}]}`)
	var t Transcript
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		t.Reset(usage.OpenAIChat, usage.MediaJSON, tokens.O200kBase)
		t.Bytes(body)
	}
}

func BenchmarkPrompt(b *testing.B) {
	message := `{"role":"user","content":"` + strings.Repeat(strings.Join(words, ""), 8) + `"}`
	body := []byte(`{"model":"gpt-4o","messages":[` + strings.TrimSuffix(strings.Repeat(message+",", 20_000/len(message)), ",") + `]}`)
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		Prompt(usage.OpenAIChat, "chat", body, tokens.O200kBase)
	}
}
