// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package mockllm

import (
	"encoding/json"
)

// messagesRequest is the part of an Anthropic messages request that is read.
type messagesRequest struct {
	Model      string          `json:"model"`
	System     json.RawMessage `json:"system"`
	Messages   []message       `json:"messages"`
	Stream     bool            `json:"stream"`
	MaxTokens  int             `json:"max_tokens"`
	Tools      []toolSpec      `json:"tools"`
	ToolChoice json.RawMessage `json:"tool_choice"`
}

// messagesUsage counts disjoint classes: what was read from the cache is not
// among the input tokens.
type messagesUsage struct {
	InputTokens              int    `json:"input_tokens"`
	CacheCreationInputTokens int    `json:"cache_creation_input_tokens"`
	CacheReadInputTokens     int    `json:"cache_read_input_tokens"`
	OutputTokens             int    `json:"output_tokens"`
	ServiceTier              string `json:"service_tier,omitempty"`
}

func (r reply) messagesUsage(output int) *messagesUsage {
	if r.silent {
		return nil
	}
	return &messagesUsage{InputTokens: r.prompt - r.cached, CacheReadInputTokens: r.cached, OutputTokens: output, ServiceTier: "standard"}
}

// contentBlock is a text or the use of a tool.
type contentBlock struct {
	Type  string          `json:"type"`
	Text  *string         `json:"text,omitempty"`
	ID    string          `json:"id,omitempty"`
	Name  string          `json:"name,omitempty"`
	Input json.RawMessage `json:"input,omitempty"`
}

func textBlock(text string) contentBlock { return contentBlock{Type: "text", Text: &text} }

func toolBlock(c *toolCall, input string) contentBlock {
	return contentBlock{Type: "tool_use", ID: "toolu_" + c.id, Name: c.name, Input: json.RawMessage(input)}
}

type anthropicMessage struct {
	ID           string         `json:"id"`
	Type         string         `json:"type"`
	Role         string         `json:"role"`
	Model        string         `json:"model"`
	Content      []contentBlock `json:"content"`
	StopReason   *string        `json:"stop_reason"`
	StopSequence *string        `json:"stop_sequence"`
	Usage        *messagesUsage `json:"usage,omitempty"`
}

// readMessages reads the request and counts its prompt.
func (x *exchange) readMessages() (req messagesRequest, p prompt, err error) {
	if err = x.decode(&req); err != nil {
		return req, p, err
	}
	if req.Model == "" {
		return req, p, invalid("model", "model: Field required")
	}
	system, _, err := textOf("system", req.System)
	if err != nil {
		return req, p, err
	}
	p.addText(system)
	err = p.addMessages("messages", req.Messages)
	return req, p, err
}

// serveMessages answers Anthropic's POST /v1/messages.
func serveMessages(x *exchange) error {
	req, p, err := x.readMessages()
	if err != nil {
		return err
	}
	if req.MaxTokens < 1 {
		return invalid("max_tokens", "max_tokens: a number above zero is required")
	}
	rep, err := x.reply(req.Model, p, req.Tools, req.ToolChoice, req.MaxTokens)
	if err != nil {
		return err
	}
	m := anthropicMessage{ID: x.id("msg_mock"), Type: "message", Role: "assistant", Model: rep.model}
	stop := rep.finish("end_turn", "max_tokens", "tool_use")
	if req.Stream {
		return x.stream("text/event-stream; charset=utf-8", func() error { return x.messageEvents(m, rep, stop) })
	}
	m.StopReason, m.Usage = &stop, rep.messagesUsage(rep.completion)
	if rep.call != nil {
		m.Content = []contentBlock{toolBlock(rep.call, rep.call.arguments)}
	} else {
		m.Content = []contentBlock{textBlock(rep.text())}
	}
	return x.answer(m)
}

type tokenCount struct {
	InputTokens int `json:"input_tokens"`
}

// countTokens answers Anthropic's POST /v1/messages/count_tokens.
func countTokens(x *exchange) error {
	_, p, err := x.readMessages()
	if err != nil {
		return err
	}
	return x.answer(tokenCount{InputTokens: p.tokens})
}
