// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmreplay

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestWholeResponse(t *testing.T) {
	t.Parallel()
	item := `{"type":"message","id":"i1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Hi","annotations":[]}]}`
	with := func(output string) string {
		return `{"id":"r1","object":"response","status":"completed"` + output + `,"usage":{"total_tokens":3}}`
	}
	item2 := strings.Replace(item, "i1", "i2", 1)
	events := func(last string) string {
		return namedOf(t,
			`{"type":"response.created","sequence_number":0,"response":{"id":"r1","object":"response","status":"in_progress","output":[]}}`,
			`{"type":"response.output_item.added","output_index":1,"item":{}}`,
			`{"type":"response.output_item.added","output_index":0,"item":{}}`,
			`{"type":"response.output_text.delta","sequence_number":1,"delta":"Hi","obfuscation":"x"}`,
			`{"type":"response.output_item.done","output_index":1,"item":`+item2+`}`,
			`{"type":"response.output_item.done","output_index":0,"item":`+item+`}`,
			`{"type":"response.completed","sequence_number":2,"response":`+last+`}`)
	}
	full := with(`,"output":[` + item + `]`)
	sameJSON(t, wholeOf(t, responsesAPI, events(full)), full)
	both := with(`,"output":[` + item + `,` + item2 + `]`)
	sameJSON(t, wholeOf(t, responsesAPI, events(with(`,"output":[]`))), both)
	sameJSON(t, wholeOf(t, responsesAPI, events(with(``))+"data: [DONE]\n\n"), both)
}

func TestResponsesThatCannotBeWhole(t *testing.T) {
	t.Parallel()
	created := `{"type":"response.created","response":{"status":"in_progress"}}`
	done := `{"type":"response.completed","response":{"status":"completed"}}`
	row := func(name string, want Reason, payloads ...string) refusal {
		return refusal{name, responsesAPI, namedOf(t, payloads...), want}
	}
	checkRefusals(t, wholeError, []refusal{
		row("empty", Truncated),
		row("no end", Truncated, created),
		row("item that is not done", Truncated, created, `{"type":"response.output_item.added"}`, done),
		row("not complete", Truncated, `{"type":"response.completed","response":{"status":"in_progress"}}`),
		row("pieces only", Unsupported, created, `{"type":"response.output_text.delta","delta":"x"}`, done),
		row("failed", Failed, created, `{"type":"response.failed","response":{"status":"failed"}}`),
		row("an error", Failed, created, `{"type":"error","message":"no"}`),
		row("an error within", Failed, `{"type":"response.completed","response":{"error":{"code":"x"}}}`),
		row("after the end", Malformed, done, created),
		row("no response", Malformed, `{"type":"response.completed"}`),
		row("item without a place", Malformed, `{"type":"response.output_item.done","item":{}}`),
	})
}

// responseSample has an item of each kind that comes in pieces.
const responseSample = `{"id":"r1","object":"response","created_at":7,"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"error":null,"model":"g","output":[
	{"type":"reasoning","id":"i0","encrypted_content":"e","summary":[{"type":"summary_text","text":"I thought."},{"type":"summary_text","text":""}],"content":[{"type":"reasoning_text","text":"Längeres Nachdenken über die Frage, bis zum Ende."}]},
	{"type":"web_search_call","id":"i1","status":"completed","action":{"type":"search","query":"q"}},
	{"type":"message","id":"i2","role":"assistant","status":"completed","content":[
		{"type":"output_text","text":"Twelve 漢字 and a good many other words, see \"there\".","annotations":[{"type":"url_citation","url":"u"}],"logprobs":[{"token":"T","logprob":-1.50},{"token":"w","logprob":-2},{"token":"e","logprob":-3}]},
		{"type":"refusal","refusal":"But no more."}]},
	{"type":"function_call","id":"i3","call_id":"c","name":"f","arguments":"{\"a\":\"long enough to be cut into pieces\"}","status":"completed"},
	{"type":"custom_tool_call","id":"i4","call_id":"c","name":"g","input":"print(1)"},
	{"type":"code_interpreter_call","id":"i5","status":"completed","code":"x = 1\n","container_id":"k","outputs":null},
	{"type":"mcp_call","id":"i6","name":"h","server_label":"s","arguments":"{}","output":"o"},
	{"type":"file_search_call","id":"i7","status":"completed","queries":["q"],"results":null},
	{"type":"image_generation_call","id":"i8","status":"completed","result":"QQ=="},
	{"type":"a_new_kind","x":1}
],"usage":{"input_tokens":1,"output_tokens":2,"total_tokens":3},"metadata":{}}`

// The deltas and the events that end them say the same, and the numbers count.
func TestStreamResponse(t *testing.T) {
	t.Parallel()
	stream := streamOf(t, responsesAPI, responseSample, Options{})
	texts, done, kinds := map[string]string{}, map[string]string{}, []string{}
	for i, p := range payloadsOf(t, stream) {
		var e struct {
			Type                                  string
			SequenceNumber                        int    `json:"sequence_number"`
			ItemID                                string `json:"item_id"`
			OutputIndex                           int    `json:"output_index"`
			ContentIndex                          *int   `json:"content_index"`
			SummaryIndex                          *int   `json:"summary_index"`
			Delta                                 string
			Logprobs                              json.RawMessage `json:"logprobs"`
			Text, Refusal, Arguments, Input, Code *string
			Name                                  *string
		}
		if err := json.Unmarshal([]byte(p), &e); err != nil || e.SequenceNumber != i {
			t.Fatalf("event %d: %s: %v", i, p, err)
		}
		where := fmt.Sprint(e.ItemID, " ", e.OutputIndex, e.ContentIndex != nil, e.SummaryIndex != nil)
		if e.ContentIndex != nil {
			where += fmt.Sprint(*e.ContentIndex)
		}
		if e.SummaryIndex != nil {
			where += fmt.Sprint(*e.SummaryIndex)
		}
		kind, delta := strings.CutSuffix(e.Type, ".delta")
		if delta {
			texts[kind+" "+where] += e.Delta
		}
		if strings.HasSuffix(kind, ".output_text") && len(e.Logprobs) == 0 {
			t.Errorf("%s: no log probabilities", p)
		}
		if (e.Name != nil && *e.Name == "f") != (e.Type == "response.function_call_arguments.done") {
			t.Errorf("the name of what is called is not where clients look for it: %s", p)
		}
		for _, text := range []*string{e.Text, e.Refusal, e.Arguments, e.Input, e.Code} {
			if text != nil && *text != "" {
				done[strings.TrimSuffix(e.Type, ".done")+" "+where] = *text
			}
		}
		if len(kinds) == 0 || kinds[len(kinds)-1] != e.Type {
			kinds = append(kinds, e.Type)
		}
	}
	if fmt.Sprint(texts) != fmt.Sprint(done) || len(texts) != 8 {
		t.Errorf("the deltas say\n%q\nand the ends\n%q", texts, done)
	}
	if first, last := kinds[0], kinds[len(kinds)-1]; first != "response.created" || last != "response.incomplete" {
		t.Errorf("from %s to %s", first, last)
	}
	want := "response.output_item.added response.content_part.added response.output_text.delta response.output_text.done " +
		"response.output_text.annotation.added response.content_part.done response.content_part.added response.refusal.delta " +
		"response.refusal.done response.content_part.done response.output_item.done"
	if !strings.Contains(strings.Join(kinds, " "), want) {
		t.Errorf("the events are %s", kinds)
	}
	if strings.Count(stream, `"logprob":-2`) != 5 { // a delta, and what repeats the part
		t.Errorf("log probabilities are told %d times", strings.Count(stream, `"logprob":-2`))
	}
}

func TestResponsesThatCannotBeStreams(t *testing.T) {
	t.Parallel()
	with := func(item string) string { return `{"status":"completed","output":[` + item + `]}` }
	checkRefusals(t, streamError, []refusal{
		{"failed", responsesAPI, `{"status":"failed","output":[]}`, Failed},
		{"an error", responsesAPI, `{"error":{"message":"no"}}`, Failed},
		{"in the background", responsesAPI, `{"status":"queued","output":[]}`, Truncated},
		{"no output", responsesAPI, `{"status":"completed"}`, Malformed},
		{"item of text", responsesAPI, with(`"x"`), Malformed},
		{"content of text", responsesAPI, with(`{"type":"message","content":"x"}`), Malformed},
		{"part without text", responsesAPI, with(`{"type":"message","content":[{"type":"output_text"}]}`), Malformed},
		{"unknown part", responsesAPI, with(`{"type":"message","content":[{"type":"output_audio"}]}`), Unsupported},
		{"long id", responsesAPI, with(`{"type":"message","id":"` + strings.Repeat("x", maxHead) + `","content":[]}`), Unsupported},
	})
}
