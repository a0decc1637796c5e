// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmreplay

import (
	"strings"
	"testing"
)

const messageStart = `{"type":"message_start","message":{"id":"m1","type":"message","role":"assistant","model":"c","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":5,"output_tokens":1,"service_tier":"standard"}}}`

func TestWholeMessage(t *testing.T) {
	t.Parallel()
	stream := namedOf(t,
		messageStart,
		`{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}`,
		`{"type":"ping"}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Let "}}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"me"}}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2ln"}}`,
		`{"type":"content_block_stop","index":0}`,
		`{"type":"content_block_start","index":1,"content_block":{"type":"text","text":"","citations":[]}}`,
		`{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Zwölf \u00e4"}}`,
		`{"type":"content_block_delta","index":1,"delta":{"type":"citations_delta","citation":{"type":"char_location","cited_text":"x"}}}`,
		`{"type":"content_block_delta","index":1,"delta":{"type":"citations_delta","citation":{"type":"char_location","cited_text":"y"}}}`,
		`{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"pfel"}}`,
		`{"type":"content_block_stop","index":1}`,
		`{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"t1","name":"find","input":{},"caller":{"type":"direct"}}}`,
		`{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":""}}`,
		`{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"q\":\"caf"}}`,
		`{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"\\u00e9\",\"n\":1.50}"}}`,
		`{"type":"content_block_stop","index":2}`,
		`{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"t2","name":"now","input":{}}}`,
		`{"type":"content_block_stop","index":3}`,
		`{"type":"content_block_start","index":4,"content_block":{"type":"web_search_tool_result","tool_use_id":"t","content":[{"url":"u"}]}}`,
		`{"type":"content_block_stop","index":4}`,
		`{"type":"message_delta","delta":{"stop_reason":null},"usage":{"output_tokens":8}}`,
		`{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":5,"output_tokens":9,"server_tool_use":{"web_search_requests":1}},"context_management":{"applied_edits":[]}}`,
		`{"type":"message_stop"}`)
	sameJSON(t, wholeOf(t, messagesAPI, stream), `{"id":"m1","type":"message","role":"assistant","model":"c","content":[
		{"type":"thinking","thinking":"Let me","signature":"c2ln"},
		{"type":"text","text":"Zwölf äpfel","citations":[{"type":"char_location","cited_text":"x"},{"type":"char_location","cited_text":"y"}]},
		{"type":"tool_use","id":"t1","name":"find","input":{"q":"café","n":1.50},"caller":{"type":"direct"}},
		{"type":"tool_use","id":"t2","name":"now","input":{}},
		{"type":"web_search_tool_result","tool_use_id":"t","content":[{"url":"u"}]}],
		"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":5,"output_tokens":9,"service_tier":"standard","server_tool_use":{"web_search_requests":1}},"context_management":{"applied_edits":[]}}`)
}

func TestMessagesThatCannotBeWhole(t *testing.T) {
	t.Parallel()
	start := `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`
	stop := `{"type":"content_block_stop","index":0}`
	reason := `{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}`
	end := `{"type":"message_stop"}`
	row := func(name string, want Reason, payloads ...string) refusal {
		return refusal{name, messagesAPI, namedOf(t, payloads...), want}
	}
	checkRefusals(t, wholeError, []refusal{
		row("empty", Truncated),
		row("no stop", Truncated, messageStart, start, stop, reason),
		row("no stop reason", Truncated, messageStart, start, stop, end),
		row("open block", Truncated, messageStart, start, reason, end),
		row("no start", Malformed, start, stop, reason, end),
		row("two starts", Malformed, messageStart, messageStart, reason, end),
		row("an error", Failed, messageStart, `{"type":"error","error":{"type":"overloaded_error"}}`),
		row("an error at the end", Failed, messageStart, reason, end, `{"type":"error","error":{}}`),
		row("gap", Malformed, messageStart, strings.Replace(start, "0", "1", 1)),
		row("delta of a closed block", Malformed, messageStart, start, stop, `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}}`),
		row("delta without text", Malformed, messageStart, start, `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta"}}`),
		row("delta of an unknown kind", Unsupported, messageStart, start, `{"type":"content_block_delta","index":0,"delta":{"type":"new_delta"}}`),
		row("event of an unknown kind", Unsupported, messageStart, `{"type":"new_event"}`),
		row("input that is not JSON", Malformed, messageStart, start, `{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{"}}`, stop),
		row("after the stop", Malformed, messageStart, reason, end, start),
	})
}

func TestStreamMessage(t *testing.T) {
	t.Parallel()
	got := streamOf(t, messagesAPI, `{"id":"m1","type":"message","role":"assistant","model":"c","content":[
		{"type":"thinking","thinking":"Hm.","signature":"c2ln"},
		{"type":"text","text":"Two words, and then some more of them.","citations":null},
		{"type":"tool_use","id":"t","name":"f","input":{"a":"\"b\\"}}],
		"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":5,"output_tokens":9}}`, Options{})
	want := namedOf(t,
		`{"type":"message_start","message":{"id":"m1","type":"message","role":"assistant","model":"c","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":5,"output_tokens":1}}}`,
		`{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm."}}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2ln"}}`,
		`{"type":"content_block_stop","index":0}`,
		`{"type":"content_block_start","index":1,"content_block":{"type":"text","text":"","citations":null}}`,
		`{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Two words, and then some "}}`,
		`{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"more of them."}}`,
		`{"type":"content_block_stop","index":1}`,
		`{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}`,
		`{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":""}}`,
		`{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\":\"\\\"b\\\\\"}"}}`,
		`{"type":"content_block_stop","index":2}`,
		`{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":5,"output_tokens":9}}`,
		`{"type":"message_stop"}`)
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestMessagesThatCannotBeStreams(t *testing.T) {
	t.Parallel()
	checkRefusals(t, streamError, []refusal{
		{"an error", messagesAPI, `{"type":"error","error":{"type":"overloaded_error"}}`, Failed},
		{"no content", messagesAPI, `{"type":"message","stop_reason":"end_turn"}`, Malformed},
		{"content of text", messagesAPI, `{"type":"message","content":"x","stop_reason":"end_turn"}`, Malformed},
		{"content of texts", messagesAPI, `{"type":"message","content":["x"],"stop_reason":"end_turn"}`, Malformed},
		{"not stopped", messagesAPI, `{"type":"message","content":[],"stop_reason":null}`, Truncated},
		{"not JSON", messagesAPI, `{"type":"message"`, Malformed},
	})
}
