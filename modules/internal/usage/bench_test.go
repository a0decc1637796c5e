// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package usage

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// openAIStream returns the events of a chat completion of about 165 bytes each,
// the usage in the last but one.
func openAIStream(count int) [][]byte {
	head := `data: {"id":"chatcmpl-demo","object":"chat.completion.chunk","created":1790000000,"model":"gpt-4o-mini","choices":[`
	var out [][]byte
	for i := range count - 2 {
		out = append(out, fmt.Appendf(nil, `%s{"index":0,"delta":{"content":"tok%d "}}]}`+"\n\n", head, i))
	}
	out = append(out, []byte(head+`],"usage":{"prompt_tokens":1000,"completion_tokens":198,"total_tokens":1198}}`+"\n\n"))
	return append(out, []byte("data: [DONE]\n\n"))
}

// anthropicStream returns the events of a message.
func anthropicStream(count int) [][]byte {
	event := func(name, rest string) []byte {
		return fmt.Appendf(nil, "event: %s\ndata: {\"type\":\"%s\"%s}\n\n", name, name, rest)
	}
	out := [][]byte{event("message_start", `,"message":{"id":"msg_1","model":"claude-demo","content":[],"usage":{"input_tokens":50,"output_tokens":1}}`)}
	for i := range count - 3 {
		out = append(out, event("content_block_delta", fmt.Sprintf(`,"index":0,"delta":{"type":"text_delta","text":"some delivered words, number %d"}`, i)))
	}
	out = append(out, event("message_delta", `,"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":400}`))
	return append(out, event("message_stop", ""))
}

// measure runs a stream through a meter in the given pieces.
func measure(b *testing.B, f Format, media Media, perEvent int, pieces ...[]byte) {
	var m Meter
	var size int
	for _, p := range pieces {
		size += len(p)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		m.Reset(f, media)
		for _, p := range pieces {
			m.Write(p)
		}
		if r := m.Finish(); !r.Found || !r.Complete || r.Malformed {
			b.Fatalf("%+v", r)
		}
	}
	if perEvent > 0 {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*perEvent), "ns/event")
	}
}

func join(pieces [][]byte) (all []byte) {
	for _, p := range pieces {
		all = append(all, p...)
	}
	return all
}

func BenchmarkMeterOpenAIStream(b *testing.B) {
	pieces := openAIStream(200)
	withNull := openAIStream(200)
	for i, p := range withNull[:198] {
		withNull[i] = []byte(strings.Replace(string(p), "}]}\n", "}],\"usage\":null}\n", 1))
	}
	b.Run("each", func(b *testing.B) { measure(b, OpenAIChat, MediaSSE, 200, pieces...) })
	b.Run("whole", func(b *testing.B) { measure(b, OpenAIChat, MediaSSE, 200, join(pieces)) })
	b.Run("null", func(b *testing.B) { measure(b, OpenAIChat, MediaSSE, 200, withNull...) })
}

func BenchmarkMeterAnthropicStream(b *testing.B) {
	pieces := anthropicStream(200)
	b.Run("each", func(b *testing.B) { measure(b, AnthropicMessages, MediaSSE, 200, pieces...) })
	b.Run("whole", func(b *testing.B) { measure(b, AnthropicMessages, MediaSSE, 200, join(pieces)) })
}

// document returns a chat completion of about the given size.
func document(size int) []byte {
	text := strings.Repeat("Some text that a model wrote. ", size/30)
	return []byte(`{"id":"chatcmpl-demo","model":"gpt-4o-mini","choices":[{"index":0,"message":{"role":"assistant","content":"` + text +
		`"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1000,"completion_tokens":300,"total_tokens":1300,"prompt_tokens_details":{"cached_tokens":400}}}`)
}

func BenchmarkMeterJSON1K(b *testing.B) {
	measure(b, OpenAIChat, MediaJSON, 0, document(800))
}

func BenchmarkMeterJSON20K(b *testing.B) {
	measure(b, OpenAIChat, MediaJSON, 0, document(20<<10))
}

func BenchmarkMeterJSON20KQuoted(b *testing.B) {
	text := strings.Repeat(`He said \"yes\" to it all, `, 20<<10/28)
	measure(b, OpenAIChat, MediaJSON, 0, bytes.Replace(document(30), []byte("Some text"), []byte(text), 1))
}

// TestMeterAllocatesNothingPerEvent allows the one allocation of a stream: the
// model's name.
func TestMeterAllocatesNothingPerEvent(t *testing.T) { // not parallel: AllocsPerRun forbids it
	for _, c := range []struct {
		name   string
		format Format
		pieces [][]byte
	}{
		{"openai", OpenAIChat, openAIStream(200)},
		{"openai cut", OpenAIChat, cutEvery(50, join(openAIStream(200)))},
		{"anthropic", AnthropicMessages, anthropicStream(200)},
		{"anthropic cut", AnthropicMessages, cutEvery(50, join(anthropicStream(200)))},
	} {
		var m Meter
		if n := testing.AllocsPerRun(20, func() {
			m.Reset(c.format, MediaSSE)
			for _, p := range c.pieces {
				m.Write(p)
			}
			m.Finish()
		}); n > 1 {
			t.Errorf("%s: %v allocations per stream, want at most one", c.name, n)
		}
	}
}

func cutEvery(n int, text []byte) (pieces [][]byte) {
	for len(text) > 0 {
		k := min(n, len(text))
		pieces, text = append(pieces, text[:k]), text[k:]
	}
	return pieces
}
