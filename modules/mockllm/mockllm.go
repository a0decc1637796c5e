// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package mockllm is an imitation of an LLM provider: a Caddy handler that
// answers the APIs of OpenAI, Anthropic and Ollama without a model, an account
// or a network. A gateway can be tried and tested against it, and its token
// counts are exact by a rule that a test can recompute. It is of no use for
// anything else; see docs/mock_llm.md.
package mockllm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	_ "github.com/caddy-gateway/tollgate/modules/internal/order"
)

func init() {
	caddy.RegisterModule(new(Handler))
}

const (
	// defaultWords is the size of an answer unless configured.
	defaultWords = 12
	// maxWords bounds what one request can make the handler hold.
	maxWords = 100_000
	// maxBody is the largest request body that is read.
	maxBody = 32 << 20
)

// Handler imitates an LLM provider, for demonstrations and tests. It answers,
// whatever stands before these paths:
//
//	POST /chat/completions         OpenAI chat completions, JSON or SSE
//	POST /responses                OpenAI responses, JSON or SSE
//	POST /embeddings               OpenAI embeddings
//	POST /v1/messages              Anthropic messages, JSON or SSE
//	POST /v1/messages/count_tokens Anthropic token counting
//	POST /api/chat, /api/generate  Ollama, NDJSON unless "stream" is false
//	POST /api/embed                Ollama embeddings
//	GET  /api/tags, /api/version   Ollama
//	GET  /models                   OpenAI; Anthropic given anthropic-version
//
// Every other path gets 404, a wrong method 405, a faulty request 400, each in
// the error shape of the API. It never calls the next handler.
//
// The answer repeats the last user message and is the same for the same
// request. A token is a word, that is, what stands between white space. Prompt
// tokens are the words of the system prompt and of all messages, tool results
// included; definitions and calls of tools, images and audio count nothing.
// Completion tokens are the words of the answer, and of a tool call the words
// of its arguments and one for its name. The request's own limit on tokens is
// kept, and the answer marked as cut off by it. An OpenAI chat stream carries
// usage only if the request asks for it with stream_options.include_usage: in a
// chunk of its own before the end, and as null in all others.
//
// A tool is called when the request offers tools and either its tool_choice
// demands one, or its last message is the user's and holds the word "tool" or
// the name of an offered one. The arguments follow the tool's schema.
//
// The handler sets no placeholders, emits no metrics and keeps no state but
// the number of requests.
type Handler struct {
	// How long to wait before the first byte of every answer. Default: 0.
	Latency caddy.Duration `json:"latency,omitempty"`

	// How long to wait between two events of a stream. Default: 0.
	EventInterval caddy.Duration `json:"event_interval,omitempty"`

	// How many words an answer has, at most 100000. A stream has an event for
	// each of them. Default: 12.
	Words int `json:"words,omitempty"`

	// Makes requests fail. Default: none does.
	Fail *Fail `json:"fail,omitempty"`

	// Breaks the connection after that many events of a stream, as a provider
	// that crashes does. A stream of no more events ends as usual, and answers
	// that are not streamed are left alone. Default: 0, which breaks none.
	CutAfter int `json:"cut_after,omitempty"`

	// How many tokens of a prompt are reported as read from the cache, at most
	// as many as it has. Ollama's API reports none. Default: 0.
	CachedTokens int `json:"cached_tokens,omitempty"`

	// The model that answers claim to come from. Default: the requested one.
	Model string `json:"model,omitempty"`

	// Leaves the usage out of all answers, as many servers of open models do.
	UsageOff bool `json:"usage_off,omitempty"`

	// requests counts the POST requests of this handler.
	requests atomic.Int64
}

// Fail says which requests fail and how.
type Fail struct {
	// The status of the failure, from 400 to 599. Required.
	Status int `json:"status,omitempty"`

	// Of so many POST requests, the last one fails. GET requests never fail,
	// nor are they counted. Default: 1, which fails all.
	Every int `json:"every,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.mock_llm",
		New: func() caddy.Module { return new(Handler) },
	}
}

// Provision applies the defaults.
func (h *Handler) Provision(caddy.Context) error {
	if h.Words == 0 {
		h.Words = defaultWords
	}
	if h.Fail != nil && h.Fail.Every == 0 {
		h.Fail.Every = 1
	}
	return nil
}

// Validate refuses values that cannot be meant, all of them at once.
func (h *Handler) Validate() error {
	var errs []error
	refuse := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	refuse(h.Latency < 0, "latency is negative")
	refuse(h.EventInterval < 0, "event_interval is negative")
	refuse(h.Words < 1 || h.Words > maxWords, "words is %d; it must be from 1 to %d", h.Words, maxWords)
	refuse(h.CutAfter < 0, "cut_after is negative")
	refuse(h.CachedTokens < 0, "cached_tokens is negative")
	if h.Fail != nil {
		refuse(h.Fail.Status < 400 || h.Fail.Status > 599, "fail.status is %d; it must be from 400 to 599", h.Fail.Status)
		refuse(h.Fail.Every < 0, "fail.every is negative")
	}
	return errors.Join(errs...)
}

// ServeHTTP answers r in the API that its path names.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	e, fail := route(r)
	if fail != nil {
		return writeError(w, e.shape, fail)
	}
	x := &exchange{h: h, w: w, r: r, start: time.Now()}
	if e.method == http.MethodPost {
		x.number = h.requests.Add(1)
		if x.body, fail = readBody(w, r); fail != nil {
			return writeError(w, e.shape, fail)
		}
	}
	if err := pause(r.Context(), h.Latency); err != nil {
		return caddyhttp.Error(499, err)
	}
	if f := h.Fail; f != nil && x.number > 0 && x.number%int64(f.Every) == 0 {
		return writeError(w, e.shape, &failure{status: f.Status, message: "this failure is simulated"})
	}
	err := e.serve(x)
	if errors.As(err, &fail) {
		return writeError(w, e.shape, fail)
	}
	return err
}

// pause waits for d or until the request is over, whichever is first.
func pause(ctx context.Context, d caddy.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(time.Duration(d))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Interface guards
var (
	_ caddy.Module                = (*Handler)(nil)
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddy.Validator             = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
