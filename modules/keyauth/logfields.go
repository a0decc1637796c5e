// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package keyauth

import (
	"encoding/json"
	"net/http"
	"strings"

	"go.uber.org/zap/zapcore"
)

// fields is an object encoder that hides secrets before it hands fields to the
// one it wraps. Kinds of fields that it does not mention hold no text.
type fields struct {
	zapcore.ObjectEncoder
	headers bool // the members of this object are headers or CGI variables
}

// AddString implements zapcore.ObjectEncoder.
func (f fields) AddString(key, value string) {
	if f.secret(key) {
		value = redacted
	}
	f.ObjectEncoder.AddString(key, currentSecrets().text(value))
}

// AddByteString implements zapcore.ObjectEncoder.
func (f fields) AddByteString(key string, value []byte) { f.AddString(key, string(value)) }

// AddArray implements zapcore.ObjectEncoder.
func (f fields) AddArray(key string, m zapcore.ArrayMarshaler) error {
	if f.secret(key) {
		return f.ObjectEncoder.AddArray(key, hiddenArray{})
	}
	return f.ObjectEncoder.AddArray(key, array{m})
}

// AddObject implements zapcore.ObjectEncoder.
func (f fields) AddObject(key string, m zapcore.ObjectMarshaler) error {
	return f.ObjectEncoder.AddObject(key, object{m, holdsHeaders(key)})
}

// AddReflected implements zapcore.ObjectEncoder. Values that describe
// themselves only by reflection are encoded as JSON here, which is what the
// encoders of Caddy would do with them, and hidden in as text.
func (f fields) AddReflected(key string, value any) error {
	switch v := value.(type) {
	case http.Header:
		return f.AddObject(key, headerObject(v))
	case map[string][]string:
		return f.AddObject(key, headerObject(v))
	}
	if f.secret(key) {
		f.ObjectEncoder.AddString(key, redacted)
		return nil
	}
	return f.ObjectEncoder.AddReflected(key, currentSecrets().reflected(value))
}

// secret says that the member called key is a header with a secret value.
func (f fields) secret(key string) bool { return f.headers && currentSecrets().header(key) }

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

// object hides secrets in the members of an object.
type object struct {
	m       zapcore.ObjectMarshaler
	headers bool
}

// MarshalLogObject implements zapcore.ObjectMarshaler.
func (o object) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	return o.m.MarshalLogObject(fields{enc, o.headers})
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
	return e.ArrayEncoder.AppendObject(object{m, false})
}

// AppendReflected implements zapcore.ArrayEncoder.
func (e elements) AppendReflected(value any) error {
	return e.ArrayEncoder.AppendReflected(currentSecrets().reflected(value))
}

// hiddenArray stands in for all values of a secret header.
type hiddenArray struct{}

// MarshalLogArray implements zapcore.ArrayMarshaler.
func (hiddenArray) MarshalLogArray(enc zapcore.ArrayEncoder) error {
	enc.AppendString(redacted)
	return nil
}

// headerObject logs a header map, whatever its field is called.
type headerObject map[string][]string

// MarshalLogObject implements zapcore.ObjectMarshaler.
func (h headerObject) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	if f, ok := enc.(fields); ok {
		f.headers = true
		enc = f
	}
	for name, values := range h {
		if err := enc.AddArray(name, stringArray(values)); err != nil {
			return err
		}
	}
	return nil
}

type stringArray []string

// MarshalLogArray implements zapcore.ArrayMarshaler.
func (a stringArray) MarshalLogArray(enc zapcore.ArrayEncoder) error {
	for _, s := range a {
		enc.AppendString(s)
	}
	return nil
}

// Interface guards
var (
	_ zapcore.ObjectEncoder   = fields{}
	_ zapcore.ArrayEncoder    = elements{}
	_ zapcore.ObjectMarshaler = object{}
	_ zapcore.ObjectMarshaler = headerObject(nil)
	_ zapcore.ArrayMarshaler  = array{}
	_ zapcore.ArrayMarshaler  = hiddenArray{}
	_ zapcore.ArrayMarshaler  = stringArray(nil)
)
