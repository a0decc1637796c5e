// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package keyauth

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// deferral is an encoder that encodes most of the fields of its logger only
// when a line is written. Caddy's reverse_proxy makes a logger with the whole
// request in it for every round trip, and with the levels of production writes
// nothing to it; encoding the request there would cost more than all the rest
// of this package does.
//
// Deferred are numbers, strings and times, which never change, namespaces, and
// the request on its way to an upstream. Everything else is encoded at once,
// after what was deferred until then, so the order of members is always that
// of the fields.
type deferral struct {
	// wrapped is shared with clones, and never changed once it is here.
	wrapped zapcore.Encoder
	// later are the fields that wrapped does not hold yet. Nothing but With
	// appends to them, before anybody else knows the clone.
	later []zapcore.Field
	// room is where later begins; reverse_proxy has three fields.
	room [3]zapcore.Field
}

// Clone implements zapcore.Encoder.
func (d *deferral) Clone() zapcore.Encoder {
	c := &deferral{wrapped: d.wrapped}
	c.later = append(c.room[:0], d.later...)
	return c
}

// RedactsKeys marks the encoder for the gateway app, which warns about logs
// that could show keys.
func (*deferral) RedactsKeys() {}

// EncodeEntry implements zapcore.Encoder. All fields reach the wrapped encoder
// as one, which adds them through the filter to whatever the wrapped encoder
// encodes an entry into.
func (d *deferral) EncodeEntry(ent zapcore.Entry, list []zapcore.Field) (*buffer.Buffer, error) {
	if d.wrapped == nil {
		return nil, errors.New("encode log entry: the format is not set up")
	}
	ent.Message = currentSecrets().text(ent.Message)
	ent.Stack = currentSecrets().text(ent.Stack)
	if len(d.later)+len(list) == 0 {
		return d.wrapped.EncodeEntry(ent, nil)
	}
	l := &line{later: d.later, list: list}
	l.whole[0] = zap.Inline(l)
	return d.wrapped.EncodeEntry(ent, l.whole[:])
}

// line is the fields of an entry.
type line struct {
	later, list []zapcore.Field
	clean       fields
	whole       [1]zapcore.Field
}

// MarshalLogObject implements zapcore.ObjectMarshaler.
func (l *line) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	l.clean = fields{enc, false}
	addAll(&l.clean, l.later)
	for i := range l.list {
		l.list[i].AddTo(&l.clean)
	}
	return nil
}

// addAll adds fields that were deferred.
func addAll(clean *fields, later []zapcore.Field) {
	for i := range later {
		f := later[i]
		if f.Type == zapcore.ObjectMarshalerType {
			f.Interface = proxied{f.Interface.(caddyhttp.LoggableHTTPRequest), f.String}
		}
		f.AddTo(clean)
	}
}

// now returns the encoder for a field that cannot wait.
func (d *deferral) now() *fields {
	own := d.wrapped.Clone()
	clean := &fields{own, false}
	addAll(clean, d.later)
	d.wrapped, d.later = own, d.room[:0]
	return clean
}

func (d *deferral) add(f zapcore.Field) { d.later = append(d.later, f) }

// AddObject implements zapcore.ObjectEncoder. A request waits if it carries the
// address of an upstream, which reverse_proxy gives to its own copy alone:
//
//   - The headers of that copy are not those that handlers see, and nobody
//     writes to them after the round trip, which is when the logger is made. A
//     further attempt begins with a further copy or, if there are no header_up,
//     after the last line of the one before. What the transport still does in
//     other goroutines is to read.
//   - Of the rest only the variables of the request are shared, whence comes
//     the client's address; see proxied.
//   - The timer of flush_interval, with verbose_logs, writes lines from another
//     goroutine; it finds the same.
//   - FastCGI adds its variables behind the request, so that neither waits.
//
// The access and error logs of a server need no help: they are lazy by
// themselves and have a copy of their own. For loggers of other handlers
// nothing is known, so their requests are encoded at once.
func (d *deferral) AddObject(key string, m zapcore.ObjectMarshaler) error {
	if r, ok := m.(caddyhttp.LoggableHTTPRequest); ok && r.Request != nil {
		if _, ok := reverseproxy.GetDialInfo(r.Context()); ok {
			f := zap.Object(key, m)
			f.String, _ = caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
			d.add(f)
			return nil
		}
	}
	return d.now().AddObject(key, m)
}

// proxied is a request that waited. Handlers may set variables while a line is
// being written elsewhere, and the client's address is the only one that a log
// shows, so the line is written with a copy of that.
type proxied struct {
	caddyhttp.LoggableHTTPRequest
	clientIP string
}

// MarshalLogObject implements zapcore.ObjectMarshaler.
func (p proxied) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	vars := make(map[string]any, 1)
	if p.clientIP != "" {
		vars[caddyhttp.ClientIPVarKey] = p.clientIP
	}
	r := p.LoggableHTTPRequest
	r.Request = r.WithContext(context.WithValue(r.Context(), caddyhttp.VarsCtxKey, vars))
	return r.MarshalLogObject(enc)
}

// The other methods of zapcore.ObjectEncoder: what may change cannot wait.

func (d *deferral) AddArray(key string, m zapcore.ArrayMarshaler) error {
	return d.now().AddArray(key, m)
}
func (d *deferral) AddReflected(key string, v any) error    { return d.now().AddReflected(key, v) }
func (d *deferral) AddBinary(key string, v []byte)          { d.now().AddBinary(key, v) }
func (d *deferral) AddByteString(key string, v []byte)      { d.now().AddByteString(key, v) }
func (d *deferral) AddBool(key string, v bool)              { d.add(zap.Bool(key, v)) }
func (d *deferral) AddComplex128(key string, v complex128)  { d.add(zap.Complex128(key, v)) }
func (d *deferral) AddComplex64(key string, v complex64)    { d.add(zap.Complex64(key, v)) }
func (d *deferral) AddDuration(key string, v time.Duration) { d.add(zap.Duration(key, v)) }
func (d *deferral) AddFloat64(key string, v float64)        { d.add(zap.Float64(key, v)) }
func (d *deferral) AddFloat32(key string, v float32)        { d.add(zap.Float32(key, v)) }
func (d *deferral) AddInt(key string, v int)                { d.add(zap.Int(key, v)) }
func (d *deferral) AddInt64(key string, v int64)            { d.add(zap.Int64(key, v)) }
func (d *deferral) AddInt32(key string, v int32)            { d.add(zap.Int32(key, v)) }
func (d *deferral) AddInt16(key string, v int16)            { d.add(zap.Int16(key, v)) }
func (d *deferral) AddInt8(key string, v int8)              { d.add(zap.Int8(key, v)) }
func (d *deferral) AddString(key, v string)                 { d.add(zap.String(key, v)) }
func (d *deferral) AddTime(key string, v time.Time)         { d.add(zap.Time(key, v)) }
func (d *deferral) AddUint(key string, v uint)              { d.add(zap.Uint(key, v)) }
func (d *deferral) AddUint64(key string, v uint64)          { d.add(zap.Uint64(key, v)) }
func (d *deferral) AddUint32(key string, v uint32)          { d.add(zap.Uint32(key, v)) }
func (d *deferral) AddUint16(key string, v uint16)          { d.add(zap.Uint16(key, v)) }
func (d *deferral) AddUint8(key string, v uint8)            { d.add(zap.Uint8(key, v)) }
func (d *deferral) AddUintptr(key string, v uintptr)        { d.add(zap.Uintptr(key, v)) }
func (d *deferral) OpenNamespace(key string)                { d.add(zap.Namespace(key)) }

// Interface guards
var (
	_ zapcore.Encoder         = (*deferral)(nil)
	_ zapcore.ObjectMarshaler = (*line)(nil)
	_ zapcore.ObjectMarshaler = proxied{}
)
