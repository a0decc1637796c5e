// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package mockllm

// defaultModel is listed when the configuration names no model.
const defaultModel = "mock-model"

func (h *Handler) listedModel() string {
	if h.Model != "" {
		return h.Model
	}
	return defaultModel
}

type openAIModel struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

type openAIModels struct {
	Object string        `json:"object"`
	Data   []openAIModel `json:"data"`
}

type anthropicModel struct {
	Type        string `json:"type"`
	ID          string `json:"id"`
	DisplayName string `json:"display_name"`
	CreatedAt   string `json:"created_at"`
}

type anthropicModels struct {
	Data    []anthropicModel `json:"data"`
	HasMore bool             `json:"has_more"`
	FirstID string           `json:"first_id"`
	LastID  string           `json:"last_id"`
}

// serveModels answers GET /models, which OpenAI and Anthropic share: a client
// of the latter sends its version.
func serveModels(x *exchange) error {
	name := x.h.listedModel()
	if x.r.Header.Get("Anthropic-Version") != "" {
		m := anthropicModel{Type: "model", ID: name, DisplayName: name, CreatedAt: "2026-01-01T00:00:00Z"}
		return x.answer(anthropicModels{Data: []anthropicModel{m}, FirstID: name, LastID: name})
	}
	const created = 1767225600 // 2026-01-01
	return x.answer(openAIModels{Object: "list", Data: []openAIModel{{name, "model", created, "mock"}}})
}
