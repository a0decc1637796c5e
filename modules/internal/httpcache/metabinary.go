// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"encoding/binary"
	"errors"
	"time"
)

// errMeta says that bytes are not what AppendBinary writes.
var errMeta = errors.New("read stored answer: not a cache entry of this version")

// metaVersion is the first byte; a change of the layout changes it, and what
// was stored before is then no longer found.
const metaVersion = 1

// AppendBinary appends m in a form for stores of bytes: a version byte, varints
// and two strings. It never fails; the error is there for
// encoding.BinaryAppender.
func (m *Meta) AppendBinary(dst []byte) ([]byte, error) {
	dst = append(dst, metaVersion, byte(m.Flags))
	dst = binary.AppendUvarint(dst, uint64(max(m.Status, 0)))
	for _, n := range [...]int64{
		m.Received, m.Date,
		int64(m.InitialAge), int64(m.Lifetime), int64(m.WhileRevalidate), int64(m.IfError),
	} {
		dst = binary.AppendVarint(dst, n)
	}
	for _, s := range [...]string{m.ETag, m.LastModified} {
		dst = binary.AppendUvarint(dst, uint64(len(s)))
		dst = append(dst, s...)
	}
	return dst, nil
}

// DecodeMeta reads what AppendBinary wrote and returns what follows it. The
// result does not refer to data.
func DecodeMeta(data []byte) (m Meta, rest []byte, err error) {
	if len(data) < 2 || data[0] != metaVersion || data[1]&^byte(flagsKnown) != 0 {
		return Meta{}, nil, errMeta
	}
	m.Flags = Flags(data[1])
	r := reader{data: data[2:]}
	status := r.uvarint()
	m.Received, m.Date = r.varint(), r.varint()
	for _, d := range [...]*time.Duration{&m.InitialAge, &m.Lifetime, &m.WhileRevalidate, &m.IfError} {
		*d = time.Duration(r.varint())
		r.bad = r.bad || *d != clamp(*d)
	}
	m.ETag, m.LastModified = r.text(), r.text()
	if r.bad || status > 999 {
		return Meta{}, nil, errMeta
	}
	m.Status = int(status)
	return m, r.data, nil
}

// reader takes values off data until one is broken.
type reader struct {
	data []byte
	bad  bool
}

func (r *reader) advance(n int) {
	if n <= 0 {
		r.bad, r.data = true, nil
		return
	}
	r.data = r.data[n:]
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.data)
	r.advance(n)
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.data)
	r.advance(n)
	return v
}

func (r *reader) text() string {
	n := r.uvarint()
	if r.bad || n > uint64(len(r.data)) {
		r.bad = true
		return ""
	}
	s := string(r.data[:n])
	r.data = r.data[n:]
	return s
}
