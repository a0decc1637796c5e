// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"io"
	"net/http"
	"testing"
)

// streamed is a stream of one API, event by event. All of them report 20 tokens of
// input and 5 of output for a model in [chainPrices].
type streamed struct {
	name, route, path, model string
	contentType              string
	request                  string
	events                   []string
	cost                     string
}

var streams = []streamed{
	{
		name: "openai", route: "openai", path: "/llm/openai/v1/chat/completions", model: "test-chat",
		contentType: "text/event-stream; charset=utf-8",
		request: `{"model":"test-chat","stream":true,"stream_options":{"include_usage":true},` +
			`"messages":[{"role":"user","content":"hi"}]}`,
		events: []string{
			`data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"test-chat","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}` + "\n\n",
			`data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"test-chat","choices":[{"index":0,"delta":{"content":"Hel"}}]}` + "\n\n",
			`data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"test-chat","choices":[{"index":0,"delta":{"content":"lo"}}]}` + "\n\n",
			`data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"test-chat","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n",
			`data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"test-chat","choices":[],"usage":{"prompt_tokens":20,"completion_tokens":5,"total_tokens":25}}` + "\n\n",
			"data: [DONE]\n\n",
		},
		cost: usd(20*3_000_000 + 5*11_000_000),
	},
	{
		name: "anthropic", route: "anthropic", path: "/llm/anthropic/v1/messages", model: "test-claude",
		contentType: "text/event-stream; charset=utf-8",
		request:     `{"model":"test-claude","stream":true,"max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`,
		events: []string{
			"event: message_start\n" + `data: {"type":"message_start","message":{"id":"m1","type":"message","role":"assistant","model":"test-claude","content":[],"usage":{"input_tokens":20,"output_tokens":1}}}` + "\n\n",
			"event: content_block_start\n" + `data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}` + "\n\n",
			"event: ping\n" + `data: {"type":"ping"}` + "\n\n",
			"event: content_block_delta\n" + `data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}` + "\n\n",
			"event: content_block_stop\n" + `data: {"type":"content_block_stop","index":0}` + "\n\n",
			"event: message_delta\n" + `data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":5}}` + "\n\n",
			"event: message_stop\n" + `data: {"type":"message_stop"}` + "\n\n",
		},
		cost: usd(20*5_000_000 + 5*25_000_000),
	},
	{
		name: "ollama", route: "ollama", path: "/llm/ollama/api/chat", model: "test-llama",
		contentType: "application/x-ndjson",
		request:     `{"model":"test-llama","messages":[{"role":"user","content":"hi"}]}`,
		events: []string{
			`{"model":"test-llama","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"Hel"},"done":false}` + "\n",
			`{"model":"test-llama","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"lo"},"done":false}` + "\n",
			`{"model":"test-llama","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":20,"eval_count":5}` + "\n",
		},
		cost: usd(20*200_000 + 5*900_000),
	},
}

// Stepper is an upstream that sends one event of a stream each time it is told to.
type Stepper struct {
	*Upstream
	steps chan struct{}
	ended chan error // how writing an answer ended
}

// stepper starts an upstream that answers each path of [streams] with its stream.
func stepper(t *testing.T) *Stepper {
	t.Helper()
	s := &Stepper{steps: make(chan struct{}, 1), ended: make(chan error, 16)}
	s.Upstream = upstream(t, func(w http.ResponseWriter, r *http.Request) {
		for _, f := range streams {
			if "/llm/"+f.route+r.URL.Path == f.path {
				s.ended <- s.answer(w, r, f)
				return
			}
		}
		http.NotFound(w, r)
	})
	return s
}

func (s *Stepper) answer(w http.ResponseWriter, r *http.Request, f streamed) error {
	w.Header().Set("Content-Type", f.contentType)
	for _, event := range f.events {
		select {
		case <-s.steps:
		case <-r.Context().Done():
			return r.Context().Err()
		}
		if _, err := io.WriteString(w, event); err != nil {
			return err
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			return err
		}
	}
	return nil
}

// Step lets the upstream send its next event.
func (s *Stepper) Step() { s.steps <- struct{}{} }
