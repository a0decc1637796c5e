// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package keyauth

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// fields is an object encoder that hides secrets before it hands fields to the
// one it wraps. Kinds of fields that it does not mention hold no text.
type fields struct {
	zapcore.ObjectEncoder
	headers bool // the members of this object are headers or CGI variables
}

// AddString implements zapcore.ObjectEncoder.
func (f *fields) AddString(key, value string) {
	if f.secret(key) {
		f.ObjectEncoder.AddString(key, redacted)
		return
	}
	if f.headers && isProtocolHeader(key) {
		value = strings.Join(currentSecrets().protocols([]string{value}), ", ")
	}
	f.ObjectEncoder.AddString(key, currentSecrets().text(value))
}

// AddByteString implements zapcore.ObjectEncoder.
func (f *fields) AddByteString(key string, value []byte) { f.AddString(key, string(value)) }

// AddArray implements zapcore.ObjectEncoder. The values of a header stay what
// they are to Caddy, because filters in a wrapped format know no other list.
func (f *fields) AddArray(key string, m zapcore.ArrayMarshaler) error {
	if f.secret(key) {
		return f.ObjectEncoder.AddArray(key, hidden)
	}
	if values, ok := m.(caddyhttp.LoggableStringArray); ok {
		if f.headers && isProtocolHeader(key) {
			return f.ObjectEncoder.AddArray(key, caddyhttp.LoggableStringArray(currentSecrets().protocols(values)))
		}
		if clean, changed := currentSecrets().texts(values); changed {
			m = clean
		}
		return f.ObjectEncoder.AddArray(key, m)
	}
	return f.ObjectEncoder.AddArray(key, array{m})
}

// AddObject implements zapcore.ObjectEncoder.
func (f *fields) AddObject(key string, m zapcore.ObjectMarshaler) error {
	return f.ObjectEncoder.AddObject(key, &object{m: m, headers: holdsHeaders(key)})
}

// AddReflected implements zapcore.ObjectEncoder. Values that describe
// themselves only by reflection are encoded as JSON here, which is what the
// encoders of Caddy would do with them, and hidden in as text.
func (f *fields) AddReflected(key string, value any) error {
	switch v := value.(type) {
	case http.Header:
		return f.ObjectEncoder.AddObject(key, &object{m: headerObject(v), headers: true})
	case map[string][]string:
		return f.ObjectEncoder.AddObject(key, &object{m: headerObject(v), headers: true})
	}
	if f.secret(key) {
		f.ObjectEncoder.AddString(key, redacted)
		return nil
	}
	return f.ObjectEncoder.AddReflected(key, currentSecrets().reflected(value))
}

// secret says that the member called key is a header with a secret value.
func (f *fields) secret(key string) bool { return f.headers && currentSecrets().header(key) }

// holdsHeaders says that the members of an object called key are headers: that
// is how Caddy names headers, resp_headers and push_headers; env are the CGI
// variables of FastCGI.
func holdsHeaders(key string) bool {
	return key == "env" || strings.HasSuffix(key, "headers") || strings.HasSuffix(key, "header")
}

// reflected returns value, or its JSON with secrets hidden if there are any.
func (n *secretNames) reflected(value any) any {
	doc, err := json.Marshal(value)
	if err != nil {
		return value // the wrapped encoder reports it
	}
	if clean := n.text(string(doc)); clean != string(doc) {
		return json.RawMessage(clean)
	}
	return value
}

// texts returns values with secrets hidden, and whether there are any.
func (n *secretNames) texts(values []string) (clean caddyhttp.LoggableStringArray, changed bool) {
	for i, value := range values {
		text := n.text(value)
		if text != value && !changed {
			clean, changed = slices.Clone(values), true
		}
		if changed {
			clean[i] = text
		}
	}
	return clean, changed
}

// object hides secrets in the members of an object.
type object struct {
	m       zapcore.ObjectMarshaler
	headers bool
	clean   fields // here to be allocated with the rest
}

// MarshalLogObject implements zapcore.ObjectMarshaler.
func (o *object) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	o.clean = fields{enc, o.headers}
	return o.m.MarshalLogObject(&o.clean)
}

// array hides secrets in the elements of an array.
type array struct{ m zapcore.ArrayMarshaler }

// MarshalLogArray implements zapcore.ArrayMarshaler.
func (a array) MarshalLogArray(enc zapcore.ArrayEncoder) error {
	return a.m.MarshalLogArray(elements{enc})
}

// elements is an array encoder that hides secrets.
type elements struct{ zapcore.ArrayEncoder }

// AppendString implements zapcore.PrimitiveArrayEncoder.
func (e elements) AppendString(s string) { e.ArrayEncoder.AppendString(currentSecrets().text(s)) }

// AppendByteString implements zapcore.PrimitiveArrayEncoder.
func (e elements) AppendByteString(b []byte) { e.AppendString(string(b)) }

// AppendArray implements zapcore.ArrayEncoder.
func (e elements) AppendArray(m zapcore.ArrayMarshaler) error {
	return e.ArrayEncoder.AppendArray(array{m})
}

// AppendObject implements zapcore.ArrayEncoder.
func (e elements) AppendObject(m zapcore.ObjectMarshaler) error {
	return e.ArrayEncoder.AppendObject(&object{m: m})
}

// AppendReflected implements zapcore.ArrayEncoder.
func (e elements) AppendReflected(value any) error {
	return e.ArrayEncoder.AppendReflected(currentSecrets().reflected(value))
}

// hidden stands in for all values of a secret header.
var hidden zapcore.ArrayMarshaler = caddyhttp.LoggableStringArray{redacted}

// headerObject logs a header map.
type headerObject map[string][]string

// MarshalLogObject implements zapcore.ObjectMarshaler.
func (h headerObject) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	for name, values := range h {
		if err := enc.AddArray(name, caddyhttp.LoggableStringArray(values)); err != nil {
			return err
		}
	}
	return nil
}

// Interface guards
var (
	_ zapcore.ObjectEncoder   = (*fields)(nil)
	_ zapcore.ArrayEncoder    = elements{}
	_ zapcore.ObjectMarshaler = (*object)(nil)
	_ zapcore.ObjectMarshaler = headerObject(nil)
	_ zapcore.ArrayMarshaler  = array{}
)
