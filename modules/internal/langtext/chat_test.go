// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package langtext

import (
	"strings"
	"testing"
)

func TestLastUserMessage(t *testing.T) {
	t.Parallel()
	last := mustCompile(t, Places{LastUserMessage: true})
	for _, c := range []struct{ name, doc, want string }{
		{"OpenAI", `{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}]}`, "c"},
		{"answered already", `{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"tool","content":"t"}]}`, "a"},
		{"content before its role", `{"messages":[{"content":"a","role":"user"},{"content":"b","role":"assistant"}]}`, "a"},
		{"content parts", `{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:"}},{"type":"text","text":"b"}]}]}`, "a\nb"},
		{"Anthropic", `{"system":"s","messages":[{"role":"user","content":[{"type":"text","text":"a"}]}],"max_tokens":9}`, "a"},
		{"result of a tool", `{"messages":[{"role":"user","content":"a"},{"role":"user","content":[{"type":"tool_result","content":"r"}]}]}`, "a"},
		{"results of tools, one after the other", `{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use"}]},{"role":"user","content":[{"type":"tool_result","content":[{"type":"text","text":"r"}]}]},{"role":"assistant","content":"b"},{"role":"user","content":[{"type":"tool_result"},{"type":"text","text":""}]}]}`, "a"},
		{"result of a tool, and text", `{"messages":[{"role":"user","content":"a"},{"role":"user","content":[{"type":"tool_result","content":"r"},{"type":"text","text":"b"}]}]}`, "b"},
		{"Gemini, answer of a function", `{"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"functionCall":{}}]},{"role":"user","parts":[{"functionResponse":{"response":{"text":"r"}}}]}]}`, "a"},
		{"a picture", `{"messages":[{"role":"user","content":"a"},{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:"}}]}]}`, "a"},
		{"only a picture", `{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:"}}]}]}`, ""},
		{"no content", `{"messages":[{"role":"user","content":"a"},{"role":"user"}]}`, "a"},
		{"null content", `{"messages":[{"role":"user","content":"a"},{"role":"user","content":null},{"role":"user","content":""}]}`, "a"},
		{"no role", `{"messages":[{"content":"a"}]}`, ""},
		{"other roles", `{"messages":[{"role":"User","content":"a"},{"role":"users","content":"b"},{"role":7,"content":"c"},{"role":null,"content":"d"}]}`, ""},
		{"escaped role", `{"messages":[{"role":"\u0075ser","content":"a"}]}`, "a"},
		{"nobody spoke", `{"messages":[]}`, ""},
		{"messages of another type", `{"messages":"a","prompt":"b"}`, "b"},
		{"Responses with a string", `{"input":"a","instructions":"i"}`, "a"},
		{"Responses with items", `{"input":[{"role":"developer","content":"d"},{"role":"user","content":"a"},{"type":"message","role":"user","content":[{"type":"input_text","text":"b"},{"type":"input_image","image_url":"u"}]},{"type":"reasoning","summary":[]}]}`, "b"},
		{"strings to be embedded", `{"input":["a","b"]}`, ""},
		{"Gemini", `{"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"text":"b"}]},{"role":"user","parts":[{"inline_data":{"data":"x"}},{"text":"c"},{"text":"d"}]}]}`, "c\nd"},
		{"Gemini without a role", `{"contents":[{"parts":[{"text":"a"}]},{"parts":[{"text":"b"}]}]}`, "b"},
		{"Gemini, answered already", `{"contents":[{"parts":[{"text":"a"}]},{"parts":[{"text":"b"}],"role":"model"}]}`, "a"},
		{"Gemini without a role, in between", `{"contents":[{"role":"model","parts":[{"text":"a"}]},{"parts":[{"text":"b"}]},{"role":"model","parts":[]}]}`, "b"},
		{"prompt", `{"model":"m","prompt":"a"}`, "a"},
		{"prompts", `{"prompt":["a","b"]}`, "a\nb"},
		{"prompts of tokens", `{"prompt":[[1,2],[3]]}`, ""},
		{"first shape with text", `{"prompt":"p","input":"i","messages":[{"role":"user","content":"m"}]}`, "m"},
		{"messages without text", `{"prompt":"p","messages":[{"role":"assistant","content":"m"}]}`, "p"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var f Found
			if err := last.JSON([]byte(c.doc), &f); err != nil {
				t.Fatal(err)
			}
			if string(f.Text) != c.want {
				t.Errorf("got %q, want %q", f.Text, c.want)
			}
		})
	}
}

// TestLastUserMessageBeforeManyOthers has more results of tools behind a message than are
// kept to be looked at, which is eight.
func TestLastUserMessageBeforeManyOthers(t *testing.T) {
	t.Parallel()
	last := mustCompile(t, Places{LastUserMessage: true})
	result := `{"role":"user","content":[{"type":"tool_result","content":"r"}]}`
	for n := range 30 {
		messages := `{"role":"user","content":"a"},{"role":"user","content":[{"text":"b"}]}` + strings.Repeat(","+result, n)
		for doc, want := range map[string]string{
			`{"messages":[` + messages + `]}`:                               "b",
			`{"messages":[` + messages + `,{"role":"user","content":"c"}]}`: "c",
			`{"messages":[` + result + strings.Repeat(","+result, n) + `]}`: "",
		} {
			var f Found
			if err := last.JSON([]byte(doc), &f); err != nil || string(f.Text) != want {
				t.Errorf("%d results: got %q, %v; want %q", n, f.Text, err, want)
			}
		}
	}
}

func TestLastUserMessageComesBehindPaths(t *testing.T) {
	t.Parallel()
	r := mustCompile(t, Places{Text: []string{"hint", "input.#.source", "messages.#.title"}, LastUserMessage: true})
	var f Found
	if err := r.JSON([]byte(`{"messages":[{"role":"user","content":"a","title":"t"}],"hint":"h"}`), &f); err != nil {
		t.Fatal(err)
	}
	if string(f.Text) != "t\nh\na" {
		t.Errorf("got %q", f.Text)
	}
}
