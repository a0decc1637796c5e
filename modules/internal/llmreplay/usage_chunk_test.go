// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmreplay

import "testing"

const (
	plainChunk = `{"id":"c","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}`
	nullChunk  = `{"id":"c","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}],"usage":null}`
	usageChunk = `{"id":"c","object":"chat.completion.chunk","created":7,"model":"m","choices":[],"usage":{"total_tokens":3}}`
)

func TestDropUsage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, stream, want string }{
		{"told", sseOf(nullChunk, usageChunk, `[DONE]`), sseOf(plainChunk, `[DONE]`)},
		{"not told", sseOf(plainChunk, `[DONE]`), sseOf(plainChunk, `[DONE]`)},
		{"no empty line at the end", sseOf(nullChunk, usageChunk) + "data: [DONE]\n", sseOf(plainChunk) + "data: [DONE]\n"},
		{"empty", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := string(DropUsage([]byte(c.stream))); got != c.want {
				t.Errorf("got\n%swant\n%s", got, c.want)
			}
		})
	}
}

func TestAddUsage(t *testing.T) {
	t.Parallel()
	told := "{\n\"total_tokens\": 3}"
	for _, c := range []struct{ name, stream, want string }{
		{"told", sseOf(nullChunk, usageChunk, `[DONE]`), sseOf(nullChunk, usageChunk, `[DONE]`)},
		{"not told", sseOf(plainChunk, `[DONE]`), sseOf(plainChunk, usageChunk, `[DONE]`)},
		{"null", sseOf(nullChunk, `[DONE]`), sseOf(nullChunk, usageChunk, `[DONE]`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := AddUsage([]byte(c.stream), []byte(told))
			if err != nil || string(got) != c.want {
				t.Errorf("got %v\n%swant\n%s", err, got, c.want)
			}
		})
	}
	for _, c := range []struct {
		name, stream, told string
		want               Reason
	}{
		{"no end mark", sseOf(plainChunk), told, Truncated},
		{"no chunk", sseOf(`[DONE]`), told, Truncated},
		{"cut", sseOf(plainChunk) + "data: [DO", told, Truncated},
		{"no usage", sseOf(plainChunk, `[DONE]`), "3", Malformed},
		{"not JSON", sseOf(`x`, `[DONE]`), told, Malformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, err := AddUsage([]byte(c.stream), []byte(c.told)); reasonOf(t, err) != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}
