// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package usage

import "strings"

// Endpoint is what a request's method and path say about an API call.
type Endpoint struct {
	// Format is the wire format of the answer.
	Format Format

	// Operation is what is asked for: "chat", "completions", "responses",
	// "embeddings", "messages", "generate", "count_tokens", "models", "manage", or
	// "" when unknown.
	Operation string

	// Free marks a call that providers do not bill as such: counting tokens,
	// listing models, reading back an earlier answer. Usage in its response is
	// not charged, since that was done when the answer was first produced. (An
	// answer that was ordered to be produced in the background is only known
	// when it is read back: its cost stays unknown.)
	Free bool

	// Manages marks a call that is not billed either but changes what there is
	// at the provider: DELETE, and what Ollama offers for loading, copying and
	// removing models.
	Manages bool

	// Model is the model when the path names it, as Gemini's does.
	Model string

	// Stream is set when the path asks for a stream, as Gemini's may.
	Stream bool
}

// StreamsByDefault reports whether the API streams its answer when the request
// says nothing about it. Only Ollama's own does, but for embeddings.
func (e *Endpoint) StreamsByDefault() bool {
	return e.Format == OllamaNative && e.Operation != "embeddings"
}

// EndpointOf recognises an API call by the end of its path, so that any prefix
// may come before it ("/llm/anthropic/v1/messages"). The result is the zero
// value when the call is unknown; reading methods (GET, HEAD, OPTIONS) are always
// Free, and DELETE always Manages.
func EndpointOf(method, path string) Endpoint {
	path = strings.TrimRight(path, "/")
	switch method {
	case "POST":
		return postEndpoint(path)
	case "GET", "HEAD", "OPTIONS":
		e := readEndpoint(path)
		e.Free = true
		return e
	case "DELETE":
		e := readEndpoint(path)
		e.Operation, e.Free, e.Manages = "manage", false, true
		return e
	}
	return Endpoint{}
}

// suffixes lists the calls that their last path segments identify. A longer
// suffix comes before one that it ends in.
var suffixes = []struct {
	suffix   string
	endpoint Endpoint
}{
	{"/chat/completions", Endpoint{Format: OpenAIChat, Operation: "chat"}},
	{"/completions", Endpoint{Format: OpenAIChat, Operation: "completions"}},
	{"/responses", Endpoint{Format: OpenAIResponses, Operation: "responses"}},
	{"/responses/compact", Endpoint{Format: OpenAIResponses, Operation: "responses"}},
	{"/responses/input_tokens", Endpoint{Format: OpenAIResponses, Operation: "count_tokens", Free: true}},
	{"/v1/messages", Endpoint{Format: AnthropicMessages, Operation: "messages"}},
	{"/v1/messages/count_tokens", Endpoint{Format: AnthropicMessages, Operation: "count_tokens", Free: true}},
	{"/api/chat", Endpoint{Format: OllamaNative, Operation: "chat"}},
	{"/api/generate", Endpoint{Format: OllamaNative, Operation: "generate"}},
	{"/api/embed", Endpoint{Format: OllamaNative, Operation: "embeddings"}},
	{"/api/embeddings", Endpoint{Format: OllamaNative, Operation: "embeddings"}},
	{"/api/tags", Endpoint{Format: OllamaNative, Operation: "models", Free: true}},
	{"/api/show", Endpoint{Format: OllamaNative, Operation: "models", Free: true}},
	{"/api/ps", Endpoint{Format: OllamaNative, Operation: "models", Free: true}},
	{"/api/version", Endpoint{Format: OllamaNative, Operation: "models", Free: true}},
	{"/api/pull", manageOllama},
	{"/api/push", manageOllama},
	{"/api/create", manageOllama},
	{"/api/copy", manageOllama},
	{"/api/delete", manageOllama},
	{"/embeddings", Endpoint{Format: OpenAIEmbeddings, Operation: "embeddings"}},
}

var manageOllama = Endpoint{Format: OllamaNative, Operation: "manage", Manages: true}

func postEndpoint(path string) Endpoint {
	for i := range suffixes {
		if strings.HasSuffix(path, suffixes[i].suffix) {
			return suffixes[i].endpoint
		}
	}
	if strings.Contains(path, "/responses/") && strings.HasSuffix(path, "/cancel") {
		return Endpoint{Format: OpenAIResponses, Operation: "responses", Free: true}
	}
	if strings.Contains(path, "/api/blobs/") {
		return manageOllama
	}
	return geminiEndpoint(path)
}

// readEndpoint finds out what a reading method is about.
func readEndpoint(path string) Endpoint {
	switch {
	case strings.HasSuffix(path, "/models"), strings.Contains(path, "/models/"):
		return Endpoint{Operation: "models"}
	case strings.Contains(path, "/responses/"):
		return Endpoint{Format: OpenAIResponses, Operation: "responses"}
	}
	for i := range suffixes {
		if strings.HasSuffix(path, suffixes[i].suffix) {
			return suffixes[i].endpoint
		}
	}
	return Endpoint{}
}

// geminiEndpoint reads "/models/{model}:{method}".
func geminiEndpoint(path string) Endpoint {
	slash := strings.LastIndexByte(path, '/')
	if slash < 0 || !strings.HasSuffix(path[:slash], "/models") && !strings.HasSuffix(path[:slash], "/tunedModels") {
		return Endpoint{}
	}
	model, verb, _ := strings.Cut(path[slash+1:], ":")
	e := Endpoint{Format: Gemini, Model: model}
	switch verb {
	case "generateContent":
		e.Operation = "generate"
	case "streamGenerateContent":
		e.Operation, e.Stream = "generate", true
	case "embedContent", "batchEmbedContents":
		e.Operation = "embeddings"
	case "countTokens":
		e.Operation, e.Free = "count_tokens", true
	default:
		return Endpoint{}
	}
	return e
}
