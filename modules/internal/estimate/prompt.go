// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package estimate

import (
	"bytes"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
	"github.com/caddy-gateway/tollgate/modules/internal/tokens"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

const (
	perMessage = 3
	perName    = 1
	perAnswer  = 3

	// perToolUse is what Anthropic tells its models about the use of tools.
	perToolUse = 346

	// maxText is how much text of a prompt is collected to be counted. The memory
	// for it is outside the bounds on request bodies.
	maxText = 1 << 20

	// maxNesting is how deep content within content is followed.
	maxNesting = 8
)

// Prompt returns about how many tokens the body of a request comes to. The
// operation is that of usage.Endpoint. A body that is no JSON object, or whose
// format is unknown, comes to a quarter of its bytes. The time is bounded like
// that of tokens.Encoding.Count.
func Prompt(f usage.Format, operation string, body []byte, e tokens.Encoding) int64 {
	if f == usage.FormatNone {
		return Rough(len(body))
	}
	p := prompt{format: f}
	if err := jsonpeek.Object(body, p.member); err != nil {
		return Rough(len(body))
	}
	if p.messages && operation != "embeddings" {
		p.tokens += perAnswer
	}
	return p.tokens + p.count(e)
}

// prompt collects what a request holds.
type prompt struct {
	format   usage.Format
	tokens   int64 // of what is no text
	messages bool  // there are messages to be answered

	text []byte
	ends []int // of the texts, each of which is counted by itself
	more int   // bytes beyond, which are taken to be like those in text
}

// count counts the texts.
func (p *prompt) count(e tokens.Encoding) (n int64) {
	if p.more > 0 && len(p.text) > 0 {
		return int64(float64(e.Count(p.text)) * (1 + float64(p.more)/float64(len(p.text))))
	}
	if p.more > 0 {
		return Rough(p.more)
	}
	if len(p.text) > tokens.MaxExact {
		return e.Count(p.text)
	}
	start := 0
	for _, end := range p.ends {
		n += e.Count(p.text[start:end])
		start = end
	}
	return n
}

// member reads a member of the body. Formats do not use one name for two things,
// so that it need not matter which of them this is.
func (p *prompt) member(name, value []byte) bool {
	switch string(name) {
	case "messages", "contents":
		p.each(value, p.message)
	case "input": // of responses, or what is to be embedded
		p.each(value, p.message)
	case "system", "systemInstruction", "system_instruction", "instructions":
		if !jsonpeek.IsNull(value) {
			p.tokens += perMessage
			p.content(value, 0)
		}
	case "prompt", "suffix", "content":
		p.content(value, 0)
	case "images":
		p.each(value, func([]byte) { p.image(nil) })
	case "tools", "functions":
		p.tools(value)
	case "response_format", "format", "responseSchema":
		p.schema(value)
	case "text", "generationConfig", "generation_config":
		p.object(value, func(name, value []byte) {
			switch string(name) {
			case "format", "responseSchema", "response_schema":
				p.schema(value)
			}
		})
	case "requests", "generateContentRequest": // Gemini, several to be embedded
		p.each(value, func(request []byte) {
			p.object(request, func(name, value []byte) { p.member(name, value) })
		})
	}
	return true
}

// message reads a message, or an item that is as good as one.
func (p *prompt) message(raw []byte) {
	// A text is a message of its own to responses; elsewhere it is to be embedded.
	if raw[0] == '{' || p.format == usage.OpenAIResponses {
		p.tokens += perMessage
		p.messages = true
	}
	p.content(raw, 0)
}

// tools reads the definitions of tools.
func (p *prompt) tools(raw []byte) {
	if len(raw) <= len("[]") || raw[0] != '[' {
		return
	}
	p.add(raw)
	if p.format == usage.AnthropicMessages {
		p.tokens += perToolUse
	}
}

// schema reads the form that the answer must have, if it is given in full.
func (p *prompt) schema(raw []byte) {
	if raw[0] == '{' && (bytes.Contains(raw, schemaName) || bytes.Contains(raw, propertiesName)) {
		p.add(raw)
	}
}

var (
	schemaName     = []byte(`"schema"`)
	propertiesName = []byte(`"properties"`)
)

// each calls fn for every element of an array, or for what is no array. Numbers
// are those of tokens.
func (p *prompt) each(raw []byte, fn func(value []byte)) {
	if jsonpeek.IsNull(raw) {
		return
	}
	if raw[0] != '[' {
		fn(raw)
		return
	}
	// What cannot be followed is left out.
	_ = jsonpeek.Array(raw, func(value []byte) bool {
		switch {
		case len(value) == 0 || jsonpeek.IsNull(value):
		case value[0] >= '0' && value[0] <= '9':
			p.tokens++
		case value[0] == '[': // several inputs, each in tokens
			p.each(value, func([]byte) {})
		default:
			fn(value)
		}
		return true
	})
}

// object calls fn for every member of an object that is not null.
func (p *prompt) object(raw []byte, fn func(name, value []byte)) {
	if len(raw) == 0 || raw[0] != '{' {
		return
	}
	_ = jsonpeek.Object(raw, func(name, value []byte) bool {
		if !jsonpeek.IsNull(value) {
			fn(name, value)
		}
		return true
	})
}

// add adds a text, or only its length if there are enough.
func (p *prompt) add(text []byte) {
	if len(p.text)+len(text) > maxText {
		p.more += len(text)
		return
	}
	p.text = append(p.text, text...)
	p.ends = append(p.ends, len(p.text))
}

// addString adds the text of a string value, or the JSON of another one.
func (p *prompt) addString(raw []byte) {
	if raw[0] == '"' && bytes.IndexByte(raw, '\\') >= 0 {
		s, _ := jsonpeek.String(raw)
		p.add([]byte(s))
		return
	}
	if n := len(raw); n >= 2 && raw[0] == '"' {
		raw = raw[1 : n-1]
	}
	p.add(raw)
}
