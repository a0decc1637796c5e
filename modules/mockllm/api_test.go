// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package mockllm

import (
	"slices"
	"strings"
	"testing"
)

// apis are the APIs that generate text, each with the same conversation: 3
// words of the system and 4 of the user. The placeholder $ takes more members.
var apis = []struct {
	name, path, body string
	// Where JSON answers and events hold what.
	text, delta, prompt, completion, streamUsage string
	stop, stopLimit                              string // at the end of JSON answers
	limit                                        string // a member that limits the answer to 5 tokens
}{
	{
		name: "openai chat", path: "/llm/x/v1/chat/completions",
		body: `{"model":"m-1","messages":[{"role":"system","content":"Answer in short."},{"role":"user","content":[{"type":"text","text":"What is a tollgate?"}]}],"stream_options":{"include_usage":true}$}`,
		text: "choices.0.message.content", delta: "choices.0.delta.content",
		prompt: "usage.prompt_tokens", completion: "usage.completion_tokens",
		stop: "choices.0.finish_reason=stop", stopLimit: "choices.0.finish_reason=length", limit: `,"max_tokens":5`,
	},
	{
		name: "openai responses", path: "/v1/responses",
		body: `{"model":"m-1","instructions":"Answer in short.","input":[{"role":"user","content":[{"type":"input_text","text":"What is a tollgate?"}]}]$}`,
		text: "output.0.content.0.text", delta: "delta",
		prompt: "usage.input_tokens", completion: "usage.output_tokens", streamUsage: "response.",
		stop: "status=completed", stopLimit: "incomplete_details.reason=max_output_tokens", limit: `,"max_output_tokens":5`,
	},
	{
		name: "anthropic messages", path: "/anthropic/v1/messages",
		body: `{"model":"m-1","max_tokens":1000,"system":[{"type":"text","text":"Answer in short."}],"messages":[{"role":"user","content":"What is a tollgate?"}]$}`,
		text: "content.0.text", delta: "delta.text",
		prompt: "usage.input_tokens", completion: "usage.output_tokens",
		stop: "stop_reason=end_turn", stopLimit: "stop_reason=max_tokens", limit: `,"max_tokens":5`,
	},
	{
		name: "ollama chat", path: "/api/chat",
		body: `{"model":"m-1","messages":[{"role":"system","content":"Answer in short."},{"role":"user","content":"What is a tollgate?"}]$}`,
		text: "message.content", delta: "message.content",
		prompt: "prompt_eval_count", completion: "eval_count",
		stop: "done_reason=stop", stopLimit: "done_reason=length", limit: `,"options":{"num_predict":5}`,
	},
	{
		name: "ollama generate", path: "/api/generate",
		body: `{"model":"m-1","system":"Answer in short.","prompt":"What is a tollgate?"$}`,
		text: "response", delta: "response",
		prompt: "prompt_eval_count", completion: "eval_count",
		stop: "done_reason=stop", stopLimit: "done_reason=length", limit: `,"options":{"num_predict":5}`,
	},
}

const (
	promptWords = 7
	wantText    = "You said: What is a tollgate? You said: What is a tollgate?"
)

func holds(doc any, condition string) bool {
	path, want, _ := strings.Cut(condition, "=")
	return text(at(doc, path)) == want
}

func TestJSONAnswers(t *testing.T) {
	t.Parallel()
	srv := mock(t, "")
	for _, api := range apis {
		t.Run(api.name, func(t *testing.T) {
			t.Parallel()
			a := post(t, srv, api.path, strings.Replace(api.body, "$", `,"stream":false`, 1)).ok(t)
			doc := a.document(t)
			if got := text(at(doc, api.text)); got != wantText {
				t.Errorf("text %q, want %q", got, wantText)
			}
			if p, c := number(at(doc, api.prompt)), number(at(doc, api.completion)); p != promptWords || c != len(strings.Fields(wantText)) {
				t.Errorf("usage %d and %d, want %d and %d", p, c, promptWords, len(strings.Fields(wantText)))
			}
			if !holds(doc, api.stop) || !holds(doc, "model=m-1") {
				t.Errorf("want %s and model=m-1: %s", api.stop, a.body)
			}
			if ct := a.header.Get("Content-Type"); ct != "application/json" {
				t.Errorf("Content-Type %q", ct)
			}
		})
	}
}

func TestStreams(t *testing.T) {
	t.Parallel()
	srv := mock(t, "words 9")
	for _, api := range apis {
		t.Run(api.name, func(t *testing.T) {
			t.Parallel()
			a := post(t, srv, api.path, strings.Replace(api.body, "$", `,"stream":true`, 1)).ok(t)
			events := a.events(t)
			got := joined(events, api.delta)
			if want := "You said: What is a tollgate? You said: What"; got != want {
				t.Errorf("text %q, want %q", got, want)
			}
			last := events[len(events)-1]
			for _, e := range slices.Backward(events) {
				if at(e.data, api.streamUsage+api.completion) != nil {
					last = e
					break
				}
			}
			if p, c := number(at(last.data, api.streamUsage+api.prompt)), number(at(last.data, api.streamUsage+api.completion)); p != promptWords || c != len(strings.Fields(got)) {
				t.Errorf("usage %d and %d, want %d and %d", p, c, promptWords, len(strings.Fields(got)))
			}
		})
	}
}

func TestRequestLimitsTheAnswer(t *testing.T) {
	t.Parallel()
	srv := mock(t, "")
	for _, api := range apis {
		t.Run(api.name, func(t *testing.T) {
			t.Parallel()
			a := post(t, srv, api.path, strings.Replace(api.body, "$", `,"stream":false`+api.limit, 1)).ok(t)
			doc := a.document(t)
			if got := text(at(doc, api.text)); len(strings.Fields(got)) != 5 {
				t.Errorf("text %q, want 5 words", got)
			}
			if c := number(at(doc, api.completion)); c != 5 {
				t.Errorf("completion tokens %d, want 5", c)
			}
			if !holds(doc, api.stopLimit) {
				t.Errorf("want %s: %s", api.stopLimit, a.body)
			}
		})
	}
}

func TestOllamaStreamsByDefault(t *testing.T) {
	t.Parallel()
	a := post(t, mock(t, "words 3"), "/api/generate", `{"model":"m","prompt":"hi"}`).ok(t)
	events := a.events(t)
	if len(events) != 4 || at(events[3].data, "done") != true || at(events[2].data, "done") != false {
		t.Errorf("want three lines and a last one: %s", a.body)
	}
	if at(events[0].data, "eval_count") != nil {
		t.Errorf("the first line has counts: %s", events[0].raw)
	}
}

func TestChatStreamUsageOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	srv := mock(t, "")
	const body = `{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]`
	without := post(t, srv, "/v1/chat/completions", body+"}").ok(t)
	if strings.Contains(without.body, `"usage"`) {
		t.Errorf("usage though not asked for: %s", without.body)
	}
	with := post(t, srv, "/v1/chat/completions", body+`,"stream_options":{"include_usage":true}}`).ok(t).events(t)
	usage, done := with[len(with)-2], with[len(with)-1]
	if choices, ok := at(usage.data, "choices").([]any); !ok || len(choices) != 0 || done.raw != "[DONE]" {
		t.Errorf("want a usage chunk without choices, then [DONE]: %s, %s", usage.raw, done.raw)
	}
	for _, e := range with[:len(with)-2] {
		if !strings.Contains(e.raw, `"usage":null`) {
			t.Errorf("want the usage to be null before its chunk: %s", e.raw)
		}
	}
	if with[len(with)-3].data == nil || !holds(with[len(with)-3].data, "choices.0.finish_reason=stop") {
		t.Errorf("want the finish reason before the usage: %s", with[len(with)-3].raw)
	}
}

func TestEventSequences(t *testing.T) {
	t.Parallel()
	srv := mock(t, "words 2")
	rows := []struct {
		name, path, body string
		want             []string
	}{
		{"anthropic", "/v1/messages", `{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}`, []string{
			"message_start", "content_block_start", "ping", "content_block_delta", "content_block_delta", "content_block_stop", "message_delta", "message_stop",
		}},
		{"responses", "/v1/responses", `{"model":"m","stream":true,"input":"hi"}`, []string{
			"response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
			"response.output_text.delta", "response.output_text.delta", "response.output_text.done",
			"response.content_part.done", "response.output_item.done", "response.completed",
		}},
		{"responses cut off", "/v1/responses", `{"model":"m","stream":true,"input":"hi","max_output_tokens":1}`, []string{
			"response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
			"response.output_text.delta", "response.output_text.done",
			"response.content_part.done", "response.output_item.done", "response.incomplete",
		}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, e := range post(t, srv, row.path, row.body).ok(t).events(t) {
				got = append(got, e.name)
				if e.name != text(at(e.data, "type")) {
					t.Errorf("event %s has the type %v", e.name, at(e.data, "type"))
				}
			}
			if !slices.Equal(got, row.want) {
				t.Errorf("events\n got %v\nwant %v", got, row.want)
			}
		})
	}
}

func TestOtherEndpoints(t *testing.T) {
	t.Parallel()
	srv := mock(t, "model served")
	rows := []struct {
		name, method, path, body, header string
		want                             []string
	}{
		{"count tokens", "POST", "/v1/messages/count_tokens", `{"model":"m","system":"be kind","messages":[{"role":"user","content":"a b c"}]}`, "", []string{`"input_tokens":5`}},
		{"embedding of a text", "POST", "/v1/embeddings", `{"model":"m","input":"one two three"}`, "", []string{`"prompt_tokens":3`, `"total_tokens":3`, `"object":"embedding"`, `"model":"served"`}},
		{"embedding of texts", "POST", "/v1/embeddings", `{"model":"m","input":["one","two three"]}`, "", []string{`"prompt_tokens":3`, `"index":1`}},
		{"embedding of numbers", "POST", "/v1/embeddings", `{"model":"m","input":[5,6,7,8]}`, "", []string{`"prompt_tokens":4`}},
		{"embedding of lists", "POST", "/v1/embeddings", `{"model":"m","input":[[5,6],[7]]}`, "", []string{`"prompt_tokens":3`, `"index":1`}},
		{"embedding in base64", "POST", "/v1/embeddings", `{"model":"m","input":"x","dimensions":1,"encoding_format":"base64"}`, "", []string{`"embedding":"AACA`}},
		{"ollama embedding", "POST", "/api/embed", `{"model":"m","input":["a b","c"]}`, "", []string{`"prompt_eval_count":3`, `"embeddings":[[`}},
		{"ollama tags", "GET", "/api/tags", "", "", []string{`"name":"served"`}},
		{"ollama version", "GET", "/api/version", "", "", []string{`"version":"0.0.0-mock"`}},
		{"openai models", "GET", "/v1/models", "", "", []string{`"object":"list"`, `"id":"served"`}},
		{"anthropic models", "GET", "/v1/models", "", "2023-06-01", []string{`"type":"model"`, `"first_id":"served"`}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a := do(t, srv, row.method, row.path, row.body, "Anthropic-Version", row.header).ok(t)
			for _, want := range row.want {
				if !strings.Contains(a.body, want) {
					t.Errorf("want %s in %s", want, a.body)
				}
			}
		})
	}
}

func TestEmbeddingsDependOnTheTextAlone(t *testing.T) {
	t.Parallel()
	same, other := vector("a b", 8), vector("a c", 8)
	if !slices.Equal(same, vector("a b", 8)) || slices.Equal(same, other) {
		t.Errorf("vectors %v and %v", same, other)
	}
	sum := 0.0
	for _, f := range same {
		sum += float64(f) * float64(f)
	}
	if sum < 0.999 || sum > 1.001 {
		t.Errorf("the square of the length is %v, want 1", sum)
	}
}
