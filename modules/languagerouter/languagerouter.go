// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package languagerouter decides in which language a request is: by what its client
// states, else by its text, so that upstreams and models can be chosen by language.
//
// See docs/language_router.md.
package languagerouter

import (
	"encoding/json"
	"fmt"
	"net/http"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/langroute"
	"github.com/caddy-gateway/tollgate/modules/internal/langtext"
	_ "github.com/caddy-gateway/tollgate/modules/internal/order" // the directive's place
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func init() { caddy.RegisterModule(new(Handler)) }

// Defaults of options.
const (
	defaultConfidence = 0.8
	defaultMinLetters = 4
	mostMinLetters    = 256
	leastMaxBody      = 1 << 10
	mostMaxBody       = 1 << 30
)

// Handler decides in which language a request is. The first of these signals counts
// that names a language which is served: the JSON body, the query, the headers; the text
// of the request, as far as it can be identified for certain; Accept-Language; the
// fallback. It never refuses a request because of its language, unless unserved says so,
// and never because its body is malformed, of another type or too long: it falls back,
// and says why.
//
// What it decides stands in placeholders, in headers to the upstream (X-Detected-Language,
// X-Detected-Language-Confidence, X-Detected-Language-Source and, where a translation is
// asked for, X-Detected-Target-Language), in access log and metrics, and is what the
// matcher language and lb_policy language go by. Of two such handlers the later one
// decides anew.
//
// Placeholders:
//
// Placeholder | Description
// ------------|-------------
// `{gateway.language}` | The language, as hi, hi-Latn or ks-Arab; empty if none was decided on
// `{gateway.language.target}` | The language into which the request is to be translated
// `{gateway.language.pair}` | Both, as hi>ta, or the language alone
// `{gateway.language.script}` | The ISO 15924 code of the script of the text that was looked at
// `{gateway.language.confidence}` | How probable it is that the language is right, from 0.00 to 1.00
// `{gateway.language.source}` | What decided: body, query, header, script, model or the source of another detector, accept_language, fallback
// `{gateway.language.reason}` | Why the language was neither stated nor identified: no_text, too_short, low_confidence, other, not_served, not_ready, invalid_body, too_large
type Handler struct {
	// Languages that are served: codes or names in any usual form (hi, hi-IN,
	// hin_Deva, Hindi), pairs of a translation (hi>ta), and pairs from any language
	// (*>ta). A language stands for all scripts native to it, and for every target.
	// Default: every language.
	Languages []string `json:"languages,omitempty"`

	// Body, Query and Header are where a client states the language: paths in a JSON
	// body (config.language.sourceLanguage; "#" for every element of an array),
	// parameters of the query, headers. Of each, the first that is not empty counts.
	// auto, und, detect and unknown ask for identification.
	Body   []string `json:"body,omitempty"`
	Query  []string `json:"query,omitempty"`
	Header []string `json:"header,omitempty"`

	// TargetBody, TargetQuery and TargetHeader are likewise where the target of a
	// translation is stated.
	TargetBody   []string `json:"target_body,omitempty"`
	TargetQuery  []string `json:"target_query,omitempty"`
	TargetHeader []string `json:"target_header,omitempty"`

	// Detect lists the paths of a JSON body whose text is identified, where nothing
	// states the language. Where anything is to be identified, a body of text/plain is
	// identified as a whole.
	Detect []string `json:"detect,omitempty"`

	// DetectForm lists the fields of forms whose text is identified.
	DetectForm []string `json:"detect_form,omitempty"`

	// LastUserMessage identifies the last message of the user that has text in a body of
	// an LLM API: of OpenAI, Anthropic, Ollama or Gemini.
	LastUserMessage bool `json:"last_user_message,omitempty"`

	// DetectorsRaw are the modules that identify languages, each asked for what those
	// before it find to be in another language. Default: script.
	DetectorsRaw []json.RawMessage `json:"detectors,omitempty" caddy:"namespace=gateway.language_detectors inline_key=detector"`

	// AcceptLanguage says when the header of that name decides: "tiebreak", among the
	// languages in which the script of a text is written that was not identified for
	// certain; "always", whenever nothing before it does; or "off". Default: tiebreak.
	AcceptLanguage langroute.AcceptLanguage `json:"accept_language,omitempty"`

	// Fallback is the language of requests that nothing decides. Default: none.
	Fallback string `json:"fallback,omitempty"`

	// Unserved says what becomes of a stated language that is not served: "identify"
	// the text instead, take the "fallback", or "reject" the request with 400.
	// Default: identify.
	Unserved langroute.Unserved `json:"unserved,omitempty"`

	// Confidence is the probability, from 0 to 1, from which on an identified language
	// counts. Default: 0.8.
	Confidence *float64 `json:"confidence,omitempty"`

	// MinLetters is how many letters a text needs to be identified by more than its
	// script, up to 256. Default: 4.
	MinLetters int `json:"min_letters,omitempty"`

	// MaxBody is up to how many bytes bodies are read, from 1 KiB to 1 GiB. Longer ones
	// pass unread and unedited. Default: 10 MiB.
	MaxBody int64 `json:"max_body,omitempty"`

	// SetBody lists members of a JSON body that are set by language.
	SetBody []Edit `json:"set_body,omitempty"`

	// ResponseHeaders puts the X-Detected headers on the answer as well.
	ResponseHeaders bool `json:"response_headers,omitempty"`

	app     *gateway.App
	logger  *zap.Logger
	reader  *langtext.Reader
	decider *langroute.Decider
	edits   []edit
	// identifies says that texts are identified at all, bodyFirst that a JSON body may
	// state a language, bodyText that its text is identified.
	identifies, bodyFirst, bodyText bool
}

// Edit sets a member of a JSON body by language.
type Edit struct {
	// Path of the member: names with dots between them; a dot in a name has a
	// backslash before it. Objects that are missing on the way are made.
	Path string `json:"path,omitempty"`

	// Values are the strings that the member is set to, by language (hi), pair (hi>ta,
	// *>ta), or "*" for all others, those without a language included. Of several that
	// fit the most specific one counts. They may hold placeholders.
	Values map[string]string `json:"values,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.language_router", New: func() caddy.Module { return new(Handler) }}
}

// Provision loads the detectors and compiles what is configured.
func (h *Handler) Provision(ctx caddy.Context) error {
	app, err := gateway.Get(ctx)
	if err != nil {
		return err
	}
	h.app, h.logger = app, ctx.Logger()
	h.setDefaults()
	h.identifies = h.wantsText() // before the detectors' configuration is let go
	detectors, err := h.loadDetectors(ctx)
	if err == nil {
		err = h.compile(detectors, labels(detectors))
	}
	if err != nil {
		return fmt.Errorf("language_router: %w", err)
	}
	return nil
}

func (h *Handler) setDefaults() {
	if h.AcceptLanguage == "" {
		h.AcceptLanguage = langroute.AcceptTiebreak
	}
	if h.Unserved == "" {
		h.Unserved = langroute.UnservedIdentify
	}
	if h.Confidence == nil {
		confidence := defaultConfidence
		h.Confidence = &confidence
	}
	if h.MinLetters == 0 {
		h.MinLetters = defaultMinLetters
	}
	if h.MaxBody == 0 {
		h.MaxBody = state.DefaultMaxBody
	}
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return state.Serve(h, h.app, w, r, next)
}

// Handle implements state.Handler.
func (h *Handler) Handle(w http.ResponseWriter, r *http.Request, rq *state.Request, next caddyhttp.Handler) error {
	if err := h.visit(r, rq); err != nil {
		return err
	}
	tellUpstream(r.Header, &rq.Language)
	// Who was promised the headers gets those of the router that has decided last.
	if h.ResponseHeaders || rq.Echoes(state.HeaderLanguageSource) {
		tellClient(rq)
	}
	return next.ServeHTTP(w, r)
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
	_ state.Handler               = (*Handler)(nil)
)
