// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package estimate

import (
	"bytes"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// content reads what a message holds: a text, a part, or a list of either.
func (p *prompt) content(raw []byte, depth int) {
	if depth > maxNesting {
		return
	}
	p.each(raw, func(value []byte) {
		switch value[0] {
		case '"':
			p.addString(value)
		case '{':
			p.part(value, depth+1)
		}
	})
}

// part reads a message, a part of one or an item of another kind. They have
// enough names in common to be read alike.
func (p *prompt) part(raw []byte, depth int) {
	var kind, detail, source, file []byte
	p.object(raw, func(name, value []byte) {
		switch string(name) {
		case "type":
			kind = value
		case "role", "text", "refusal", "reasoning", "reasoning_content", "arguments", "title", "code":
			p.addString(value)
		case "name":
			p.tokens += perName
			p.addString(value)
		case "content", "parts", "output", "summary", "thinking":
			p.content(value, depth)
		case "input", "args", "response": // of a tool
			p.addString(value)
		case "tool_calls", "function", "function_call", "functionCall", "functionResponse", "custom":
			p.each(value, func(call []byte) { p.part(call, depth) })
		case "detail":
			detail = value
		case "source", "image_url":
			source = value
		case "images":
			p.each(value, func([]byte) { p.image(nil) })
		case "inlineData", "inline_data", "fileData", "input_audio", "file":
			p.data(value, false, depth)
		case "file_data", "file_id", "file_url":
			file = value
		}
	})
	switch {
	case source != nil && source[0] == '{':
		p.sourced(source, bytes.Equal(kind, documentType), depth)
	case source != nil, bytes.Equal(kind, imageType):
		p.image(detail)
	case file != nil:
		p.document(size(file))
	}
}

// sourced reads the source of an image or of a document.
func (p *prompt) sourced(raw []byte, document bool, depth int) {
	if !document {
		var detail []byte
		p.object(raw, func(name, value []byte) {
			if string(name) == "detail" {
				detail = value
			}
		})
		p.image(detail)
		return
	}
	p.data(raw, true, depth)
}

// data reads an object that holds a file or names one.
func (p *prompt) data(raw []byte, document bool, depth int) {
	var mime, data []byte
	plain := false
	p.object(raw, func(name, value []byte) {
		switch string(name) {
		case "type": // of Anthropic's sources
			plain = bytes.Equal(value, textType)
		case "mimeType", "mime_type", "media_type", "format":
			mime = bytes.Trim(value, `"`)
		case "data", "file_data":
			data = value
		case "content":
			p.content(value, depth)
			plain = true
		}
	})
	bytesHeld := size(data)
	switch {
	case plain:
		if data != nil {
			p.addString(data)
		}
	case bytes.HasPrefix(mime, []byte("image/")):
		p.image(nil)
	case bytes.HasPrefix(mime, []byte("video/")):
		p.tokens += 1 + int64(bytesHeld)*perVideoSecond/videoSecond
	case bytes.HasPrefix(mime, []byte("text/")):
		p.tokens += Rough(bytesHeld)
	case !document && (bytes.HasPrefix(mime, []byte("audio/")) || len(mime) > 0 && !bytes.ContainsRune(mime, '/')):
		p.sound(mime, bytesHeld)
	default:
		p.document(bytesHeld)
	}
}

// What media come to. The sources are in the package documentation.
const (
	openAIImage     = 765
	openAIImageLow  = 85
	anthropicImage  = 1600
	geminiImage     = 258
	ollamaImage     = 576
	openAISecond    = 10
	geminiSecond    = 32
	rawSecond       = 48_000 // bytes
	packedSecond    = 16_000
	perVideoSecond  = 300
	videoSecond     = 250_000
	perPage         = 2000
	perGeminiPage   = 258
	documentPerPage = 100_000 // bytes
)

// image adds an image of some detail.
func (p *prompt) image(detail []byte) {
	switch p.format {
	case usage.AnthropicMessages:
		p.tokens += anthropicImage
	case usage.Gemini:
		p.tokens += geminiImage
	case usage.OllamaNative:
		p.tokens += ollamaImage
	default:
		if string(detail) == `"low"` {
			p.tokens += openAIImageLow
			return
		}
		p.tokens += openAIImage
	}
}

// sound adds as much sound as a file of some bytes holds.
func (p *prompt) sound(mime []byte, held int) {
	perSecond, second := int64(openAISecond), int64(packedSecond)
	if p.format == usage.Gemini {
		perSecond = geminiSecond
	}
	if bytes.Contains(mime, []byte("wav")) || bytes.Contains(mime, []byte("pcm")) || bytes.Contains(mime, []byte("L16")) {
		second = rawSecond
	}
	p.tokens += 1 + int64(held)*perSecond/second
}

// document adds the pages of a file of some bytes.
func (p *prompt) document(held int) {
	page := int64(perPage)
	if p.format == usage.Gemini {
		page = perGeminiPage
	}
	p.tokens += page * int64(1+held/documentPerPage)
}

// size returns how many bytes a base64 string stands for.
func size(raw []byte) int {
	if jsonpeek.IsNull(raw) {
		return 0
	}
	return len(raw) / 4 * 3
}

var (
	documentType = []byte(`"document"`)
	imageType    = []byte(`"input_image"`)
	textType     = []byte(`"text"`)
)
