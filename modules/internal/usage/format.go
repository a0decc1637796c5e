// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package usage

import "strings"

// Format is the wire format of an API, which decides how its usage is read.
// Many providers share one.
type Format uint8

// The formats.
const (
	FormatNone        Format = iota // nothing that is metered
	OpenAIChat                      // chat completions and legacy completions
	OpenAIResponses                 // OpenAI responses
	OpenAIEmbeddings                // OpenAI embeddings
	AnthropicMessages               // Anthropic messages
	OllamaNative                    // Ollama chat, generate and embed under /api
	Gemini                          // Google generateContent and its kin

	numFormats = iota
)

var formatNames = [numFormats]string{
	"none", "openai_chat", "openai_responses", "openai_embeddings", "anthropic_messages", "ollama", "gemini",
}

// String returns the name used in logs, such as "openai_chat".
func (f Format) String() string {
	if int(f) < len(formatNames) {
		return formatNames[f]
	}
	return "unknown"
}

// Media is how a response body is framed.
type Media uint8

// The framings.
const (
	MediaNone   Media = iota // not metered
	MediaJSON                // one JSON document
	MediaSSE                 // server-sent events
	MediaNDJSON              // one JSON document per line
)

// MediaOf returns the framing that a Content-Type names. Parameters are
// ignored, and so is case.
func MediaOf(contentType string) Media {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.TrimSpace(media)
	for _, known := range mediaTypes {
		if strings.EqualFold(media, known.name) {
			return known.media
		}
	}
	if n := len(media) - len("+json"); n > 0 && strings.EqualFold(media[n:], "+json") {
		return MediaJSON
	}
	return MediaNone
}

var mediaTypes = []struct {
	name  string
	media Media
}{
	{"application/json", MediaJSON},
	{"text/event-stream", MediaSSE},
	{"application/x-ndjson", MediaNDJSON},
	{"application/ndjson", MediaNDJSON},
	{"application/jsonl", MediaNDJSON},
	{"application/x-jsonlines", MediaNDJSON},
	{"text/json", MediaJSON},
}
