// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package mockllm

import "time"

type ollamaEmbeddings struct {
	Model           string      `json:"model"`
	Embeddings      [][]float32 `json:"embeddings"`
	TotalDuration   int64       `json:"total_duration"`
	LoadDuration    int64       `json:"load_duration"`
	PromptEvalCount *int        `json:"prompt_eval_count,omitempty"`
}

// serveOllamaEmbed answers Ollama's POST /api/embed.
func serveOllamaEmbed(x *exchange) error {
	_, rep, vectors, err := x.embed()
	if err != nil {
		return err
	}
	a := ollamaEmbeddings{Model: rep.model, Embeddings: vectors, TotalDuration: time.Since(x.start).Nanoseconds()}
	if !rep.silent {
		a.PromptEvalCount = &rep.prompt
	}
	return x.answer(a)
}

type ollamaTag struct {
	Name       string `json:"name"`
	Model      string `json:"model"`
	ModifiedAt string `json:"modified_at"`
	Size       int64  `json:"size"`
	Digest     string `json:"digest"`
}

type ollamaTags struct {
	Models []ollamaTag `json:"models"`
}

// serveOllamaTags answers Ollama's GET /api/tags, the list of its models.
func serveOllamaTags(x *exchange) error {
	name := x.h.listedModel()
	return x.answer(ollamaTags{Models: []ollamaTag{{Name: name, Model: name, ModifiedAt: "2026-01-01T00:00:00Z"}}})
}

type ollamaVersion struct {
	Version string `json:"version"`
}

// serveOllamaVersion answers Ollama's GET /api/version. No release of Ollama
// has the version 0.0.0.
func serveOllamaVersion(x *exchange) error {
	return x.answer(ollamaVersion{Version: "0.0.0-mock"})
}
