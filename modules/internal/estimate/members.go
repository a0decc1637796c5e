// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package estimate

import "github.com/caddy-gateway/tollgate/modules/internal/usage"

// kind is what a member's value counts as.
type kind uint8

const (
	nothing kind = iota
	text
	reasoning
	reasoningAgain // reasoning that counts only if there was none before it in the choice
	tool           // the name and the arguments of a call
	delta          // the type of the event will tell
	added          // likewise, but only when an item begins
)

// mark is what a member says about the object it is in.
type mark uint8

const (
	noMark  mark = iota
	isIndex      // which of several answers this is
	isThought
	isType
)

// scope is an object whose marks decide about the texts within it.
type scope uint8

const (
	noScope scope = iota
	part          // a thought or not
	choice        // one of several answers
	event         // of a responses stream
)

// member is what is known of a value by the names that lead to it. Arrays are
// looked through: their elements are what the array is.
type member struct {
	take  kind
	raw   bool // its JSON counts, if it is no string
	mark  mark
	scope scope
	names map[string]*member
}

func object(names map[string]*member) *member { return &member{names: names} }

var (
	takeText      = &member{take: text}
	takeReasoning = &member{take: reasoning}
	takeAgain     = &member{take: reasoningAgain}
	takeTool      = &member{take: tool}
	takeCall      = &member{take: tool, raw: true}
	markIndex     = &member{mark: isIndex}
	markThought   = &member{mark: isThought}
	markType      = &member{mark: isType}

	function = object(map[string]*member{"name": takeTool, "arguments": takeCall})
)

// chatMessage is a message, or what is added to it, of OpenAI's chat and of the
// many like it. Some give the content in parts.
var chatMessage = map[string]*member{
	"content": {take: text, names: map[string]*member{
		"text":     takeText,
		"thinking": {take: reasoning, names: map[string]*member{"text": takeReasoning}}, // Mistral
	}},
	"refusal":           takeText,
	"reasoning_content": takeReasoning, // DeepSeek, xAI, Qwen, vLLM
	"reasoning":         takeAgain,     // OpenRouter, Groq, vLLM
	"tool_calls":        object(map[string]*member{"function": function, "custom": object(map[string]*member{"name": takeTool, "input": takeTool})}),
	"function_call":     function,
	"audio":             object(map[string]*member{"transcript": takeText}),
}

// openAI returns the members of a chat or completion whose message goes by a
// name. Only that one counts: some send what is delivered so far beside it.
func openAI(message string) *member {
	return object(map[string]*member{"choices": {scope: choice, names: map[string]*member{
		"index": markIndex,
		"text":  takeText,
		message: object(chatMessage),
	}}})
}

var responses = object(map[string]*member{"output": {scope: part, names: map[string]*member{
	"type":      markType,
	"content":   {scope: part, names: map[string]*member{"type": markType, "text": takeText, "refusal": takeText}},
	"summary":   object(map[string]*member{"text": takeReasoning}),
	"name":      takeTool,
	"arguments": takeTool,
	"input":     takeTool,
	"code":      takeTool,
}}})

// responsesStream knows only what is added. Whatever an event completes is
// repeated there in whole.
var responsesStream = &member{scope: event, names: map[string]*member{
	"type":  markType,
	"delta": {take: delta},
	"item":  object(map[string]*member{"name": {take: added}}),
}}

var anthropic = object(map[string]*member{
	"content": object(map[string]*member{
		"text": takeText, "thinking": takeReasoning, "name": takeTool, "input": takeCall,
	}),
	"completion": takeText,
})

var anthropicStream = object(map[string]*member{
	"content_block": object(map[string]*member{"text": takeText, "thinking": takeReasoning, "name": takeTool}),
	"delta":         object(map[string]*member{"text": takeText, "thinking": takeReasoning, "partial_json": takeTool}),
	"completion":    takeText,
})

var ollama = object(map[string]*member{
	"message": object(map[string]*member{
		"content": takeText, "thinking": takeReasoning, "tool_calls": object(map[string]*member{"function": function}),
	}),
	"response": takeText,
	"thinking": takeReasoning,
})

var gemini = object(map[string]*member{"candidates": {scope: choice, names: map[string]*member{
	"index": markIndex,
	"content": object(map[string]*member{"parts": {scope: part, names: map[string]*member{
		"text":           takeText,
		"thought":        markThought,
		"functionCall":   object(map[string]*member{"name": takeTool, "args": takeCall}),
		"executableCode": object(map[string]*member{"code": takeTool}),
	}}}),
}}})

// answers returns the members of an answer that count, or nil if none can.
func answers(f usage.Format, media usage.Media) *member {
	document := media == usage.MediaJSON
	switch f {
	case usage.OpenAIChat:
		if document {
			return openAIDocument
		}
		return openAIStream
	case usage.OpenAIResponses:
		if document {
			return responses
		}
		return responsesStream
	case usage.AnthropicMessages:
		if document {
			return anthropic
		}
		return anthropicStream
	case usage.OllamaNative:
		return ollama
	case usage.Gemini:
		return gemini
	default:
		return nil // embeddings have no text, and what is not metered no format
	}
}

var (
	openAIDocument = openAI("message")
	openAIStream   = openAI("delta")
)
