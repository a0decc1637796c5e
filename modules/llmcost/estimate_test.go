// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmcost

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/tokens"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// said is a text that the two encodings count differently.
const said = "Ein Schlagbaum versperrt die Straße, bis der Wegzoll bezahlt ist: ноль, 十二 и семь."

const (
	question1 = "Was kostet es, hier 1234567 Waggons durchzulassen?"
	messages  = `"messages":[{"role":"user","content":"` + question1 + `"}]`
)

// promptOf is what the only message of a prompt comes to.
func promptOf(e tokens.Encoding) int64 {
	return 3 + e.Count([]byte("user")) + e.Count([]byte(question1)) + 3
}

// delta is one chunk of an OpenAI stream for each word of the text.
func deltas(model, text string) string {
	var b strings.Builder
	for _, word := range strings.SplitAfter(text, " ") {
		b.WriteString(`data: {"model":"` + model + `","choices":[{"index":0,"delta":{"content":"` + word + "\"}}]}\n\n")
	}
	return b.String()
}

// What no provider reports is counted with the tokenizer of the model: the text
// that was delivered, and the prompt.
func TestUsageThatIsNotReportedIsCounted(t *testing.T) {
	t.Parallel()
	const (
		o200k  = "o200k_base"
		cl100k = "cl100k_base"
		start  = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"claude-opus-4-5\",\"usage\":{\"input_tokens\":50,\"cache_read_input_tokens\":7,\"output_tokens\":1}}}\n\n"
		block  = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"" + said + "\"}}\n\n"
		think  = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"" + question1 + "\"}}\n\n"
	)
	const inputs = -1 // the prompt's own count
	type counts struct{ input, output, reasoning int64 }
	full := counts{input: inputs, output: -1}
	tests := map[string]struct {
		provider, path, request string
		media, answer           string
		want                    counts // -1: counted with the encoding
		encoding                string
		cut                     bool // the connection is broken
		exactInput              bool
	}{
		"chat, no usage": {
			"openai", chatPath, `{"model":"gpt-4o-mini","stream":true,` + messages + `}`, sseType, deltas("gpt-4o-mini", said) + "data: [DONE]\n\n",
			full, o200k, false, false,
		},
		"chat of an older model": {
			"openai", chatPath, `{"model":"gpt-4-turbo","stream":true,` + messages + `}`, sseType, deltas("gpt-4-turbo-2024-04-09", said) + "data: [DONE]\n\n",
			full, cl100k, false, false,
		},
		"chat that an older model answers": {
			"openai", chatPath, `{"model":"gpt-4o","stream":true,` + messages + `}`, sseType, deltas("gpt-3.5-turbo-0125", said) + "data: [DONE]\n\n",
			full, o200k, false, false,
		},
		"chat of another server": {
			"deepseek", chatPath, `{"model":"deepseek-v4-flash","stream":true,` + messages + `}`, sseType, deltas("deepseek-v4-flash", said) + "data: [DONE]\n\n",
			full, o200k, false, false,
		},
		"chat, cut": {
			"openai", chatPath, `{"model":"gpt-4o-mini","stream":true,` + messages + `}`, sseType, deltas("gpt-4o-mini", said),
			full, o200k, true, false,
		},
		"chat, cut within an event": {
			"openai", chatPath, `{"model":"gpt-4o-mini","stream":true,` + messages + `}`, sseType, deltas("gpt-4o-mini", said) + `data: {"model":"gpt-4o-mini","choi`,
			full, o200k, true, false,
		},
		"chat as a document": {
			"openai", chatPath, `{"model":"gpt-4o-mini",` + messages + `}`, jsonType, `{"model":"gpt-4o-mini","choices":[{"message":{"role":"assistant","content":"` + said + `"}}]}`,
			full, o200k, false, false,
		},
		"responses, completed": {
			"openai", "/v1/responses", `{"model":"gpt-5","stream":true,"input":"` + question1 + `"}`, sseType,
			"event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"" + said + "\"}\n\n" +
				"event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"model\":\"gpt-5\",\"status\":\"completed\"}}\n\n",
			counts{input: 0, output: -1},
			o200k, false, true,
		},
		"responses, cut": {
			"openai", "/v1/responses", `{"model":"gpt-5","stream":true,"input":"` + question1 + `"}`, sseType,
			"event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"" + said + "\"}\n\n",
			counts{input: 0, output: -1},
			o200k, true, true,
		},
		"messages, cut after the start": {
			"anthropic", "/v1/messages", `{"model":"claude-opus-4-5","stream":true,` + messages + `}`, sseType, start + block,
			counts{input: 57, output: -1},
			o200k, true, false,
		},
		"messages, cut before any text": {
			"anthropic", "/v1/messages", `{"model":"claude-opus-4-5","stream":true,` + messages + `}`, sseType, start,
			counts{input: 57, output: 1},
			o200k, true, false,
		},
		"messages, cut after thinking": {
			"anthropic", "/v1/messages", `{"model":"claude-opus-4-5","stream":true,` + messages + `}`, sseType, start + think + block,
			counts{input: 57, output: -1, reasoning: -1},
			o200k, true, false,
		},
		"messages, cut before the start": {
			"anthropic", "/v1/messages", `{"model":"claude-opus-4-5","stream":true,` + messages + `}`, sseType, block,
			full, o200k, true, false,
		},
		"ollama, cut": {
			"ollama", "/api/chat", `{"model":"llama3.2",` + messages + `}`, lineType, `{"model":"llama3.2","message":{"role":"assistant","content":"` + said + `"},"done":false}` + "\n",
			full, o200k, true, false,
		},
		"gemini, cut": {
			"gemini", "/v1beta/models/gemini-2.5-flash:streamGenerateContent", `{"contents":[{"role":"user","parts":[{"text":"` + question1 + `"}]}]}`, sseType,
			`data: {"candidates":[{"content":{"parts":[{"text":"` + said + `"}]}}]}` + "\n\n",
			full, o200k, false, false,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rt := newRoute(t, &Handler{Provider: tc.provider}, answer(tc.media, tc.answer))
			w := rt.post(tc.path, jsonType, tc.request)
			encoding := tokens.O200kBase
			if tc.encoding == cl100k {
				encoding = tokens.Cl100kBase
			}
			want := tc.want
			if want.input == -1 {
				want.input = promptOf(encoding)
			}
			if want.output == -1 {
				want.output = encoding.Count([]byte(said))
			}
			if want.reasoning == -1 {
				want.reasoning = encoding.Count([]byte(question1))
			}
			row := rt.agreed()
			got := counts{row.Counts.TotalInput(), row.Counts[usage.Output], row.Counts[usage.Reasoning]}
			if tc.exactInput { // written as the format has it, whose messages have no roles
				want.input = got.input
				if n := encoding.Count([]byte(question1)); got.input < n || got.input > n+10 {
					t.Errorf("%d tokens of input, the text alone has %d", got.input, n)
				}
			}
			if got != want {
				t.Errorf("counted %+v, want %+v", got, want)
			}
			llm := &rt.last.LLM
			if row.Requests != 1 || row.Exact != 0 || row.Estimated != 1 || row.PriceUnknown != 0 || llm.Tokenizer != tc.encoding || !llm.Estimated {
				t.Errorf("row %+v, estimated %v with %q", row, llm.Estimated, llm.Tokenizer)
			}
			if rt.broken != tc.cut {
				t.Errorf("the connection is broken: %v", rt.broken)
			}
			if !tc.cut && w.Body.String() != tc.answer {
				t.Errorf("the answer was changed to %q", w.Body)
			}
			if tc.media == jsonType && (w.Header().Get(headerEstimated) != tc.encoding || w.Header().Get(headerCost) != llm.Cost.String()) {
				t.Errorf("header %v", w.Header())
			}
			if tc.provider != "ollama" && row.Cost.String() == "0" {
				t.Error("it costs nothing")
			}
		})
	}
}

// The two encodings do not agree on the texts above, so that a wrong one is noticed.
func TestEncodingsDiffer(t *testing.T) {
	t.Parallel()
	if a, b := tokens.O200kBase.Count([]byte(said)), tokens.Cl100kBase.Count([]byte(said)); a == b {
		t.Errorf("both count %d", a)
	}
}

// A stream whose figures count up, and which ends without saying that they are the
// last, has used at least what was delivered.
func TestLastFigureOfABrokenStream(t *testing.T) {
	t.Parallel()
	const request = `{"contents":[{"role":"user","parts":[{"text":"x"}]}]}`
	chunk := func(text, more string, n string) string {
		return `data: {"candidates":[{"content":{"parts":[{"text":"` + text + `"}]}` + more + `}],"usageMetadata":{"promptTokenCount":1000,"candidatesTokenCount":` + n + `},"modelVersion":"gemini-2.5-flash"}` + "\n\n"
	}
	for name, tc := range map[string]struct {
		body   string
		abort  bool
		output int64
		exact  int64
	}{
		"complete":                    {chunk(said, `,"finishReason":"STOP"`, "5"), false, 5, 1},
		"broken, less than delivered": {chunk(said, "", "5"), true, tokens.O200kBase.Count([]byte(said)), 0},
		"broken, more than delivered": {chunk(said, "", "500"), true, 500, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rt := newRoute(t, &Handler{Provider: "gemini"}, func(w http.ResponseWriter, _ *http.Request) {
				answer(sseType, tc.body)(w, nil)
				if tc.abort {
					panic(http.ErrAbortHandler)
				}
			})
			rt.post("/v1beta/models/gemini-2.5-flash:streamGenerateContent", jsonType, request)
			row := rt.agreed()
			if row.Exact != tc.exact || row.Counts[usage.Input] != 1000 || row.Counts[usage.Output] != tc.output {
				t.Errorf("row %+v", row)
			}
		})
	}
}

// What cannot be estimated, or was not done, is not charged for.
func TestWhatIsNotEstimated(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		path, request, media, body string
		unknown                    int64
	}{
		"an error in the stream":     {chatPath, `{"model":"gpt-4o-mini","stream":true}`, sseType, "data: {\"error\":{\"message\":\"overloaded\"}}\n\n", 1},
		"an error as a document":     {chatPath, `{"model":"gpt-4o-mini"}`, jsonType, `{"error":{"message":"overloaded"}}`, 1},
		"produced in the background": {"/v1/responses", `{"model":"gpt-5","background":true}`, jsonType, `{"id":"r","status":"queued","model":"gpt-5","output":[]}`, 1},
		"an unknown endpoint":        {"/v1/audio/speech", `{"model":"gpt-4o-mini"}`, jsonType, `{}`, 1},
		"another media type":         {chatPath, `{"model":"gpt-4o-mini"}`, "audio/mpeg", "ID3", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rt := newRoute(t, &Handler{Provider: "openai"}, answer(tc.media, tc.body))
			rt.post(tc.path, jsonType, tc.request)
			if row := rt.agreed(); row.Requests != 1 || row.Estimated != 0 || row.PriceUnknown != tc.unknown || row.Counts.Total() != 0 || rt.broken {
				t.Errorf("row %+v, broken %v", row, rt.broken)
			}
		})
	}
}

// What a provider has said to the end is not made more by what can be counted: not
// every one tells reasoning apart, and tokenizers differ.
func TestFinalUsageIsNotEstimated(t *testing.T) {
	t.Parallel()
	var thoughts strings.Builder
	for i := range 50 {
		fmt.Fprintf(&thoughts, "data: {\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"word%d and more \"},\"finish_reason\":null}]}\n\n", i)
	}
	for name, tt := range map[string]struct {
		last      string
		exact     int64
		output    int64
		truncated bool
	}{
		"chunk of its own, and no end": {`data: {"model":"gpt-4o-mini","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}` + "\n\n", 1, 7, false},
		"with the last choice":         {`data: {"model":"gpt-4o-mini","choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}` + "\n\n", 1, 7, false},
		"counted up until it was cut":  {`data: {"model":"gpt-4o-mini","choices":[{"delta":{"content":"a"},"finish_reason":null}],"usage":{"prompt_tokens":5,"completion_tokens":4000,"total_tokens":4005}}` + "\n\n", 0, 4000, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rt := newRoute(t, &Handler{Provider: "openai", AskUsageOff: true}, answer("text/event-stream", thoughts.String()+tt.last))
			rt.post("/v1/chat/completions", "application/json", `{"model":"gpt-4o-mini","stream":true,"messages":[]}`)
			row := rt.row()
			if row.Exact != tt.exact || row.Counts.TotalOutput() != tt.output || rt.last.LLM.Truncated != tt.truncated {
				t.Errorf("row %+v, truncated %v", row, rt.last.LLM.Truncated)
			}
		})
	}
}

// The content of an answer cannot pose as its usage where the answer comes in parts.
func TestContentDoesNotPoseAsUsage(t *testing.T) {
	t.Parallel()
	first := `{"type":"message","model":"claude-sonnet-4-5","content":[{"type":"text","text":"` + strings.Repeat("word ", 300) +
		`"},{"type":"tool_use","id":"t","name":"n","input":{"rows":[1],"usage":{"input_tokens":0,"output_tokens":0}}`
	rest := `}],"usage":{"input_tokens":1000,"output_tokens":2000}}`
	rt := newRoute(t, &Handler{Provider: "anthropic"}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, first)
		_, _ = io.WriteString(w, rest)
	})
	rt.post("/v1/messages", "application/json", `{"model":"claude-sonnet-4-5","messages":[]}`)
	if row := rt.row(); row.Counts.Total() != 3000 || row.Exact != 1 {
		t.Errorf("row %+v", row)
	}
}
