// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package usage

import (
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/stream"
)

func usd(t *testing.T, text string) money.Amount {
	t.Helper()
	a, err := money.ParseUSD(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// events makes a stream of the given payloads.
func events(payloads ...string) string {
	return "data: " + strings.Join(payloads, "\n\ndata: ") + "\n\n"
}

func TestMeter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		format Format
		media  Media
		body   string
		want   Report
	}{
		// Chat completions.
		{
			"spaced usage", OpenAIChat, MediaSSE, events(`{"model": "m", "choices": []}`, `{"choices": [], "usage" : {"prompt_tokens": 5, "completion_tokens": 2}}`, `[DONE] `),
			Report{Model: "m", Counts: Counts{Input: 5, Output: 2}, Found: true, Complete: true},
		},
		{
			"cumulative usage on every chunk", OpenAIChat, MediaSSE, events(`{"model":"m","usage":{"prompt_tokens":5,"completion_tokens":1}}`, `{"model":"m","usage":{"prompt_tokens":5,"completion_tokens":2}}`, `{"usage":null}`),
			Report{Model: "m", Counts: Counts{Input: 5, Output: 2}, Found: true},
		},
		{
			"content that names usage", OpenAIChat, MediaSSE, events(`{"model":"m"}`, `{"choices":[{"delta":{"content":"\"usage\":{\"prompt_tokens\":9} usage"}}]}`, `{"choices":[{"x":{"usage":{"prompt_tokens":7}}}]}`),
			Report{Model: "m"},
		},
		{
			"model after a notice", OpenAIChat, MediaSSE, events(`{"model":"","prompt_filter_results":[]}`, `{"model":"m"}`),
			Report{Model: "m"},
		},
		{
			"last model wins", OpenAIChat, MediaSSE, events(`{"model":"m"}`, `{"model":"m-2026","usage":{"prompt_tokens":1},"service_tier":"flex"}`),
			Report{Model: "m-2026", ServiceTier: "flex", Counts: Counts{Input: 1}, Found: true},
		},
		{"empty usage", OpenAIChat, MediaJSON, `{"model":"m","usage":{}}`, Report{Model: "m", Complete: true}},
		{"null figures", OpenAIChat, MediaJSON, `{"usage":{"prompt_tokens":3,"completion_tokens":null,"prompt_tokens_details":null}}`, Report{Counts: Counts{Input: 3}, Found: true, Complete: true}},
		{
			"reasoning without total", OpenAIChat, MediaJSON, `{"usage":{"prompt_tokens":1,"completion_tokens":30,"completion_tokens_details":{"reasoning_tokens":20}}}`,
			Report{Counts: Counts{Input: 1, Output: 10, Reasoning: 20}, Found: true, Complete: true},
		},
		{
			"more reasoning than completion", OpenAIChat, MediaJSON, `{"usage":{"prompt_tokens":1,"completion_tokens":3,"completion_tokens_details":{"reasoning_tokens":20}}}`,
			Report{Counts: Counts{Input: 1, Output: 3, Reasoning: 20}, Found: true, Complete: true},
		},
		{
			"cached input at top level", OpenAIChat, MediaJSON, `{"usage":{"prompt_tokens":10,"completion_tokens":0,"cached_tokens":4}}`,
			Report{Counts: Counts{Input: 6, CacheRead: 4}, Found: true, Complete: true},
		},
		{
			"only the parts of the prompt", OpenAIChat, MediaJSON, `{"usage":{"completion_tokens":1,"prompt_cache_hit_tokens":4,"prompt_cache_miss_tokens":6}}`,
			Report{Counts: Counts{Input: 6, CacheRead: 4, Output: 1}, Found: true, Complete: true},
		},
		{
			"cached audio overlaps", OpenAIChat, MediaJSON, `{"usage":{"prompt_tokens":10,"prompt_tokens_details":{"cached_tokens":8,"audio_tokens":6}}}`,
			Report{Counts: Counts{CacheRead: 8, InputAudio: 2}, Found: true, Complete: true},
		},
		{
			"more cached than prompt", OpenAIChat, MediaJSON, `{"usage":{"prompt_tokens":10,"prompt_tokens_details":{"cached_tokens":80}}}`,
			Report{Counts: Counts{CacheRead: 10}, Found: true, Complete: true, Malformed: true},
		},
		{
			"negative figure", OpenAIChat, MediaJSON, `{"usage":{"prompt_tokens":-10,"completion_tokens":5}}`,
			Report{Counts: Counts{Output: 5}, Found: true, Complete: true, Malformed: true},
		},
		{"absurd figure", OpenAIChat, MediaJSON, `{"usage":{"prompt_tokens":10,"completion_tokens":1000000001}}`, Report{Complete: true, Malformed: true}},
		{"figure that is text", OpenAIChat, MediaJSON, `{"usage":{"prompt_tokens":"10"}}`, Report{Complete: true, Malformed: true}},
		{"fractional figure", OpenAIChat, MediaJSON, `{"usage":{"prompt_tokens":10.5}}`, Report{Complete: true, Malformed: true}},
		{"usage that is text", OpenAIChat, MediaJSON, `{"usage":"10"}`, Report{Complete: true, Malformed: true}},
		{"usage too long", OpenAIChat, MediaJSON, `{"usage":{"x":"` + strings.Repeat("x", 1<<16) + `"}}`, Report{Complete: true, Malformed: true}},
		{
			"absurd figure after a good one", OpenAIChat, MediaSSE, events(`{"usage":{"prompt_tokens":10}}`, `{"usage":{"prompt_tokens":99999999999999999999}}`),
			Report{Counts: Counts{Input: 10}, Found: true, Malformed: true},
		},
		{"overlong model", OpenAIChat, MediaJSON, `{"model":"` + strings.Repeat("m", 257) + `"}`, Report{Complete: true}},
		{"error object", OpenAIChat, MediaJSON, `{"error":{"message":"no"}}`, Report{Complete: true, Failed: true}},
		{"no error", OpenAIChat, MediaJSON, `{"error":null}`, Report{Complete: true}},
		{"error within a stream", OpenAIChat, MediaSSE, events(`{"model":"m"}`, `{"error":{"message":"overloaded"}}`), Report{Model: "m", Failed: true}},
		{"error beside a chunk", OpenAIChat, MediaSSE, events(`{"model":"m"}`, `{"id":1}`, `{"id":1,"error": {"code":502},"choices":[{"finish_reason":"error"}]}`), Report{Model: "m", Failed: true}},
		{"error event", OpenAIChat, MediaSSE, "event: error\ndata: {\"message\":\"no\"}\n\n", Report{Failed: true}},
		{"finish reason is no error", OpenAIChat, MediaSSE, events(`{"model":"m","choices":[{"finish_reason":"error"}]}`, `{"choices":[{"finish_reason":"error"}]}`), Report{Model: "m"}},
		{"broken first event", OpenAIChat, MediaSSE, events(`{"model":"m"`, `{"model":"n"}`), Report{Model: "n", Malformed: true}},
		{"html", OpenAIChat, MediaJSON, `<html></html>`, Report{Malformed: true}},
		{"data after the document", OpenAIChat, MediaJSON, `{"model":"m"}{}`, Report{Model: "m", Complete: true, Malformed: true}},
		{"keep-alive lines before the document", OpenAIChat, MediaJSON, "\n\n\n{\"model\":\"m\"}", Report{Model: "m", Complete: true}},
		{"cut document with usage", OpenAIChat, MediaJSON, `{"usage":{"prompt_tokens":3},"choices":[`, Report{Counts: Counts{Input: 3}, Found: true}},
		{"empty body", OpenAIChat, MediaJSON, ``, Report{}},
		{"multi-line event", OpenAIChat, MediaSSE, "data: {\"model\":\"m\",\ndata: \"usage\":{\"prompt_tokens\":1}}\n\n", Report{Model: "m", Counts: Counts{Input: 1}, Found: true}},
		{
			"reported cost with exponent", OpenAIChat, MediaJSON, `{"usage":{"prompt_tokens":1,"cost":1.5e-05}}`,
			Report{Counts: Counts{Input: 1}, Found: true, Complete: true, ReportedCost: 15_000_000, HasReportedCost: true},
		},
		{"absurd cost", OpenAIChat, MediaJSON, `{"usage":{"prompt_tokens":1,"cost_in_usd_ticks":9000000000000000000}}`, Report{Counts: Counts{Input: 1}, Found: true, Complete: true, Malformed: true}},
		{"negative cost", OpenAIChat, MediaJSON, `{"usage":{"prompt_tokens":1,"cost":-1}}`, Report{Counts: Counts{Input: 1}, Found: true, Complete: true, Malformed: true}},
		{"embeddings with a total only", OpenAIEmbeddings, MediaJSON, `{"usage":{"total_tokens":7}}`, Report{Counts: Counts{Input: 7}, Found: true, Complete: true}},
		{"sources are no searches", OpenAIChat, MediaJSON, `{"usage":{"prompt_tokens":1,"num_sources_used":9}}`, Report{Counts: Counts{Input: 1}, Found: true, Complete: true}},

		// Responses.
		{
			"incomplete response", OpenAIResponses, MediaSSE, events(`{"type":"response.incomplete","response":{"model":"m","error":null,"usage":{"input_tokens":4,"output_tokens":2,"total_tokens":6}}}`),
			Report{Model: "m", Counts: Counts{Input: 4, Output: 2}, Found: true, Complete: true},
		},
		{
			"failed response", OpenAIResponses, MediaSSE, events(`{"type":"response.failed","response":{"model":"m","status":"failed","error":{"code":"server_error"},"usage":null}}`),
			Report{Model: "m", Complete: true, Failed: true},
		},
		{"failed document", OpenAIResponses, MediaJSON, `{"status":"failed","error":null,"model":"m"}`, Report{Model: "m", Complete: true, Failed: true}},
		{"error of responses", OpenAIResponses, MediaSSE, "event: error\ndata: {\"type\":\"error\",\"message\":\"no\"}\n\n", Report{Failed: true}},
		{
			"type is not first", OpenAIResponses, MediaSSE, events(`{"sequence_number":1,"response":{"usage":{"input_tokens":4},"model":"m"},"type":"response.completed"}`),
			Report{Model: "m", Counts: Counts{Input: 4}, Found: true, Complete: true},
		},
		{
			"searches in a stream", OpenAIResponses, MediaSSE, events(
				`{"type":"response.output_item.done","item":{"type":"web_search_call","action":{"type":"search"}}}`,
				`{"type":"response.output_item.done","item":{"type":"web_search_call","action":{"type":"open_page"}}}`,
				`{"type":"response.output_item.done","item":{"type":"message","text":"web_search_call"}}`,
				`{"type":"response.completed","response":{"usage":{"input_tokens":4}}}`),
			Report{Counts: Counts{Input: 4, WebSearch: 1}, Found: true, Complete: true},
		},
		{
			"searches in a document", OpenAIResponses, MediaJSON, `{"output":[{"type":"web_search_call","action":{"type":"search"}},{"type":"web_search_call"},{"type":"message"}],"usage":{"input_tokens":4}}`,
			Report{Counts: Counts{Input: 4, WebSearch: 2}, Found: true, Complete: true},
		},
		{
			"additive reasoning of responses", OpenAIResponses, MediaJSON, `{"usage":{"input_tokens":4,"output_tokens":2,"output_tokens_details":{"reasoning_tokens":5},"total_tokens":11}}`,
			Report{Counts: Counts{Input: 4, Output: 2, Reasoning: 5}, Found: true, Complete: true},
		},

		// Messages.
		{
			"deltas are cumulative", AnthropicMessages, MediaSSE, events(
				`{"type":"message_start","message":{"model":"c","usage":{"input_tokens":9,"output_tokens":3}}}`,
				`{"type":"message_delta","usage":{"output_tokens":10}}`, `{"type":"message_delta","usage":{"output_tokens":20}}`, `{"type":"message_stop"}`),
			Report{Model: "c", Counts: Counts{Input: 9, Output: 20}, Found: true, Complete: true},
		},
		{
			"delta without output", AnthropicMessages, MediaSSE, events(
				`{"type":"message_start","message":{"model":"c","usage":{"input_tokens":9,"output_tokens":3}}}`, `{"type":"message_delta","usage":{"input_tokens":8,"output_tokens":null}}`),
			Report{Model: "c", Counts: Counts{Input: 8, Output: 3}, Found: true, OutputPartial: true},
		},
		{
			"repeated write total keeps the split", AnthropicMessages, MediaSSE, events(
				`{"type":"message_start","message":{"usage":{"input_tokens":1,"cache_creation_input_tokens":30,"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20}}}}`,
				`{"type":"message_delta","usage":{"cache_creation_input_tokens":35,"output_tokens":2,"server_tool_use":{"web_search_requests":3}}}`),
			Report{Counts: Counts{Input: 1, CacheWrite: 15, CacheWrite1h: 20, Output: 2, WebSearch: 3}, Found: true},
		},
		{
			"write total without a split", AnthropicMessages, MediaJSON, `{"type":"message","usage":{"input_tokens":1,"cache_creation_input_tokens":30,"output_tokens":2}}`,
			Report{Counts: Counts{Input: 1, CacheWrite: 30, Output: 2}, Found: true, Complete: true},
		},
		{
			"split without a total", AnthropicMessages, MediaJSON, `{"type":"message","usage":{"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20},"output_tokens":2}}`,
			Report{Counts: Counts{CacheWrite: 10, CacheWrite1h: 20, Output: 2}, Found: true, Complete: true},
		},
		{"error of messages", AnthropicMessages, MediaSSE, "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n", Report{Failed: true}},
		{"error document of messages", AnthropicMessages, MediaJSON, `{"type":"error","error":{"type":"invalid_request_error"}}`, Report{Complete: true, Failed: true}},
		{
			"type after the message", AnthropicMessages, MediaSSE, events(`{"message":{"model":"c","type":"message","usage":{"input_tokens":9}},"type":"message_start"}`, `{"x":1,"type":"message_stop"}`),
			Report{Model: "c", Counts: Counts{Input: 9}, Found: true, OutputPartial: true, Complete: true},
		},
		{"text that names the end", AnthropicMessages, MediaSSE, events(`{"type":"content_block_delta","delta":{"text":"message_stop"}}`, `{"x":"message_stop","type":"other"}`), Report{}},

		// Ollama.
		{"prompt answered from the cache", OllamaNative, MediaNDJSON, "{\"model\":\"l\",\"done\":false}\n{\"model\":\"l\",\"done\":true,\"eval_count\":4}\n", Report{Model: "l", Counts: Counts{Output: 4}, Found: true, Complete: true}},
		{"model loaded", OllamaNative, MediaJSON, `{"model":"l","response":"","done":true,"done_reason":"load"}`, Report{Model: "l", Found: true, Complete: true}},
		{"embeddings without figures", OllamaNative, MediaJSON, `{"embedding":[0.1]}`, Report{Complete: true}},
		{"error line", OllamaNative, MediaNDJSON, "{\"model\":\"l\",\"done\":false}\n{\"error\":\"out of memory\"}\n", Report{Model: "l", Failed: true}},
		{"figures before the end do not count", OllamaNative, MediaNDJSON, "{\"model\":\"l\",\"done\":false,\"eval_count\":4}\n", Report{Model: "l"}},
		{"text that names done", OllamaNative, MediaNDJSON, "{\"model\":\"l\"}\n{\"response\":\"\\\"done\\\":true\",\"x\":{\"done\":true},\"done\":false}\n", Report{Model: "l"}},

		// Gemini.
		{"stream without finish reason", Gemini, MediaSSE, events(`{"candidates":[{"content":{}}],"usageMetadata":{"promptTokenCount":5}}`), Report{Counts: Counts{Input: 5}, Found: true}},
		{"blocked prompt", Gemini, MediaSSE, events(`{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":5}}`), Report{Counts: Counts{Input: 5}, Found: true, Complete: true}},
		{"error in a list", Gemini, MediaJSON, `[{"error":{"code":429}}]`, Report{Complete: true, Failed: true}},
		{
			"video stays with text", Gemini, MediaJSON, `{"usageMetadata":{"promptTokenCount":50,"promptTokensDetails":[{"modality":"VIDEO","tokenCount":40},{"modality":"AUDIO","tokenCount":10}]}}`,
			Report{Counts: Counts{Input: 40, InputAudio: 10}, Found: true, Complete: true},
		},

		// Nothing to read.
		{"no format", FormatNone, MediaJSON, `{"model":"m"}`, Report{}},
		{"no media", OpenAIChat, MediaNone, `{"model":"m"}`, Report{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, _ := meter(c.format, c.media, []byte(c.body))
			c.want.Final = got.Final // see TestFinalUsage
			if got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			for cut := range min(len(c.body), 600) {
				if got, _ := meter(c.format, c.media, []byte(c.body[:cut]), []byte(c.body[cut:])); got != c.want {
					t.Fatalf("cut at %d: got %+v, want %+v", cut, got, c.want)
				}
			}
		})
	}
}

// A payload longer than any buffer is still read for its usage: generated
// images travel in the very event that has it.
func TestMeterReadsHugeEvents(t *testing.T) {
	t.Parallel()
	image := strings.Repeat("QUJD", stream.MaxLine/3)
	for _, c := range []struct {
		name   string
		format Format
		event  string
		want   Report
	}{
		{
			"responses", OpenAIResponses, `{"type":"response.completed","response":{"model":"m","output":[{"result":"` + image + `"}],"usage":{"input_tokens":7,"output_tokens":3}}}`,
			Report{Model: "m", Counts: Counts{Input: 7, Output: 3}, Found: true, Complete: true},
		},
		{
			"gemini", Gemini, `{"candidates":[{"content":"` + image + `","finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":7}}`,
			Report{Counts: Counts{Input: 7}, Found: true, Complete: true},
		},
	} {
		body := []byte(events(c.event))
		if got, _ := meter(c.format, MediaSSE, body); got != c.want {
			t.Errorf("%s, whole: got %+v", c.name, got)
		}
		var pieces [][]byte
		for rest := body; len(rest) > 0; {
			n := min(32<<10, len(rest))
			pieces, rest = append(pieces, rest[:n]), rest[n:]
		}
		if got, _ := meter(c.format, MediaSSE, pieces...); got != c.want {
			t.Errorf("%s, in chunks: got %+v", c.name, got)
		}
	}
}

func TestMeterSignalsTheEndOnce(t *testing.T) {
	t.Parallel()
	var m Meter
	m.Reset(OpenAIChat, MediaSSE)
	for _, c := range []struct {
		chunk string
		end   bool
	}{
		{"data: {\"model\":\"m\"}\n\nda", false}, {"ta: [DO", false}, {"NE]\n", false}, {"\n", true}, {": bye\n\n", false},
	} {
		if got := m.Write([]byte(c.chunk)); got != c.end {
			t.Errorf("%q: end %v, want %v", c.chunk, got, c.end)
		}
	}
	m.Reset(OpenAIChat, MediaJSON)
	if m.Write([]byte(`{"model":"m"`)) || !m.Write([]byte(`} `)) || m.Write([]byte("\n")) {
		t.Error("the end of a document is not signalled with its last byte")
	}
	if got := m.Report(); !got.Complete || got.Model != "m" {
		t.Errorf("got %+v before Finish", got)
	}
}

// A meter remembers how harmless payloads begin. Whatever differs from that must
// still be found, in any place and spacing.
func TestMeterSearchesWhatDiffers(t *testing.T) {
	t.Parallel()
	const head = `{"id":"demo-0123456789-0123456789","model":"m","choices":[{"delta":{"content":"`
	calm := []string{head + `some words"}}]}`, head + `other"}}],"usage":null}`, head + `o{{:{ \"usage\":{"}}]}`}
	usage := Report{Model: "m", Counts: Counts{Input: 5}, Found: true}
	failed := Report{Model: "m", Failed: true}
	for _, c := range []struct {
		name, payload string
		want          Report
	}{
		{"at the end", head + `some"}}],"usage":{"prompt_tokens":5}}`, usage},
		{"spaced", head + "some\"}}],\"usage\" :\t{\"prompt_tokens\":5}}", usage},
		{"at the beginning", `{"usage":{"prompt_tokens":5},` + head[1:] + `some"}}]}`, usage},
		{"amid the beginning", `{"id":"demo-0123456789-0123456789","usage":{"prompt_tokens":5},"choices":[]}`, usage},
		{"just where they part", head + `"}}],"usage":{"prompt_tokens":5}}`, usage},
		{"short", `{"usage":{"prompt_tokens":5}}`, usage},
		{"error of any type", `{"error":"no","id":"demo-0123456789-0123456789-0123456789"}`, failed},
		{"spaced error", `{` + strings.Repeat(" ", 300) + `"error":"no"}`, failed},
		{"error at the end", head + `some"}}],"error":{"code":1}}`, failed},
		{"nothing", head + `"}}]}`, Report{Model: "m"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			blank := `{` + strings.Repeat(" ", 300) + `"x":"no"}`
			for _, before := range [][]string{calm, {calm[0], blank, blank}, {blank, calm[0], calm[1]}, {calm[0]}} {
				payloads := append(append([]string{}, before...), c.payload, calm[0])
				got, _ := meter(OpenAIChat, MediaSSE, []byte(events(payloads...)))
				c.want.Final = got.Final // see TestFinalUsage
				if got != c.want {
					t.Errorf("after %q: got %+v, want %+v", before, got, c.want)
				}
			}
		})
	}
}

func TestMeterExpectsNames(t *testing.T) { // not parallel: AllocsPerRun forbids it
	var m Meter
	body := []byte(`{"model":"demo-model","service_tier":"default","usage":{"prompt_tokens":5,"completion_tokens":2}}`)
	read := func() Report {
		m.Reset(OpenAIChat, MediaJSON)
		m.Write(body)
		return m.Finish()
	}
	m.Expect("demo-model")
	first := read()
	if n := testing.AllocsPerRun(20, func() { read() }); n != 0 {
		t.Errorf("%v allocations for a document like the one before, want none", n)
	}
	want := Report{Model: "demo-model", ServiceTier: "default", Counts: Counts{Input: 5, Output: 2}, Found: true, Complete: true}
	if got := read(); first != want || got != want {
		t.Errorf("got %+v, then %+v", first, got)
	}
	m.Expect(`a\u0062`) // stands for itself, unlike the same bytes in a body
	body = []byte(`{"model":"a\u0062"}`)
	if got := read(); got.Model != "ab" {
		t.Errorf("model is %q, want ab", got.Model)
	}
}
