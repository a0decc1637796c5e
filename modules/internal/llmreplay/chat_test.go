// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmreplay

import (
	"strings"
	"testing"
)

func TestWholeChat(t *testing.T) {
	t.Parallel()
	chunk := func(choices string) string {
		return `{"id":"c1","object":"chat.completion.chunk","created":7,"model":"m","system_fingerprint":"fp","choices":[` + choices + `],"usage":null,"obfuscation":"xyz"}`
	}
	for _, c := range []struct{ name, stream, want string }{
		{
			"text with usage",
			": keep-alive\n\n" + sseOf(
				chunk(`{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}`),
				chunk(`{"index":0,"delta":{"content":"Grü"},"logprobs":null,"finish_reason":null}`),
				chunk(`{"index":0,"delta":{"content":"ße \ud83d"},"logprobs":null,"finish_reason":null}`),
				chunk(`{"index":0,"delta":{"content":"\ude00\n\"x\""},"logprobs":null,"finish_reason":null}`),
				chunk(`{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}`),
				`{"id":"c1","object":"chat.completion.chunk","created":7,"model":"m","choices":[],"usage":{"prompt_tokens":3,"total_tokens":12345678901234567890}}`, `[DONE]`),
			`{"id":"c1","object":"chat.completion","created":7,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"message":{"role":"assistant","content":"Grüße 😀\n\"x\"","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"total_tokens":12345678901234567890}}`,
		},
		{
			"calls of tools",
			sseOf(
				chunk(`{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"find","arguments":""}}]},"finish_reason":null}`),
				chunk(`{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"q\":"}}]},"finish_reason":null}`),
				chunk(`{"index":0,"delta":{"tool_calls":[{"index":1,"id":"b","type":"function","function":{"name":"get","arguments":"{}"}},{"index":0,"function":{"arguments":"\"x\"}"}}]},"finish_reason":null}`),
				chunk(`{"index":0,"delta":{},"finish_reason":"tool_calls"}`), `[DONE]`),
			`{"id":"c1","object":"chat.completion","created":7,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"find","arguments":"{\"q\":\"x\"}"}},{"id":"b","type":"function","function":{"name":"get","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}`,
		},
		{
			"calls without an index",
			sseOf(
				chunk(`{"index":0,"delta":{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}}`),
				chunk(`{"index":0,"delta":{"tool_calls":[{"id":"b","type":"function","function":{"name":"f","arguments":"{}"},"extra_content":{"x":1}}]},"finish_reason":"tool_calls"}`), `[DONE]`),
			`{"id":"c1","object":"chat.completion","created":7,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"b","type":"function","function":{"name":"f","arguments":"{}"},"extra_content":{"x":1}}]},"finish_reason":"tool_calls"}]}`,
		},
		{
			"several choices, reasoning, log probabilities, unknown members",
			sseOf(
				`{"id":"c1","object":"","choices":[],"prompt_filter_results":[{"x":1}]}`,
				chunk(`{"index":1,"delta":{"role":"assistant","reasoning_content":"hm","content":null,"mood":"calm"},"finish_reason":null}`),
				chunk(`{"index":0,"delta":{"role":"assistant","content":"a"},"logprobs":{"content":[{"token":"a","logprob":-0.10}],"refusal":null},"finish_reason":null}`),
				chunk(`{"index":1,"delta":{"reasoning_content":"m.","mood":"calm"},"finish_reason":null},{"index":0,"delta":{"content":"b"},"logprobs":{"content":[{"token":"b","logprob":-1e-5}],"refusal":null},"finish_reason":"length"}`),
				chunk(`{"index":1,"delta":{"refusal":"No."},"finish_reason":"content_filter","content_filter_results":{"hate":{"filtered":false}}}`), `[DONE]`),
			`{"id":"c1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"ab"},"logprobs":{"content":[{"token":"a","logprob":-0.10},{"token":"b","logprob":-1e-5}],"refusal":null},"finish_reason":"length"},{"index":1,"message":{"role":"assistant","reasoning_content":"hmm.","content":null,"mood":"calm","refusal":"No."},"finish_reason":"content_filter","content_filter_results":{"hate":{"filtered":false}}}],"prompt_filter_results":[{"x":1}],"created":7,"model":"m","system_fingerprint":"fp"}`,
		},
		{
			"a function, notes and details of reasoning",
			sseOf(
				chunk(`{"index":0,"delta":{"role":"assistant","function_call":{"name":"f","arguments":""},"annotations":[{"a":1}],"reasoning_details":[{"type":"reasoning.text","index":0,"text":"so"}]}}`),
				chunk(`{"index":0,"delta":{"function_call":{"arguments":"{}"},"annotations":[{"a":2}],"reasoning_details":[{"type":"reasoning.text","index":0,"text":" be it","signature":"s"}]},"finish_reason":"function_call"}`), `[DONE]`),
			`{"id":"c1","object":"chat.completion","created":7,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"message":{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"},"annotations":[{"a":1},{"a":2}],"reasoning_details":[{"type":"reasoning.text","index":0,"text":"so be it","signature":"s"}]},"finish_reason":"function_call"}]}`,
		},
		{
			"several data lines again and again",
			"data: {\"id\":\"c1\",\ndata: \"choices\":[{\"index\":0,\"delta\":{\"content\":\"first\"}}]}\n\n" +
				"data: {\"xx\":\"yy\",\ndata: \"choices\":[{\"index\":0,\"delta\":{\"content\":\", then\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
			`{"id":"c1","xx":"yy","choices":[{"index":0,"message":{"role":"assistant","content":"first, then"},"finish_reason":"stop"}]}`,
		},
		{
			"CRLF, several data lines, no empty line at the end",
			"data: {\"id\":\"c1\",\"choices\":\r\ndata: [{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"x\"},\"finish_reason\":\"stop\"}]}\r\n\r\ndata: [DONE]\r\n",
			`{"id":"c1","choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}]}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			sameJSON(t, wholeOf(t, chatAPI, c.stream), c.want)
		})
	}
}

func TestWholeCompletion(t *testing.T) {
	t.Parallel()
	got := wholeOf(t, completionAPI, sseOf(
		`{"id":"c","object":"text_completion","choices":[{"text":"a ","index":0,"logprobs":{"tokens":["a"," "],"text_offset":[0,1]},"finish_reason":null}]}`,
		`{"id":"c","object":"text_completion","choices":[{"text":"b","index":0,"logprobs":{"tokens":["b"],"text_offset":[2]},"finish_reason":"stop"}]}`,
		`{"id":"c","object":"text_completion","choices":[],"usage":{"total_tokens":3}}`, `[DONE]`))
	sameJSON(t, got, `{"id":"c","object":"text_completion","choices":[{"text":"a b","index":0,"logprobs":{"tokens":["a"," ","b"],"text_offset":[0,1,2]},"finish_reason":"stop"}],"usage":{"total_tokens":3}}`)
}

func TestChatsThatCannotBeWhole(t *testing.T) {
	t.Parallel()
	end := `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`
	delta := func(members string) string {
		return sseOf(`{"choices":[{"index":0,"delta":{`+members+`}}]}`, `{"choices":[{"index":0,"delta":{"x":"b","content":"b"}}]}`, end, `[DONE]`)
	}
	checkRefusals(t, wholeError, []refusal{
		{"empty", chatAPI, "", Truncated},
		{"no end mark", chatAPI, sseOf(end), Truncated},
		{"no line end", chatAPI, strings.TrimSpace(sseOf(end, `[DONE]`)), Truncated},
		{"no finish reason", chatAPI, sseOf(`{"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}]}`, `[DONE]`), Truncated},
		{"no choice", chatAPI, sseOf(`{"choices":[]}`, `[DONE]`), Truncated},
		{"an error", chatAPI, sseOf(`{"error":{"message":"overloaded"}}`, `[DONE]`), Failed},
		{"not JSON", chatAPI, sseOf(`{"choices":[`, `[DONE]`), Malformed},
		{"after the end mark", chatAPI, sseOf(end, `[DONE]`, end), Malformed},
		{"CR alone", chatAPI, "data: {}\r\rdata: [DONE]\r\n", Malformed},
		{"index of text", chatAPI, sseOf(`{"choices":[{"index":"0","delta":{}}]}`, `[DONE]`), Malformed},
		{"choices of text", chatAPI, sseOf(`{"choices":"x"}`, `[DONE]`), Malformed},
		{"audio", chatAPI, delta(`"audio":{"id":"a","data":"QQ=="}`), Unsupported},
		{"content of parts", chatAPI, delta(`"content":[{"type":"thinking"}]`), Unsupported},
		{"unknown text in pieces", chatAPI, delta(`"x":"a"`), Unsupported},
		{"repeated name", chatAPI, sseOf(`{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f"}}]}}]}`, `{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f"}}]}}]}`, end, `[DONE]`), Unsupported},
		{"call without identity", chatAPI, delta(`"tool_calls":[{"function":{"name":"f"}}]`), Unsupported},
		{"whole message", chatAPI, sseOf(`{"choices":[{"index":0,"message":{}}]}`, `[DONE]`), Unsupported},
		{"delta of a completion", completionAPI, sseOf(`{"choices":[{"index":0,"delta":{}}]}`, `[DONE]`), Unsupported},
	})
}

func TestStreamChat(t *testing.T) {
	t.Parallel()
	whole := `{"id":"c1","object":"chat.completion","created":7,"model":"m","x":1,"choices":[{"index":0,"message":{"role":"assistant","content":"Two words, and then some more of them."},"finish_reason":"stop"}],"usage":{"total_tokens":3}}`
	head := `{"id":"c1","object":"chat.completion.chunk","created":7,"model":"m","choices":[`
	want := []string{
		head + `{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"x":1,"usage":null}`,
		head + `{"index":0,"delta":{"content":"Two words, and then some "},"finish_reason":null}],"usage":null}`,
		head + `{"index":0,"delta":{"content":"more of them."},"finish_reason":null}],"usage":null}`,
		head + `{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}`,
		head + `],"usage":{"total_tokens":3}}`,
		`[DONE]`,
	}
	if got := streamOf(t, chatAPI, whole, Options{IncludeUsage: true}); got != sseOf(want...) {
		t.Errorf("with usage: got\n%swant\n%s", got, sseOf(want...))
	}
	for i, w := range want {
		want[i] = strings.Replace(w, `,"usage":null`, "", 1)
	}
	want = append(want[:4], want[5])
	if got := streamOf(t, chatAPI, whole, Options{}); got != sseOf(want...) {
		t.Errorf("without usage: got\n%swant\n%s", got, sseOf(want...))
	}
}

func TestChatsThatCannotBeStreams(t *testing.T) {
	t.Parallel()
	with := func(members string) string {
		return `{"id":"c","choices":[{"index":0,"finish_reason":"stop",` + members + `}]}`
	}
	checkRefusals(t, streamError, []refusal{
		{"an error", chatAPI, `{"error":{"message":"no"}}`, Failed},
		{"not JSON", chatAPI, `{"choices":[`, Malformed},
		{"array", chatAPI, `[]`, Malformed},
		{"no choices", chatAPI, `{"id":"c"}`, Malformed},
		{"no message", chatAPI, with(`"x":1`), Malformed},
		{"not finished", chatAPI, `{"choices":[{"index":0,"message":{"content":"x"}}]}`, Truncated},
		{"audio", chatAPI, with(`"message":{"content":null,"audio":{"data":"QQ=="}}`), Unsupported},
		{"content of parts", chatAPI, with(`"message":{"content":[]}`), Unsupported},
		{"arguments of another type", chatAPI, with(`"message":{"tool_calls":[{"function":{"name":"f","arguments":{}}}]}`), Unsupported},
		{"long head", chatAPI, `{"id":"` + strings.Repeat("x", maxHead) + `","choices":[]}`, Unsupported},
		{"message of a completion", completionAPI, with(`"text":1`), Unsupported},
	})
}
