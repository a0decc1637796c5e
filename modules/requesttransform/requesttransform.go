// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package requesttransform edits requests on their way to the upstream: header fields,
// the query, forms and JSON bodies.
//
// See docs/request_transform.md.
package requesttransform

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
	_ "github.com/caddy-gateway/tollgate/modules/internal/order" // the directive's place
	"github.com/caddy-gateway/tollgate/modules/internal/reshape"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

func init() { caddy.RegisterModule(new(Handler)) }

// Malformed is what becomes of a body that is not what its media type says.
type Malformed string

// What becomes of it.
const (
	// MalformedReject answers 400.
	MalformedReject Malformed = "reject"
	// MalformedPass passes it on as it is.
	MalformedPass Malformed = "pass"
)

// mostMaxBody is the largest max_body.
const mostMaxBody = 1 << 30

// Handler edits requests: it removes, renames, replaces, sets, adds and appends header
// fields, parameters of the query, and members of a JSON body or fields of a form, in
// this order. All placeholders are replaced before the first edit, so that they tell of
// the request as it came.
//
// Where no edit is of a body, bodies are neither read nor kept. Where one is, a body of
// JSON or a form is read whole, up to MaxBody: a longer one is 413, a compressed one 415,
// and JSON in which an edited member is there twice or in another spelling 400. Bodies of
// other types stay as they are.
//
// A name or value that a placeholder has come to and that cannot be used, such as one
// with a line break for a header field, is left out: replace and set then remove what
// they were to replace.
type Handler struct {
	// Edits are the edits. They take place in the order of what they do, and those
	// that do the same in the order in which they stand here.
	Edits []reshape.Edit `json:"edits,omitempty"`

	// ContentTypes are the media types whose bodies are edited, such as
	// application/json or text/*. Default: application/json, types that end in +json,
	// application/x-ndjson, application/x-www-form-urlencoded, and JSON without a type.
	ContentTypes []string `json:"content_types,omitempty"`

	// Malformed says what becomes of a body that is to be edited and is not what its
	// media type says: "reject" answers 400, "pass" passes it on as it is, and likewise
	// a compressed one. With pass, edits take place wherever a name is exactly theirs,
	// also several times. Default: reject; pass with the profile kong.
	Malformed Malformed `json:"malformed,omitempty"`

	// FormToQuery moves the fields of an urlencoded form into the query, behind the
	// parameters that are there, and leaves the request without a body.
	FormToQuery bool `json:"form_to_query,omitempty"`

	// MaxBody is up to how many bytes bodies are read, at most 1 GiB. Default: 10 MiB.
	MaxBody int64 `json:"max_body,omitempty"`

	app   *gateway.App
	plan  *reshape.Plan
	ascii bool // no name in a body is beyond ASCII
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.request_transform", New: func() caddy.Module { return new(Handler) }}
}

// Provision compiles the edits.
func (h *Handler) Provision(ctx caddy.Context) error {
	app, err := gateway.Get(ctx)
	if err != nil {
		return err
	}
	h.app = app
	if h.Malformed == "" {
		h.Malformed = MalformedReject
		if app.Kong() {
			h.Malformed = MalformedPass
		}
	}
	if h.MaxBody == 0 {
		h.MaxBody = state.DefaultMaxBody
	}
	if h.plan, err = h.compile(); err != nil {
		return fmt.Errorf("request_transform: %w", err)
	}
	h.ascii = namesAreASCII(h.Edits)
	return nil
}

func (h *Handler) compile() (*reshape.Plan, error) {
	switch {
	case len(h.Edits) == 0 && !h.FormToQuery:
		return nil, errors.New("nothing is to be edited; write lines such as: remove header X-Debug")
	case h.Malformed != "" && h.Malformed != MalformedReject && h.Malformed != MalformedPass:
		return nil, fmt.Errorf("malformed is %q; it must be reject or pass", h.Malformed)
	case h.MaxBody < 0 || h.MaxBody > mostMaxBody:
		return nil, fmt.Errorf("max_body is %d; it must be from 1 to %d bytes", h.MaxBody, mostMaxBody)
	}
	for _, t := range h.ContentTypes {
		if err := reshape.CheckMedia(t); err != nil {
			return nil, err
		}
	}
	return reshape.Compile(h.Edits, reshape.Options{Reserved: state.ReservedHeader})
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return state.Serve(h, h.app, w, r, next)
}

// Handle implements state.Handler.
func (h *Handler) Handle(w http.ResponseWriter, r *http.Request, rq *state.Request, next caddyhttp.Handler) error {
	b := h.plan.Bind(h.expand(r))
	if b.Unusable > 0 {
		h.app.CountTransforms(rq, false, gateway.TransformUnusable, b.Unusable)
	}
	b.Headers(r.Header)
	if h.plan.EditsHeaders() {
		state.ProtectHeaders(r.Header)
	}
	form := ""
	if h.plan.EditsBody() || h.FormToQuery {
		var err error
		if form, err = h.body(r, rq, b); err != nil {
			return err
		}
	}
	query, changed, err := b.Query(r.URL.RawQuery, h.Malformed != MalformedPass)
	if dup, ok := errors.AsType[*jsonpeek.DuplicateError](err); ok {
		h.app.CountTransforms(rq, false, gateway.TransformMalformed, 1)
		return state.Deny(http.StatusBadRequest, "ambiguous_field",
			"The parameter "+dup.Name+" stands behind a semicolon, which some servers take for a separator and others do not")
	}
	if err != nil {
		h.app.CountTransforms(rq, false, gateway.TransformTooLarge, 1)
		return state.Deny(http.StatusRequestURITooLong, "too_complex", "The query has too many parameters to be edited")
	}
	if form != "" {
		if changed = true; query != "" {
			query += "&"
		}
		query += form
	}
	if changed {
		r.URL.RawQuery = query
		r.URL.ForceQuery = false
		r.RequestURI = r.URL.RequestURI()
	}
	return next.ServeHTTP(w, r)
}

// expand returns what replaces placeholders, if there are any.
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
