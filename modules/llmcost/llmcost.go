// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package llmcost meters calls of language models: it reads from the request
// which model is called, holds the caller to its list of models, reads from
// the answer how many tokens were used, prices them, and has them recorded for
// the consumer. The answer reaches the client unchanged and undelayed.
package llmcost

import (
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	_ "github.com/caddy-gateway/tollgate/modules/internal/order" // the directive's place
	"github.com/caddy-gateway/tollgate/modules/internal/pricing"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

func init() { caddy.RegisterModule(new(Handler)) }

const (
	defaultMaxBody = 32 << 20
	leastMaxBody   = 1 << 10
	mostMaxBody    = 1 << 30
	// holdLimit is the largest answer that is held to its end so that
	// response headers can tell what it cost.
	holdLimit = 1 << 20
)

// Handler meters the model calls of a route. It stands behind authentication
// and before the proxy.
//
// The wire format follows from the request path: OpenAI chat completions,
// responses and embeddings, Anthropic messages, Ollama's own API, Gemini. The
// provider says by whose prices a call is priced. Bodies of model calls are
// read whole, up to max_body, and parsed strictly: what the gateway decides on
// (model, stream, the output limit) must mean the same to every parser, so a
// body in which such a field is repeated, or spelled in a case variant, is
// refused. Endpoints that cost nothing (lists of models, counting tokens) and
// forms with files pass unread; all else that is posted to a model's endpoint is
// read as JSON, whatever it is declared to be, since that is what servers do.
//
// An answer up to 1 MiB that is not streamed is held to its end, so that its
// headers can carry what it cost; with headers off nothing is held. Streams
// and larger answers pass as they come, and tell in the log and placeholders.
//
// Placeholders:
//
// Placeholder | Description
// ------------|-------------
// `{gateway.llm.provider}` | The provider by whose prices the call is priced
// `{gateway.llm.model}` | The model that the request asks for
// `{gateway.llm.response_model}` | The model that the answer names
// `{gateway.llm.operation}` | chat, responses, embeddings, messages, generate, ...
// `{gateway.llm.stream}` | Whether the client asked for a stream
// `{gateway.llm.tokens}` | All tokens; also input_tokens, output_tokens, and tokens.<class>
// `{gateway.llm.cost}` | The cost in US dollars, exact; empty while unknown
// `{gateway.llm.exact}` | Whether the provider itself reported the complete usage
// `{gateway.llm.estimated}` | Whether the gateway had to count tokens itself
// `{gateway.llm.tokenizer}` | With what it counted them
// `{gateway.llm.truncated}` | Whether the answer broke off
// `{gateway.llm.service_tier}` | The service tier that the answer names
type Handler struct {
	// Provider by whose prices calls are priced, and under which they are
	// counted: anthropic, deepseek, xai, ollama, openai, gemini, or a name
	// of your own with prices of your own. Empty: the usual provider of the
	// wire format that the path shows.
	Provider string `json:"provider,omitempty"`

	// Format is the wire format of JSON bodies posted to paths that name
	// none: openai, responses, embeddings, anthropic, ollama or gemini.
	// Default: the provider's own.
	Format string `json:"format,omitempty"`

	// MaxBody is the largest request body that is accepted, in bytes, from
	// 1 KiB to 1 GiB. Default: 32 MiB.
	MaxBody int64 `json:"max_body,omitempty"`

	// HeadersOff leaves out the response headers with tokens and cost, and
	// with them the holding of answers.
	HeadersOff bool `json:"headers_off,omitempty"`

	// AskUsageOff leaves streamed calls as they are. By default the gateway asks
	// OpenAI-style streams for their usage where the client did not, and removes
	// from the answer what that adds. It is for servers that refuse to be asked;
	// their streams are counted by the gateway.
	AskUsageOff bool `json:"ask_usage_off,omitempty"`

	// UnfinishedPass lets a stream that lacks the event which ends its format, a
	// usage and an error end as if it were complete. By default the connection is
	// broken then, because most clients could not tell.
	UnfinishedPass bool `json:"unfinished_pass,omitempty"`

	// UnknownModel overrides the app's option of the same name: "allow" or
	// "refuse".
	UnknownModel string `json:"unknown_model,omitempty"`

	app      *gateway.App
	prices   *pricing.Book
	fallback usage.Format
	refuse   bool
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.llm_cost", New: func() caddy.Module { return new(Handler) }}
}

// Provision sets defaults and takes the price book from the gateway app.
func (h *Handler) Provision(ctx caddy.Context) error {
	app, err := gateway.Get(ctx)
	if err != nil {
		return err
	}
	h.app, h.prices = app, app.Prices()
	if h.MaxBody == 0 {
		h.MaxBody = defaultMaxBody
	}
	unknown := h.UnknownModel
	if unknown == "" {
		unknown = app.UnknownModel
	}
	h.refuse = unknown == gateway.UnknownRefuse
	format := h.Format
	if format == "" {
		format = providerFormats[h.Provider]
	}
	h.fallback = formats[format]
	return nil
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return state.Serve(h, h.app, w, r, next)
}

// Handle implements state.Handler.
func (h *Handler) Handle(w http.ResponseWriter, r *http.Request, rq *state.Request, next caddyhttp.Handler) error {
	llm := &rq.LLM
	llm.Endpoint = h.endpoint(r)
	llm.Provider = h.provider(llm.Endpoint.Format)
	rq.Shape, rq.ShapeSet = state.ShapeOf(llm.Endpoint.Format), true
	if r.Method != http.MethodGet && r.Method != http.MethodConnect {
		// Only GET opens a WebSocket (RFC 6455, section 4.1). A call must not turn
		// into a connection that nobody meters.
		delete(r.Header, "Upgrade")
	}
	kind := h.kind(r, llm.Endpoint)
	if kind == free {
		return next.ServeHTTP(w, r)
	}
	var q question
	if kind == call {
		if err := h.readRequest(r, rq, &q); err != nil {
			return err
		}
	}
	model, err := h.admit(rq, kind)
	if err != nil {
		return err
	}
	if kind != call {
		return h.passUnread(w, r, rq, kind, next)
	}
	acceptReadable(r.Header, rq.LLM.Stream)
	m := meters.Get().(*meter)
	m.handler, m.rq, m.asked = h, rq, model
	m.filtering, m.background = h.ask(r, rq, &q), q.background()
	rq.LLM.Bounder = m
	rq.OnSettle(m)
	if err := rq.Reach(state.CallKnown, r); err != nil {
		return err
	}
	m.writer = rq.Tapped(w, r, m)
	if err := next.ServeHTTP(m.writer, r); err != nil {
		return err
	}
	if !h.UnfinishedPass && m.unfinished() {
		// The end of the body would look like the end of the answer.
		panic(http.ErrAbortHandler)
	}
	return rq.EndTapped(m.writer)
}

// TellsCall implements state.CallTeller.
func (*Handler) TellsCall() {}

// endpoint says what the request is for: by its path, or, for JSON posted to a
// path that says nothing, in the format of the provider.
func (h *Handler) endpoint(r *http.Request) usage.Endpoint {
	ep := usage.EndpointOf(r.Method, r.URL.Path)
	if ep == (usage.Endpoint{}) && isJSON(r.Header) {
		ep.Format = h.fallback
	}
	return ep
}

// provider is the name under which a call is counted.
func (h *Handler) provider(f usage.Format) string {
	if h.Provider != "" {
		return h.Provider
	}
	return formatProviders[f]
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
	_ state.Handler               = (*Handler)(nil)
)
