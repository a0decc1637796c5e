// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package mockllm

import (
	"encoding/json"
)

// chatRequest is the part of a chat completion request that is read.
type chatRequest struct {
	Model               string          `json:"model"`
	Messages            []message       `json:"messages"`
	Stream              bool            `json:"stream"`
	MaxTokens           int             `json:"max_tokens"`
	MaxCompletionTokens int             `json:"max_completion_tokens"`
	Tools               []toolSpec      `json:"tools"`
	ToolChoice          json.RawMessage `json:"tool_choice"`
	StreamOptions       struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
}

type chatUsage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	TotalTokens      int `json:"total_tokens"`
	PromptDetails    struct {
		CachedTokens int `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
	CompletionDetails struct {
		ReasoningTokens int `json:"reasoning_tokens"`
	} `json:"completion_tokens_details"`
}

func (r reply) chatUsage() any {
	if r.silent {
		return nil
	}
	u := &chatUsage{PromptTokens: r.prompt, CompletionTokens: r.completion, TotalTokens: r.prompt + r.completion}
	u.PromptDetails.CachedTokens = r.cached
	return u
}

type chatCall struct {
	Index    *int             `json:"index,omitempty"` // on a stream
	ID       string           `json:"id,omitempty"`
	Type     string           `json:"type,omitempty"`
	Function chatCallFunction `json:"function"`
}

type chatCallFunction struct {
	Name      string `json:"name,omitempty"`
	Arguments string `json:"arguments"`
}

type chatMessage struct {
	Role      string     `json:"role"`
	Content   *string    `json:"content"`
	ToolCalls []chatCall `json:"tool_calls,omitempty"`
	Refusal   *string    `json:"refusal"`
}

type chatDelta struct {
	Role      string     `json:"role,omitempty"`
	Content   *string    `json:"content,omitempty"`
	ToolCalls []chatCall `json:"tool_calls,omitempty"`
}

type chatChoice struct {
	Index        int          `json:"index"`
	Message      *chatMessage `json:"message,omitempty"`
	Delta        *chatDelta   `json:"delta,omitempty"`
	Logprobs     *struct{}    `json:"logprobs"`
	FinishReason *string      `json:"finish_reason"`
}

type chatCompletion struct {
	ID          string       `json:"id"`
	Object      string       `json:"object"`
	Created     int64        `json:"created"`
	Model       string       `json:"model"`
	ServiceTier string       `json:"service_tier"`
	Choices     []chatChoice `json:"choices"`
	Usage       any          `json:"usage,omitempty"` // a nil *chatUsage is written as null, as on a stream that will tell
}

// serveChat answers OpenAI's POST /chat/completions.
func serveChat(x *exchange) error {
	var req chatRequest
	if err := x.decode(&req); err != nil {
		return err
	}
	var p prompt
	if err := p.addMessages("messages", req.Messages); err != nil {
		return err
	}
	limit := req.MaxCompletionTokens
	if limit == 0 {
		limit = req.MaxTokens
	}
	rep, err := x.reply(req.Model, p, req.Tools, req.ToolChoice, limit)
	if err != nil {
		return err
	}
	c := chatCompletion{
		ID: x.id("chatcmpl-mock-"), Created: x.start.Unix(), Model: rep.model, ServiceTier: "default",
	}
	finish := rep.finish("stop", "length", "tool_calls")
	if req.Stream {
		c.Object = "chat.completion.chunk"
		return x.stream("text/event-stream; charset=utf-8", func() error {
			return x.chatEvents(c, rep, finish, req.StreamOptions.IncludeUsage)
		})
	}
	c.Object = "chat.completion"
	m := &chatMessage{Role: "assistant"}
	if rep.call == nil {
		text := rep.text()
		m.Content = &text
	} else {
		m.ToolCalls = []chatCall{{ID: "call_" + rep.call.id, Type: "function", Function: chatCallFunction{rep.call.name, rep.call.arguments}}}
	}
	c.Choices = []chatChoice{{Message: m, FinishReason: &finish}}
	c.Usage = rep.chatUsage()
	return x.answer(c)
}

// chatEvents streams a chat completion: the role, the answer piece by piece,
// the reason why it ended, the usage if wanted, and the end mark.
func (x *exchange) chatEvents(c chatCompletion, rep reply, finish string, usage bool) error {
	send := func(d chatDelta, finish *string) error {
		c.Choices = []chatChoice{{Delta: &d, FinishReason: finish}}
		return x.sse("", c)
	}
	if usage = usage && !rep.silent; usage {
		c.Usage = (*chatUsage)(nil)
	}
	empty := ""
	if rep.call == nil {
		if err := send(chatDelta{Role: "assistant", Content: &empty}, nil); err != nil {
			return err
		}
		for _, piece := range rep.pieces {
			if err := send(chatDelta{Content: &piece}, nil); err != nil {
				return err
			}
		}
	} else {
		first := 0
		call := chatCall{Index: &first, ID: "call_" + rep.call.id, Type: "function", Function: chatCallFunction{Name: rep.call.name}}
		if err := send(chatDelta{Role: "assistant", ToolCalls: []chatCall{call}}, nil); err != nil {
			return err
		}
		for _, piece := range rep.call.argumentPieces() {
			call := chatCall{Index: &first, Function: chatCallFunction{Arguments: piece}}
			if err := send(chatDelta{ToolCalls: []chatCall{call}}, nil); err != nil {
				return err
			}
		}
	}
	if err := send(chatDelta{}, &finish); err != nil {
		return err
	}
	if usage {
		c.Choices, c.Usage = []chatChoice{}, rep.chatUsage()
		if err := x.sse("", c); err != nil {
			return err
		}
	}
	return x.send([]byte("data: [DONE]\n\n"))
}
