// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package usage

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// reported feeds the chunks and says what came of it, and which chunk was terminal.
func reported(f Format, media Media, chunks ...string) string {
	var m Meter
	m.Reset(f, media)
	var ends []int
	at := 0
	for _, c := range chunks {
		at += len(c)
		if m.Write([]byte(c)) {
			ends = append(ends, at)
		}
	}
	return fmt.Sprint(m.Finish(), ends)
}

// Whatever follows on routine events is read as if there had been none.
func TestEventsAfterRoutineOnes(t *testing.T) {
	t.Parallel()
	const (
		chat    = `data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"%s"}}]%s}`
		message = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"%s\"}%s}"
		ollama  = `{"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"%s"}%s,"done":false}`
	)
	const openAIUsage = `"usage":{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12}`
	for name, tt := range map[string]struct {
		format Format
		media  Media
		event  string
		end    string
		last   []string
	}{
		"openai": {OpenAIChat, MediaSSE, chat, "\n\n", []string{
			fmt.Sprintf(chat, "a", ","+openAIUsage) + "\n\n",
			fmt.Sprintf(chat, "a", `,"usage" : {"prompt_tokens":7,"completion_tokens":5}`) + "\n\n",
			fmt.Sprintf(chat, "a", "") + "\n\ndata: {" + openAIUsage + "}\n\n",
			fmt.Sprintf(chat, "a", "") + "\n\ndata: [DONE]\n\n",
			fmt.Sprintf(chat, "a", "") + "\n\r\ndata: [DONE]\n\n",
			fmt.Sprintf(chat, "a", `,"error":{"message":"x"}`) + "\n\n",
			fmt.Sprintf(chat, "a", "") + "\ndata: \"usage\":{}}\n\n",
			strings.Replace(fmt.Sprintf(chat, "a", ""), "data", "event: error\ndata", 1) + "\n\n",
			fmt.Sprintf(chat, "a", "") + "\n",
			"data: [DONE]\n\n",
		}},
		"anthropic": {AnthropicMessages, MediaSSE, message, "\n\n", []string{
			fmt.Sprintf(message, "a", `,"usage":{"input_tokens":1,"output_tokens":5}`) + "\n\n",
			"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{},\"usage\":{\"output_tokens\":5}}\n\n",
			"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
			"event: error\ndata: {\"type\":\"error\",\"error\":{}}\n\n",
			fmt.Sprintf(message, "a", "") + "\n\nevent: message_stop\ndata: {}\n\n",
		}},
		"ollama": {OllamaNative, MediaNDJSON, ollama, "\n", []string{
			strings.Replace(fmt.Sprintf(ollama, "a", ""), "false", "true", 1) + "\n",
			strings.Replace(fmt.Sprintf(ollama, "a", ""), "false", `true,"eval_count":5`, 1) + "\n",
			fmt.Sprintf(ollama, "a", "") + "\n" + `{"done":true,"eval_count":5}` + "\n",
			`{"error":"x"}` + "\n",
			strings.TrimSuffix(fmt.Sprintf(ollama, "a", ""), "}") + `,"done":true}` + "\n",
		}},
	} {
		for i, last := range tt.last {
			t.Run(fmt.Sprint(name, " ", i), func(t *testing.T) {
				t.Parallel()
				var chunks []string
				for _, word := range []string{"one", "two words", "", "{brace}", "line\\n", "\\\"usage\\\":", "seven", "eight words"} {
					chunks = append(chunks, fmt.Sprintf(tt.event, word, "")+tt.end)
				}
				chunks = append(chunks, last)
				all := strings.Join(chunks, "")
				if got, want := reported(tt.format, tt.media, chunks...), reported(tt.format, tt.media, strings.Split(all, "")...); got != want {
					t.Errorf("event by event: %s\nbyte by byte:   %s", got, want)
				}
			})
		}
	}
}

// Streams that were changed at random are read alike in whole events and byte by
// byte.
func TestRoutineEventsChangedAtRandom(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 6))
	for range 3000 {
		var chunks []string
		for _, p := range openAIStream(8) {
			if random.IntN(3) == 0 {
				at := random.IntN(len(p))
				p[at] = "\n{}\r\":,x[]d "[random.IntN(12)]
			}
			chunks = append(chunks, string(p))
		}
		all := strings.Join(chunks, "")
		if got, want := reported(OpenAIChat, MediaSSE, chunks...), reported(OpenAIChat, MediaSSE, strings.Split(all, "")...); got != want {
			t.Fatalf("%q:\nevent by event: %s\nbyte by byte:   %s", all, got, want)
		}
	}
}
