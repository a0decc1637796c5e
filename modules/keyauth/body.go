// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package keyauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// maxFields is how many members a JSON object may have, or parts a form: each takes many
// times its own bytes of memory.
const maxFields = 10_000

// errFields tells that there are more.
var errFields = errors.New("too many fields")

// body is a request body of one of the types that have named fields. The zero
// value has not been read.
type body struct {
	done     bool
	format   format
	data     []byte // of a form
	boundary string

	members []member // of a JSON object
	parts   []part   // of a form in parts
	whole   bool     // the members or parts are all there are
}

type format uint8

const (
	opaque format = iota
	form
	jsonObject
	multipartForm
)

// read reads the body once, if it is of a type that has fields.
func (b *body) read(k *Keys, r *http.Request, rq *state.Request) error {
	if b.done {
		return nil
	}
	b.done = true
	mediaType, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return nil // no type, no fields
	}
	var f format
	switch mediaType {
	case "application/x-www-form-urlencoded":
		f = form
	case "application/json":
		f = jsonObject
	case "multipart/form-data":
		f, b.boundary = multipartForm, params["boundary"]
	default:
		return nil
	}
	data, err := rq.Body(r, k.MaxBody)
	if err != nil {
		return err
	}
	b.format, b.data = f, data
	switch f {
	case jsonObject:
		b.members, err = membersOf(data)
	case multipartForm:
		b.parts, err = partsOf(data, b.boundary)
	case form, opaque: // looked into where they lie
	}
	if errors.Is(err, errFields) {
		return state.Deny(http.StatusRequestEntityTooLarge, "body_too_large",
			"The request body has more than the "+strconv.Itoa(maxFields)+" fields that are looked into for a key")
	}
	b.whole = err == nil
	return nil
}

// value returns the first value of the field called name, and how often the
// field occurs. A JSON value that is neither string nor array or object counts
// as absent, an array or object as more than one.
func (b *body) value(name string) (value string, n int) {
	switch b.format {
	case form:
		return queryValue(string(b.data), name)
	case jsonObject:
		for _, m := range b.members {
			if m.name == name {
				value, n = m.text, n+m.count
			}
		}
	case multipartForm:
		for _, p := range b.parts {
			if p.FormName() == name && p.FileName() == "" {
				value, n = string(p.data), n+1
			}
		}
	case opaque: // has no fields
	}
	return value, n
}

// without returns the body without the fields of which drop is true, and
// whether that changes it. What stays keeps its spelling and its order.
func (b *body) without(drop func(name, value string) bool) (data []byte, changed bool) {
	switch b.format {
	case form:
		raw := string(b.data)
		if !queryHas(raw, drop) {
			return nil, false
		}
		return []byte(withoutParams(raw, drop, false)), true
	case jsonObject:
		if b.whole {
			return withoutMembers(b.members, drop)
		}
	case multipartForm:
		if b.whole {
			return b.withoutParts(drop)
		}
	case opaque: // has no fields
	}
	return nil, false
}

// member is one member of a JSON object.
type member struct {
	raw   []byte // name, colon and value as they are written
	name  string
	text  string // the value, if it is a string
	count int    // 1 for a string, 2 for an array or object, else 0
}

// errObject tells that a document is not one JSON object.
var errObject = errors.New("no JSON object")

// membersOf reads a whole document that is one JSON object; what is anything
// else has no members.
func membersOf(doc []byte) (members []member, err error) {
	dec := json.NewDecoder(bytes.NewReader(doc))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errObject
	}
	for dec.More() {
		start := dec.InputOffset()
		t, err := dec.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, err
		}
		if len(members) == maxFields {
			return nil, errFields
		}
		m := member{name: t.(string), raw: bytes.TrimLeft(doc[start:dec.InputOffset()], ", \t\r\n")}
		switch value[0] {
		case '"':
			m.count = 1
			if err := json.Unmarshal(value, &m.text); err != nil {
				return nil, err
			}
		case '[', '{':
			m.count = 2
		}
		members = append(members, m)
	}
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errObject // something behind it
	}
	return members, nil
}

func withoutMembers(members []member, drop func(name, value string) bool) (data []byte, changed bool) {
	data = []byte{'{'}
	for _, m := range members {
		if drop(m.name, m.text) {
			changed = true
			continue
		}
		if len(data) > 1 {
			data = append(data, ',')
		}
		data = append(data, m.raw...)
	}
	return append(data, '}'), changed
}

// part is one part of a multipart form, with its content as it was encoded.
type part struct {
	*multipart.Part
	data []byte
}

// partsOf reads a whole form in parts.
func partsOf(doc []byte, boundary string) (parts []part, err error) {
	if boundary == "" {
		return nil, http.ErrMissingBoundary
	}
	mr := multipart.NewReader(bytes.NewReader(doc), boundary)
	for {
		p, err := mr.NextRawPart()
		switch {
		case errors.Is(err, io.EOF):
			return parts, nil
		case err != nil:
			return nil, err
		case len(parts) == maxFields:
			return nil, errFields
		}
		data, err := io.ReadAll(p)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part{p, data})
	}
}

func (b *body) withoutParts(drop func(name, value string) bool) (data []byte, changed bool) {
	var buf bytes.Buffer
	mw := multipart.NewWriter(&buf)
	if err := mw.SetBoundary(b.boundary); err != nil {
		return nil, false
	}
	for _, p := range b.parts {
		if p.FileName() == "" && drop(p.FormName(), string(p.data)) {
			changed = true
			continue
		}
		w, err := mw.CreatePart(p.Header)
		if err != nil {
			return nil, false
		}
		_, _ = w.Write(p.data) // a bytes.Buffer takes everything
	}
	_ = mw.Close()
	return buf.Bytes(), changed
}
