// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package mockllm

import (
	"encoding/json"
	"time"
)

// ollamaRequest is the part of Ollama's chat and generate requests that is
// read. A stream is the default.
type ollamaRequest struct {
	Model    string     `json:"model"`
	Messages []message  `json:"messages"`
	Prompt   string     `json:"prompt"`
	System   string     `json:"system"`
	Stream   *bool      `json:"stream"`
	Tools    []toolSpec `json:"tools"`
	Options  struct {
		NumPredict int `json:"num_predict"`
	} `json:"options"`
}

type ollamaCall struct {
	Function struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
	} `json:"function"`
}

type ollamaMessage struct {
	Role      string       `json:"role"`
	Content   string       `json:"content"`
	ToolCalls []ollamaCall `json:"tool_calls,omitempty"`
}

// ollamaAnswer is a whole answer or one line of a stream. Message belongs to
// chat, Response to generate.
type ollamaAnswer struct {
	Model     string         `json:"model"`
	CreatedAt string         `json:"created_at"`
	Message   *ollamaMessage `json:"message,omitempty"`
	Response  *string        `json:"response,omitempty"`
	Done      bool           `json:"done"`
	*ollamaEnd
}

// ollamaEnd is what only the last line has; durations are in nanoseconds.
type ollamaEnd struct {
	DoneReason         string `json:"done_reason"`
	TotalDuration      int64  `json:"total_duration"`
	LoadDuration       int64  `json:"load_duration"`
	PromptEvalCount    *int   `json:"prompt_eval_count,omitempty"`
	PromptEvalDuration int64  `json:"prompt_eval_duration"`
	EvalCount          *int   `json:"eval_count,omitempty"`
	EvalDuration       int64  `json:"eval_duration"`
}

// serveOllamaChat answers Ollama's POST /api/chat.
func serveOllamaChat(x *exchange) error {
	var req ollamaRequest
	if err := x.decode(&req); err != nil {
		return err
	}
	var p prompt
	if err := p.addMessages("messages", req.Messages); err != nil {
		return err
	}
	return x.ollama(req, p, func(a *ollamaAnswer, text string) {
		a.Message = &ollamaMessage{Role: "assistant", Content: text}
	})
}

// serveOllamaGenerate answers Ollama's POST /api/generate.
func serveOllamaGenerate(x *exchange) error {
	var req ollamaRequest
	if err := x.decode(&req); err != nil {
		return err
	}
	req.Tools = nil // generate knows none
	var p prompt
	p.addText(req.System)
	p.addUser(req.Prompt)
	return x.ollama(req, p, func(a *ollamaAnswer, text string) { a.Response = &text })
}

// ollama answers in one piece or line by line; fill puts a text into a line.
func (x *exchange) ollama(req ollamaRequest, p prompt, fill func(a *ollamaAnswer, text string)) error {
	rep, err := x.reply(req.Model, p, req.Tools, nil, req.Options.NumPredict)
	if err != nil {
		return err
	}
	line := func(text string) ollamaAnswer {
		a := ollamaAnswer{Model: rep.model, CreatedAt: time.Now().UTC().Format(time.RFC3339Nano)}
		fill(&a, text)
		return a
	}
	if req.Stream != nil && !*req.Stream {
		a := line(rep.text())
		a.Done, a.ollamaEnd = true, x.ollamaEnd(rep)
		a.addCall(rep.call)
		return x.answer(a)
	}
	return x.stream("application/x-ndjson", func() error {
		for _, piece := range rep.pieces {
			if err := x.line(line(piece)); err != nil {
				return err
			}
		}
		if rep.call != nil {
			a := line("")
			a.addCall(rep.call)
			if err := x.line(a); err != nil {
				return err
			}
		}
		last := line("")
		last.Done, last.ollamaEnd = true, x.ollamaEnd(rep)
		return x.line(last)
	})
}

func (a *ollamaAnswer) addCall(c *toolCall) {
	if c == nil {
		return
	}
	var oc ollamaCall
	oc.Function.Name, oc.Function.Arguments = c.name, json.RawMessage(c.arguments)
	a.Message.ToolCalls = []ollamaCall{oc}
}

// ollamaEnd closes an answer. Half of the time is said to have gone into each
// of prompt and answer.
func (x *exchange) ollamaEnd(rep reply) *ollamaEnd {
	total := time.Since(x.start).Nanoseconds()
	end := &ollamaEnd{
		// Ollama ends a call of a tool like any other answer.
		DoneReason:         rep.finish("stop", "length", "stop"),
		TotalDuration:      total,
		PromptEvalDuration: total / 2,
		EvalDuration:       total - total/2,
	}
	if !rep.silent {
		end.PromptEvalCount, end.EvalCount = &rep.prompt, &rep.completion
	}
	return end
}
