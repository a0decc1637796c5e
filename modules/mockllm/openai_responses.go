// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package mockllm

import (
	"encoding/json"
)

// responsesRequest is the part of a responses request that is read.
type responsesRequest struct {
	Model           string          `json:"model"`
	Instructions    string          `json:"instructions"`
	Input           json.RawMessage `json:"input"`
	Stream          bool            `json:"stream"`
	MaxOutputTokens int             `json:"max_output_tokens"`
	Tools           []toolSpec      `json:"tools"`
	ToolChoice      json.RawMessage `json:"tool_choice"`
}

type responsesUsage struct {
	InputTokens  int `json:"input_tokens"`
	InputDetails struct {
		CachedTokens int `json:"cached_tokens"`
	} `json:"input_tokens_details"`
	OutputTokens  int `json:"output_tokens"`
	OutputDetails struct {
		ReasoningTokens int `json:"reasoning_tokens"`
	} `json:"output_tokens_details"`
	TotalTokens int `json:"total_tokens"`
}

// outputPart is a part of an output message.
type outputPart struct {
	Type        string     `json:"type"`
	Text        string     `json:"text"`
	Annotations []struct{} `json:"annotations"`
}

func textPart(text string) outputPart {
	return outputPart{Type: "output_text", Text: text, Annotations: []struct{}{}}
}

// outputItem is a message, with role and content, or the call of a function,
// with the rest.
type outputItem struct {
	Type      string        `json:"type"`
	ID        string        `json:"id"`
	Status    string        `json:"status"`
	Role      string        `json:"role,omitempty"`
	Content   *[]outputPart `json:"content,omitempty"`
	CallID    string        `json:"call_id,omitempty"`
	Name      string        `json:"name,omitempty"`
	Arguments *string       `json:"arguments,omitempty"`
}

type incompleteDetails struct {
	Reason string `json:"reason"`
}

type response struct {
	ID                string             `json:"id"`
	Object            string             `json:"object"`
	CreatedAt         int64              `json:"created_at"`
	Status            string             `json:"status"`
	Error             *struct{}          `json:"error"`
	IncompleteDetails *incompleteDetails `json:"incomplete_details"`
	Model             string             `json:"model"`
	ServiceTier       string             `json:"service_tier"`
	Output            []outputItem       `json:"output"`
	Usage             *responsesUsage    `json:"usage"`
}

// serveResponses answers OpenAI's POST /responses.
func serveResponses(x *exchange) error {
	var req responsesRequest
	if err := x.decode(&req); err != nil {
		return err
	}
	p, err := req.prompt()
	if err != nil {
		return err
	}
	rep, err := x.reply(req.Model, p, req.Tools, req.ToolChoice, req.MaxOutputTokens)
	if err != nil {
		return err
	}
	res := response{
		ID: x.id("resp_mock"), Object: "response", CreatedAt: x.start.Unix(), Status: "in_progress",
		Model: rep.model, ServiceTier: "default", Output: []outputItem{},
	}
	if req.Stream {
		return x.stream("text/event-stream; charset=utf-8", func() error { return x.responseEvents(res, rep) })
	}
	res.complete(x.outputItem(rep), rep)
	return x.answer(res)
}

// prompt counts the instructions and the input, which is a text or a list of
// items.
func (r *responsesRequest) prompt() (p prompt, err error) {
	p.addText(r.Instructions)
	var text string
	if json.Unmarshal(r.Input, &text) == nil && text != "" {
		p.addUser(text)
		return p, nil
	}
	var items []message
	if json.Unmarshal(r.Input, &items) != nil {
		return p, invalid("input", "input: must be a text or a list of items")
	}
	err = p.addMessages("input", items)
	return p, err
}

// outputItem returns the one item of the output, complete.
func (x *exchange) outputItem(rep reply) outputItem {
	if c := rep.call; c != nil {
		return outputItem{
			Type: "function_call", ID: x.id("fc_mock"), Status: "completed",
			CallID: "call_" + c.id, Name: c.name, Arguments: &c.arguments,
		}
	}
	return outputItem{
		Type: "message", ID: x.id("msg_mock"), Status: rep.finish("completed", "incomplete", ""),
		Role: "assistant", Content: &[]outputPart{textPart(rep.text())},
	}
}

// complete closes the response with its output and usage.
func (r *response) complete(item outputItem, rep reply) {
	r.Status = rep.finish("completed", "incomplete", "completed")
	if rep.truncated {
		r.IncompleteDetails = &incompleteDetails{Reason: "max_output_tokens"}
	}
	r.Output = []outputItem{item}
	if rep.silent {
		return
	}
	r.Usage = &responsesUsage{InputTokens: rep.prompt, OutputTokens: rep.completion, TotalTokens: rep.prompt + rep.completion}
	r.Usage.InputDetails.CachedTokens = rep.cached
}
