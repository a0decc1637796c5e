// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmcost

import (
	"net/http"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// formats are the wire formats by the names that a config uses.
var formats = map[string]usage.Format{
	"openai":     usage.OpenAIChat,
	"responses":  usage.OpenAIResponses,
	"embeddings": usage.OpenAIEmbeddings,
	"anthropic":  usage.AnthropicMessages,
	"ollama":     usage.OllamaNative,
	"gemini":     usage.Gemini,
}

// providerFormats are the providers that imply a wire format.
var providerFormats = map[string]string{
	"anthropic": "anthropic",
	"deepseek":  "openai",
	"gemini":    "gemini",
	"ollama":    "ollama",
	"openai":    "openai",
	"xai":       "openai",
}

// formatProviders name the provider that is meant where only the path speaks.
var formatProviders = map[usage.Format]string{
	usage.FormatNone:        "unknown",
	usage.OpenAIChat:        "openai",
	usage.OpenAIResponses:   "openai",
	usage.OpenAIEmbeddings:  "openai",
	usage.AnthropicMessages: "anthropic",
	usage.OllamaNative:      "ollama",
	usage.Gemini:            "gemini",
}

// isJSON says that a request announces a JSON body, or announces nothing.
func isJSON(h http.Header) bool {
	ct := h.Get("Content-Type")
	return ct == "" || strings.Contains(ct, "json")
}
