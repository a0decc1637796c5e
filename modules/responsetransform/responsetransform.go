// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package responsetransform edits answers on their way to the client: header fields, JSON
// documents, and the JSON in server-sent events and NDJSON.
//
// See docs/response_transform.md.
package responsetransform

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	_ "github.com/caddy-gateway/tollgate/modules/internal/order" // the directive's place
	"github.com/caddy-gateway/tollgate/modules/internal/reshape"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func init() { caddy.RegisterModule(new(Handler)) }

// Unedited is what becomes of an answer whose body should be edited and cannot be.
type Unedited string

// What becomes of it.
const (
	// UneditedPass passes the body on as it is.
	UneditedPass Unedited = "pass"
	// UneditedReject answers 502 in its place, or breaks a stream off.
	UneditedReject Unedited = "reject"
)

const (
	defaultMaxBody = 1 << 20
	mostMaxBody    = 1 << 30
)

// Handler edits answers: it removes, renames, replaces, sets, adds and appends header
// fields and members of a JSON body, in this order. All placeholders are replaced before
// the first edit, so that they tell of the answer as it came.
//
// Where no edit is of a body, bodies pass through untouched. Where one is, a JSON
// document is held back to its end, up to MaxBody, and a stream of server-sent events or
// NDJSON is edited event by event while it passes. Bodies in gzip, br or zstd are decoded,
// and go on without coding. Parts of a body, and codings that cannot be read, are not asked
// for: Range and the other codings are removed from requests.
//
// An answer that edits put a header of the request into names that in Vary.
//
// Handlers behind it, such as llm_cost and gateway_cache, see answers as they came.
// Refusals of the gateway are not edited.
type Handler struct {
	// Edits are the edits, of header and body. They take place in the order of what
	// they do, and those that do the same in the order in which they stand here.
	Edits []reshape.Edit `json:"edits,omitempty"`

	// Status lists the statuses of answers that are edited: codes such as 404, or the
	// first digit of a class, such as 2. Default: all.
	Status []int `json:"status,omitempty"`

	// ContentTypes are the media types whose bodies are edited, such as
	// application/json or text/*. Default: application/json, types that end in +json,
	// text/event-stream and application/x-ndjson.
	ContentTypes []string `json:"content_types,omitempty"`

	// Unedited says what becomes of a body that is to be edited and is too long, not
	// what its media type says, in a coding that is not known or damaged, a part, or
	// has trailers: "pass" passes it on as it is, "reject" answers 502 in its place, or
	// breaks off what has begun. Default: pass.
	Unedited Unedited `json:"unedited,omitempty"`

	// MaxBody is up to how many bytes a document, an event or a line is held, at most
	// 1 GiB. Of a compressed document it bounds both forms. Default: 1 MiB.
	MaxBody int64 `json:"max_body,omitempty"`

	app  *gateway.App
	plan *reshape.Plan

	// The headers of requests that placeholders of edits of the header, and of the
	// body, take something from.
	headerVary, bodyVary []string
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.response_transform", New: func() caddy.Module { return new(Handler) }}
}

// Provision compiles the edits.
func (h *Handler) Provision(ctx caddy.Context) error {
	app, err := gateway.Get(ctx)
	if err != nil {
		return err
	}
	h.app = app
	if h.Unedited == "" {
		h.Unedited = UneditedPass
	}
	if h.MaxBody == 0 {
		h.MaxBody = defaultMaxBody
	}
	if h.plan, err = h.compile(); err != nil {
		return fmt.Errorf("response_transform: %w", err)
	}
	h.headerVary, h.bodyVary = takenFrom(h.Edits)
	return nil
}

// planOptions are what edits of answers are compiled for.
var planOptions = reshape.Options{Reserved: state.ReservedHeader, NoQuery: true}

func (h *Handler) compile() (*reshape.Plan, error) {
	switch {
	case len(h.Edits) == 0:
		return nil, errors.New("nothing is to be edited; write lines such as: remove header Server")
	case h.Unedited != "" && h.Unedited != UneditedPass && h.Unedited != UneditedReject:
		return nil, fmt.Errorf("unedited is %q; it must be pass or reject", h.Unedited)
	case h.MaxBody < 0 || h.MaxBody > mostMaxBody:
		return nil, fmt.Errorf("max_body is %d; it must be from 1 to %d bytes", h.MaxBody, mostMaxBody)
	}
	for _, s := range h.Status {
		if s < 2 || s > 599 || s > 5 && s < 200 {
			return nil, fmt.Errorf("status %d is neither a code from 200 to 599 nor a class from 2 to 5", s)
		}
	}
	for _, t := range h.ContentTypes {
		if err := reshape.CheckMedia(t); err != nil {
			return nil, err
		}
	}
	return reshape.Compile(h.Edits, planOptions)
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return state.Serve(h, h.app, w, r, next)
}

// Handle implements state.Handler.
func (h *Handler) Handle(w http.ResponseWriter, r *http.Request, rq *state.Request, next caddyhttp.Handler) (err error) {
	a := &answer{h: h, rq: rq, r: r}
	a.ResponseWriter = w
	if h.plan.EditsBody() {
		delete(r.Header, "Range")
		delete(r.Header, "If-Range")
		askReadable(r.Header)
		if h.Unedited == UneditedReject {
			a.before = w.Header().Clone()
			defer func() { err = a.replaced(recover(), err) }()
		}
		defer a.release()
	}
	if err := next.ServeHTTP(a, r); err != nil {
		return err
	}
	return a.end()
}

// replaced is what the handler returns in place of err, or in place of the panic by which
// a proxy breaks the connection off when it cannot write. Of an answer that is rejected
// nothing has been sent, so that another can take its place.
func (a *answer) replaced(panicked any, err error) error {
	if a.rejected == nil || panicked != nil && panicked != http.ErrAbortHandler { //nolint:errorlint // net/http compares it likewise
		if panicked != nil {
			panic(panicked)
		}
		return err
	}
	header := a.Header()
	clear(header)
	maps.Copy(header, a.before)
	return a.rejected
}

// edits says that answers with the status are edited.
func (h *Handler) edits(status int) bool {
	return len(h.Status) == 0 || slices.Contains(h.Status, status) || slices.Contains(h.Status, status/100)
}

// expand returns what replaces placeholders, for the request of an answer, if there are
// any.
func (h *Handler) expand(r *http.Request) func(string) string {
	if h.plan.IsStatic() {
		return nil
	}
	return func(text string) string {
		if repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
			return repl.ReplaceKnown(text, "")
		}
		return text
	}
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
	_ state.Handler               = (*Handler)(nil)
)
