// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmreplay

import "github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"

// itemParts says of kinds of items which text they have that comes in pieces, the
// events that tell of it, and what is told before and after.
var itemParts = map[string]struct {
	text, events  string
	before, after []string
}{
	"function_call":         {text: "arguments", events: "response.function_call_arguments"},
	"custom_tool_call":      {text: "input", events: "response.custom_tool_call_input"},
	"mcp_call":              {text: "arguments", events: "response.mcp_call_arguments", before: []string{"response.mcp_call.in_progress"}, after: []string{"response.mcp_call.completed"}},
	"mcp_list_tools":        {before: []string{"response.mcp_list_tools.in_progress"}, after: []string{"response.mcp_list_tools.completed"}},
	"code_interpreter_call": {text: "code", events: "response.code_interpreter_call_code", before: []string{"response.code_interpreter_call.in_progress"}, after: []string{"response.code_interpreter_call.interpreting", "response.code_interpreter_call.completed"}},
	"web_search_call":       {before: []string{"response.web_search_call.in_progress", "response.web_search_call.searching"}, after: []string{"response.web_search_call.completed"}},
	"file_search_call":      {before: []string{"response.file_search_call.in_progress", "response.file_search_call.searching"}, after: []string{"response.file_search_call.completed"}},
	"image_generation_call": {before: []string{"response.image_generation_call.in_progress", "response.image_generation_call.generating"}, after: []string{"response.image_generation_call.completed"}},
}

// partsOf writes the parts of a message or of a reasoning: those of its summary, then
// those of its content.
func (w *items) partsOf(raw []byte, p place) error {
	p.inner = "summary_index"
	if err := w.list(memberOf(raw, "summary"), p, w.summary); err != nil {
		return err
	}
	p.inner = "content_index"
	return w.list(memberOf(raw, "content"), p, w.part)
}

func (w *items) list(raw []byte, p place, write func(raw []byte, p place) error) error {
	if jsonpeek.IsNull(raw) {
		return nil
	}
	return eachOf(raw, func(value []byte) error {
		if err := w.limit.check(w.dst); err != nil {
			return err
		}
		err := write(value, p)
		p.index++
		return err
	})
}

func (w *items) summary(raw []byte, p place) error {
	if err := w.added("response.reasoning_summary_part.added", raw, p); err != nil {
		return err
	}
	if text := memberOf(raw, "text"); len(text) > 0 && text[0] == '"' {
		w.text("response.reasoning_summary_text", "text", p, text, nil, nil)
	}
	w.at("response.reasoning_summary_part.done", p)
	w.dst = appendMember(w.dst, "part", raw)
	w.close()
	return nil
}

// part writes a part of a content.
func (w *items) part(raw []byte, p place) error {
	if err := w.added("response.content_part.added", raw, p); err != nil {
		return err
	}
	events, name := "response.output_text", "text"
	probs := &logprobs{lists: [][][]byte{nil}}
	switch string(content(memberOf(raw, "type"))) {
	case "output_text":
		probs.lists[0] = elements(orEmpty(memberOf(raw, "logprobs")))
	case "refusal":
		events, name, probs = "response.refusal", "refusal", nil
	case "reasoning_text":
		events, probs = "response.reasoning_text", nil
	default:
		return unsupported("a part of a content is of an unknown kind")
	}
	text := memberOf(raw, name)
	if len(text) == 0 || text[0] != '"' {
		return malformed("a part of a content has no text")
	}
	w.text(events, name, p, text, probs, nil)
	for i, note := range elements(orEmpty(memberOf(raw, "annotations"))) {
		if err := w.limit.check(w.dst); err != nil {
			return err
		}
		w.at("response.output_text.annotation.added", p)
		w.dst = appendMember(appendInt(w.dst, "annotation_index", i), "annotation", note)
		w.close()
	}
	w.at("response.content_part.done", p)
	w.dst = appendMember(w.dst, "part", raw)
	w.close()
	return nil
}

// added writes an event with a part as it was before there was any text.
func (w *items) added(event string, raw []byte, p place) error {
	w.at(event, p)
	w.dst = append(appendName(w.dst, "part"), '{')
	err := each(raw, func(name, value []byte) error {
		switch {
		case value[0] == '"' && (string(name) == "text" || string(name) == "refusal"):
			value = emptyString
		case value[0] == '[' && (string(name) == "annotations" || string(name) == "logprobs"):
			value = emptyArray
		}
		w.dst = appendMember(w.dst, string(name), value)
		return nil
	})
	w.dst = append(w.dst, '}')
	w.close()
	return err
}
