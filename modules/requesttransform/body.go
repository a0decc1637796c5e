// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package requesttransform

import (
	"bytes"
	"errors"
	"net/http"
	"sync"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
	"github.com/caddy-gateway/tollgate/modules/internal/reshape"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

var editors = sync.Pool{New: func() any { return new(reshape.Editor) }}

// body edits the body of a request, if it is one for that. It returns the form that is to
// become part of the query, if there is one.
func (h *Handler) body(r *http.Request, rq *state.Request, b *reshape.Bound) (form string, err error) {
	absent := r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0
	if r.Method == http.MethodConnect || r.Method == http.MethodGet && r.Header["Upgrade"] != nil && absent {
		return "", nil // what comes is a stream, not a body
	}
	media, unlabelled := reshape.Other, false
	if types := r.Header["Content-Type"]; len(types) > 0 && types[0] != "" {
		media = reshape.MediaOf(types[0], h.ContentTypes)
	} else {
		unlabelled = len(h.ContentTypes) == 0
	}
	switch {
	case h.Malformed != MalformedPass && !absent && h.ambiguous(r.Header["Content-Type"]):
		h.app.CountTransforms(rq, false, gateway.TransformMalformed, 1)
		return "", state.Deny(http.StatusBadRequest, "ambiguous_field",
			"The request names several types or a charset other than UTF-8 in Content-Type, so that its body may be read in several ways")
	case !unlabelled && !h.touches(media):
		return "", nil
	case absent && (unlabelled || !b.CreatesBody()):
		return "", nil
	case unlabelled && !h.plan.EditsBody():
		return "", nil
	case h.Malformed == MalformedPass && state.ContentCoding(r.Header) != "":
		h.app.CountTransforms(rq, false, gateway.TransformCoded, 1)
		return "", nil
	}
	doc, err := rq.Body(r, h.MaxBody)
	if err != nil {
		return "", err
	}
	if unlabelled {
		if first := bytes.TrimLeft(doc, " \t\r\n"); len(first) == 0 || first[0] != '{' && first[0] != '[' {
			return "", nil
		}
	}
	return h.edit(r, rq, b, media, doc)
}

// edit edits a body that was read.
func (h *Handler) edit(r *http.Request, rq *state.Request, b *reshape.Bound, media reshape.Media, doc []byte) (form string, err error) {
	var (
		out    []byte
		edited bool
	)
	switch {
	case !h.plan.EditsBody():
		form = string(doc)
	case media == reshape.Form:
		form, edited, err = b.Form(string(doc), h.Malformed != MalformedPass)
		out = []byte(form)
	case media == reshape.Lines:
		out, edited, err = h.lines(doc, b)
	default:
		ed := editors.Get().(*reshape.Editor)
		out, edited, err = ed.Apply(make([]byte, 0, len(doc)+256), doc, b, h.Malformed != MalformedPass)
		editors.Put(ed)
	}
	if err != nil {
		return "", h.fault(rq, err)
	}
	outcome := gateway.TransformUnchanged
	if edited {
		outcome = gateway.TransformEdited
		rq.SetBody(r, out)
	}
	if h.plan.EditsBody() {
		h.app.CountTransforms(rq, false, outcome, 1)
	}
	if !h.FormToQuery || media != reshape.Form {
		return "", nil
	}
	rq.SetBody(r, nil)
	delete(r.Header, "Content-Type")
	return reshape.FormQuery(form), nil
}

// lines edits the lines of NDJSON.
func (h *Handler) lines(doc []byte, b *reshape.Bound) (out []byte, edited bool, err error) {
	ed := editors.Get().(*reshape.Editor)
	defer editors.Put(ed)
	out = make([]byte, 0, len(doc)+256)
	for line := range bytes.Lines(doc) {
		text := bytes.TrimRight(line, "\r\n")
		did := false
		if len(bytes.TrimSpace(text)) > 0 {
			if out, did, err = ed.Apply(out, text, b, h.Malformed != MalformedPass); err != nil {
				return nil, false, err
			}
		}
		if did {
			edited, line = true, line[len(text):]
		}
		if out = append(out, line...); len(out) > len(doc)+reshape.MaxGrowth {
			return nil, false, reshape.ErrTooMany
		}
	}
	return out, edited, nil
}

// fault counts a body that cannot be edited, and says what becomes of its request.
func (h *Handler) fault(rq *state.Request, err error) error {
	if dup, ok := errors.AsType[*jsonpeek.DuplicateError](err); ok {
		h.app.CountTransforms(rq, false, gateway.TransformMalformed, 1)
		return state.Deny(http.StatusBadRequest, "ambiguous_field",
			"The member or field "+dup.Name+" is given more than once, or in another spelling, so that parsers may read different values")
	}
	if errors.Is(err, reshape.ErrTooMany) {
		h.app.CountTransforms(rq, false, gateway.TransformTooLarge, 1)
		return state.Deny(http.StatusRequestEntityTooLarge, "too_complex", "The request body has too many members or fields to be edited")
	}
	h.app.CountTransforms(rq, false, gateway.TransformMalformed, 1)
	if h.Malformed == MalformedPass {
		return nil
	}
	return state.Deny(http.StatusBadRequest, "invalid_json", "The request body is not one valid JSON document")
}
