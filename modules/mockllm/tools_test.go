// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package mockllm

import (
	"strings"
	"testing"
)

const parameters = `{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"},"unit":{"enum":["celsius","kelvin"]},"note":{"type":"string"}},"required":["city","days","unit"]}`

// wantArguments follow the parameters and the user's last word. They hold no
// space, so that they are one token, and the name is another.
const (
	wantArguments = `{"city":"Paris","days":1,"unit":"celsius"}`
	callTokens    = 2
)

func TestToolCalls(t *testing.T) {
	t.Parallel()
	srv := mock(t, "")
	functions := `[{"type":"function","function":{"name":"get_weather","parameters":` + parameters + `}}]`
	flat := `[{"type":"function","name":"get_weather","parameters":` + parameters + `}]`
	anthropic := `[{"name":"get_weather","input_schema":` + parameters + `}]`
	user := `"messages":[{"role":"user","content":"Use the tool: weather in Paris?"}]`
	rows := []struct {
		name, path, body, end string
		// Where the answer or its events hold name, arguments and usage.
		call, arguments, usage string
	}{
		{
			"chat", "/v1/chat/completions", `{"model":"m",` + user + `,"tools":` + functions + `}`, "choices.0.finish_reason=tool_calls",
			"choices.0.message.tool_calls.0.function.name", "choices.0.message.tool_calls.0.function.arguments", "usage.completion_tokens",
		},
		{
			"chat stream", "/v1/chat/completions", `{"model":"m","stream":true,"stream_options":{"include_usage":true},` + user + `,"tools":` + functions + `}`, "choices.0.finish_reason=tool_calls",
			"choices.0.delta.tool_calls.0.function.name", "choices.0.delta.tool_calls.0.function.arguments", "usage.completion_tokens",
		},
		{
			"responses", "/v1/responses", `{"model":"m","input":"Use the tool: weather in Paris?","tools":` + flat + `}`, "output.0.type=function_call",
			"output.0.name", "output.0.arguments", "usage.output_tokens",
		},
		{
			"responses stream", "/v1/responses", `{"model":"m","stream":true,"input":"Use the tool: weather in Paris?","tools":` + flat + `}`, "type=response.completed",
			"name", "delta", "response.usage.output_tokens",
		},
		{
			"messages", "/v1/messages", `{"model":"m","max_tokens":99,` + user + `,"tools":` + anthropic + `}`, "stop_reason=tool_use",
			"content.0.name", "content.0.input", "usage.output_tokens",
		},
		{
			"messages stream", "/v1/messages", `{"model":"m","stream":true,"max_tokens":99,` + user + `,"tools":` + anthropic + `}`, "delta.stop_reason=tool_use",
			"content_block.name", "delta.partial_json", "usage.output_tokens",
		},
		{
			"ollama chat", "/api/chat", `{"model":"m","stream":false,` + user + `,"tools":` + functions + `}`, "done_reason=stop",
			"message.tool_calls.0.function.name", "message.tool_calls.0.function.arguments", "eval_count",
		},
		{
			"ollama chat stream", "/api/chat", `{"model":"m",` + user + `,"tools":` + functions + `}`, "done_reason=stop",
			"message.tool_calls.0.function.name", "message.tool_calls.0.function.arguments", "eval_count",
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a := post(t, srv, row.path, row.body).ok(t)
			events := []event{{}}
			if strings.Contains(row.name, "stream") {
				events = a.events(t)
			} else {
				events[0].data = a.document(t)
			}
			if got := joined(events, row.call); got != "get_weather" {
				t.Errorf("name %q: %s", got, a.body)
			}
			if got := joined(events, row.arguments); got != "" && got != wantArguments {
				t.Errorf("arguments %s, want %s", got, wantArguments)
			} else if got == "" && !strings.Contains(a.body, wantArguments) {
				t.Errorf("want the object %s in %s", wantArguments, a.body)
			}
			usage, ended := 0, false
			for _, e := range events {
				if n := number(at(e.data, row.usage)); n > 0 {
					usage = n
				}
				ended = ended || holds(e.data, row.end)
			}
			if usage != callTokens || !ended {
				t.Errorf("usage %d, want %d; ended with %s: %t", usage, callTokens, row.end, ended)
			}
		})
	}
}

func TestToolChoice(t *testing.T) {
	t.Parallel()
	srv := mock(t, "")
	const tools = `"tools":[{"type":"function","function":{"name":"first"}},{"type":"function","function":{"name":"second_one"}}]`
	const toolResult = `{"role":"assistant","tool_calls":[{"id":"call_1"}]},{"role":"tool","tool_call_id":"call_1","content":"it rains"}`
	user := func(s string) string { return `{"role":"user","content":"` + s + `"}` }
	rows := []struct{ name, messages, choice, want string }{
		{"no reason to call", user("hello"), ``, ""},
		{"the word tool", user("please use a tool"), ``, "first"},
		{"a word that contains tool", user("the toolbox"), ``, ""},
		{"a tool's name", user("call Second_One now"), ``, "second_one"},
		{"forced", user("hello"), `,"tool_choice":"required"`, "first"},
		{"forced by name", user("hello"), `,"tool_choice":{"type":"function","function":{"name":"second_one"}}`, "second_one"},
		{"forced as Anthropic does", user("hello"), `,"tool_choice":{"type":"any"}`, "first"},
		{"forbidden", user("use a tool"), `,"tool_choice":"none"`, ""},
		{"automatic", user("use a tool"), `,"tool_choice":"auto"`, "first"},
		{"result is there", user("use a tool") + "," + toolResult, ``, ""},
		{"asked again after a result", toolResult + "," + user("use a tool"), ``, "first"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a := post(t, srv, "/chat/completions", `{"model":"m","messages":[`+row.messages+`],`+tools+row.choice+`}`).ok(t)
			if got := text(at(a.document(t), "choices.0.message.tool_calls.0.function.name")); got != row.want {
				t.Errorf("called %q, want %q", got, row.want)
			}
		})
	}
	a := post(t, srv, "/chat/completions", `{"model":"m","messages":[`+user("x")+`],`+tools+`,"tool_choice":{"type":"function","name":"third"}}`)
	if a.status != 400 || !strings.Contains(a.body, `no tool is named \"third\"`) {
		t.Errorf("unknown tool: %d %s", a.status, a.body)
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	rows := []struct{ name, schema, said, want string }{
		{"no schema", ``, "x", `{}`},
		{"not a schema", `[]`, "x", `{}`},
		{"all properties if none is required", `{"properties":{"a":{"type":"string"},"b":{"type":"boolean"}}}`, "say hi!", `{"a":"hi","b":true}`},
		{"nullable", `{"properties":{"a":{"type":["number","null"]}}}`, "", `{"a":1.5}`},
		{"nested", `{"properties":{"o":{"type":"object","properties":{"l":{"type":"array"}}}}}`, "", `{"o":{"l":[]}}`},
		{"nothing said", `{"properties":{"a":{"type":"string"}}}`, " ? ", `{"a":"mock"}`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if got := arguments([]byte(row.schema), row.said); got != row.want {
				t.Errorf("got %s, want %s", got, row.want)
			}
		})
	}
}
