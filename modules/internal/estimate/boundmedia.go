// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package estimate

import (
	"bytes"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// media looks for what is no text. It knows what is text and takes everything
// else for something that may come to more than its bytes.
func (r *bounder) media() {
	for member := inMessages; member <= inContent; member++ {
		r.content(r.members[member], 0)
	}
	if r.call.Format != usage.OpenAIResponses { // where it is the name of a stored one
		r.content(r.members[inPrompt], 0)
	}
	if raw := r.members[inImages]; len(raw) > len("[]") && r.set(inImages) {
		r.refers("an image")
	}
	// Gemini can be given several things to embed.
	_ = jsonpeek.Array(r.members[inRequests], func(request []byte) bool {
		_ = jsonpeek.Object(request, func(name, value []byte) bool {
			if string(name) == "content" {
				r.content(value, 0)
			}
			return true
		})
		return true
	})
}

// content reads a text, a part, or a list of either.
func (r *bounder) content(raw []byte, depth int) {
	switch {
	case len(raw) == 0 || raw[0] != '[' && raw[0] != '{':
	case depth > 2*maxNesting:
		r.refers("content within content")
	case raw[0] == '{':
		r.part(raw, depth)
	default:
		if jsonpeek.Array(raw, func(value []byte) bool { r.content(value, depth+1); return true }) != nil {
			r.refers("content that cannot be read")
		}
	}
}

// textNames are what a message, or a part of one, may have: true if that may itself be
// content, false if it is text or says nothing.
var textNames = map[string]bool{
	"content": true, "parts": true, "output": true, "tool_calls": true, "function": true, "function_call": true,
	"functionCall": true, "function_response": true, "functionResponse": true, "custom": true, "thinking": true,

	"role": false, "name": false, "id": false, "tool_call_id": false, "call_id": false, "tool_use_id": false, "tool_name": false,
	"status": false, "index": false, "is_error": false, "cache_control": false, "arguments": false, "input": false, "args": false,
	"response": false, "text": false, "refusal": false, "reasoning_content": false, "reasoning": false, "annotations": false,
	"logprobs": false, "thought": false, "prefix": false, "phase": false, "namespace": false, "partial": false, "detail": false,
}

// textTypes are the types of parts that are text.
var textTypes = map[string]bool{
	`"text"`: true, `"input_text"`: true, `"output_text"`: true, `"refusal"`: true, `"message"`: true,
	`"function"`: true, `"function_call"`: true, `"function_call_output"`: true,
	`"custom"`: true, `"custom_tool_call"`: true, `"custom_tool_call_output"`: true, `"tool_use"`: true, `"tool_result"`: true,
}

func (r *bounder) part(raw []byte, depth int) {
	var kind, source []byte
	kinds, sources := 0, 0
	err := jsonpeek.Object(raw, func(name, value []byte) bool {
		deeper, known := textNames[string(name)]
		switch {
		case deeper:
			r.content(value, depth+1)
		case known, jsonpeek.IsNull(value):
		case string(name) == "type":
			kind = value
			kinds++
		case string(name) == "source", string(name) == "image_url":
			source = value
			sources++
		case r.call.Format == usage.Gemini && (string(name) == "inlineData" || string(name) == "inline_data"):
			r.refers("an image, sound, video or file")
		default:
			r.refers("something else than text")
		}
		return true
	})
	switch {
	case err != nil, kinds > 1, sources > 1:
		r.refers("content that cannot be read")
	case textTypes[string(kind)] && sources == 0, kinds == 0 && sources == 0:
	case sources == 1:
		r.image(kind, source)
	default:
		r.refers("something else than text")
	}
}

// image adds what an image can come to at most, in place of its own bytes. What is no image,
// or stored at the provider and so perhaps none, is something else.
func (r *bounder) image(kind, source []byte) {
	var data []byte
	ok, tokens := false, int64(openAIImageMost)
	switch {
	case r.call.Format == usage.OpenAIChat && string(kind) == `"image_url"`:
		data, ok = only(source, "url", "detail")
	case r.call.Format == usage.OpenAIResponses && string(kind) == `"input_image"`:
		data, ok = source, true
	case r.call.Format == usage.AnthropicMessages && string(kind) == `"image"`:
		tokens = anthropicImageMost
		if data, ok = only(source, "data", "type", "media_type"); !ok {
			data, ok = only(source, "url", "type")
		}
	}
	if !ok || len(data) == 0 || data[0] != '"' {
		r.refers("something else than text")
		return
	}
	r.Media = true
	r.images = min(r.images+tokens, mostTokens)
	r.encoded += len(data)
}

// only returns the member of an object that has no others but those named, and
// none twice.
func only(raw []byte, name string, others ...string) (value []byte, ok bool) {
	seen := 0
	ok = true
	err := jsonpeek.Object(raw, func(n, v []byte) bool {
		if string(n) == name {
			value = v
			seen++
			return true
		}
		known := false
		for _, other := range others {
			known = known || string(n) == other
		}
		ok = ok && known
		return true
	})
	return value, ok && err == nil && seen == 1 && !bytes.Equal(value, []byte("null"))
}
