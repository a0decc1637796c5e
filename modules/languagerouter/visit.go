// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languagerouter

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
	"github.com/caddy-gateway/tollgate/modules/internal/langroute"
	"github.com/caddy-gateway/tollgate/modules/internal/langtext"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// visit is one request in the handler. It is used again for others.
type visit struct {
	h  *Handler
	r  *http.Request
	rq *state.Request

	kind    kind
	loaded  bool
	edited  bool
	missing string // why there is no text, once loaded; empty if it was read
	doc     []byte // the JSON document, if the body is one
	found   langtext.Found
	request langroute.Request
}

var visits = sync.Pool{New: func() any { return new(visit) }}

// visit decides on a request and edits its body.
func (h *Handler) visit(r *http.Request, rq *state.Request) error {
	v := visits.Get().(*visit)
	v.h, v.r, v.rq = h, r, rq
	v.kind = kindOf(r)
	err := v.decide()
	if err == nil && len(h.edits) > 0 {
		err = v.edit()
	}
	found := v.found
	found.Reset()
	*v = visit{found: found}
	visits.Put(v)
	return err
}

// decide fills in the language of the request.
func (v *visit) decide() error {
	h, q := v.h, &v.request
	if h.bodyFirst && v.kind.holdsJSON() {
		if err := v.load(); err != nil {
			return err
		}
		q.Body, q.Target = string(bytes.TrimSpace(v.found.Stated)), string(bytes.TrimSpace(v.found.Target))
	}
	if q.Body == "" {
		if q.Query = firstParam(v.r.URL.RawQuery, h.Query); q.Query == "" {
			q.Header = firstHeader(v.r.Header, h.Header)
		}
	}
	if q.Target == "" {
		if q.Target = firstParam(v.r.URL.RawQuery, h.TargetQuery); q.Target == "" {
			q.Target = firstHeader(v.r.Header, h.TargetHeader)
		}
	}
	q.AcceptLanguage, q.Text = v.r.Header["Accept-Language"], v
	d, err := h.decider.Decide(q)
	if refused, ok := errors.AsType[*langroute.NotServedError](err); ok {
		message := refused.Error()
		return state.Deny(http.StatusBadRequest, "language_not_served", strings.ToUpper(message[:1])+message[1:])
	}
	if err != nil {
		return err
	}
	v.rq.Language = state.Language(d)
	return nil
}

// Text implements langroute.Text.
func (v *visit) Text() (text []byte, missing string, err error) {
	if v.wantsText() {
		err = v.load()
	}
	switch {
	case err != nil:
		return nil, "", err
	case v.loaded && v.missing != "":
		return nil, v.missing, nil
	case !v.h.identifies || len(v.found.Text) == 0:
		return nil, langroute.ReasonNoText, nil
	}
	return v.found.Text, "", nil
}

// wantsText says that the body may hold a text that is to be identified.
func (v *visit) wantsText() bool {
	switch v.kind {
	case jsonBody, unlabelled:
		return v.h.bodyText
	case form:
		return len(v.h.DetectForm) > 0
	case plain:
		return v.h.identifies
	case unread:
	}
	return false
}

// load reads the body, once, and takes from it what is looked for.
func (v *visit) load() error {
	if v.loaded {
		return nil
	}
	v.loaded = true
	switch {
	case v.kind == unread || caddyhttp.IsIncremental(v.r.Header):
		v.missing = langroute.ReasonNoText
		return nil
	case v.kind != jsonBody && state.ContentCoding(v.r.Header) != "":
		v.missing = langroute.ReasonInvalidBody
		return nil
	}
	body, whole, err := v.rq.BodyWithin(v.r, v.h.MaxBody)
	switch {
	case err != nil:
		return err
	case !whole:
		v.missing = langroute.ReasonTooLarge
		return nil
	case len(body) == 0:
		v.missing = langroute.ReasonNoText
		return nil
	}
	switch v.kind {
	case unlabelled:
		if !opensJSON(body) {
			v.missing = langroute.ReasonNoText
			return nil
		}
		err = v.readJSON(body)
	case jsonBody:
		err = v.readJSON(body)
	case form:
		if v.h.reader.Form(body, v.r.Header.Get("Content-Type"), &v.found) != nil {
			v.invalid()
		}
	case plain:
		v.h.reader.Plain(body, &v.found)
	case unread:
	}
	return err
}

// readJSON takes from a JSON document what is looked for.
func (v *visit) readJSON(doc []byte) error {
	err := v.h.reader.JSON(doc, &v.found)
	if dup, ok := errors.AsType[*jsonpeek.DuplicateError](err); ok {
		return ambiguous(dup)
	}
	if err != nil {
		v.invalid()
		return nil
	}
	v.doc = doc
	return nil
}

// invalid notes that the body is not what it is declared to be.
func (v *visit) invalid() {
	v.found.Reset()
	v.missing = langroute.ReasonInvalidBody
}

// ambiguous refuses a body in which a member is there twice that decides or is set.
func ambiguous(dup *jsonpeek.DuplicateError) error {
	return state.Deny(http.StatusBadRequest, "ambiguous_field",
		"The member "+dup.Name+" is given more than once, or in another spelling, so that parsers may read different values")
}

// Interface guards
var _ langroute.Text = (*visit)(nil)
