// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package mockllm

import (
	"net/http"
	"strings"
)

// endpoint is one operation of one API.
type endpoint struct {
	method string
	suffix string
	shape  shape
	serve  func(*exchange) error
}

// endpoints is searched in order, so a path precedes what it ends with.
var endpoints = []endpoint{
	{http.MethodPost, "/v1/messages/count_tokens", shapeAnthropic, countTokens},
	{http.MethodPost, "/v1/messages", shapeAnthropic, serveMessages},
	{http.MethodPost, "/chat/completions", shapeOpenAI, serveChat},
	{http.MethodPost, "/responses", shapeOpenAI, serveResponses},
	{http.MethodPost, "/embeddings", shapeOpenAI, serveEmbeddings},
	{http.MethodPost, "/api/chat", shapeOllama, serveOllamaChat},
	{http.MethodPost, "/api/generate", shapeOllama, serveOllamaGenerate},
	{http.MethodPost, "/api/embed", shapeOllama, serveOllamaEmbed},
	{http.MethodGet, "/api/tags", shapeOllama, serveOllamaTags},
	{http.MethodGet, "/api/version", shapeOllama, serveOllamaVersion},
	{http.MethodGet, "/models", shapeOpenAI, serveModels},
}

// route finds the endpoint for r. When there is none, the endpoint returned
// with the failure still says in which shape to report it.
func route(r *http.Request) (endpoint, *failure) {
	for _, e := range endpoints {
		if !strings.HasSuffix(r.URL.Path, e.suffix) {
			continue
		}
		if r.Method == e.method || e.method == http.MethodGet && r.Method == http.MethodHead {
			return e, nil
		}
		return e, &failure{status: http.StatusMethodNotAllowed, allow: e.method, message: "method " + r.Method + " is not allowed; use " + e.method}
	}
	e := endpoint{shape: shapeOpenAI}
	switch {
	case r.Header.Get("Anthropic-Version") != "":
		e.shape = shapeAnthropic
	case strings.Contains(r.URL.Path, "/api/"):
		e.shape = shapeOllama
	}
	return e, &failure{status: http.StatusNotFound, message: "no such endpoint: " + r.URL.Path}
}
