// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerdb

import (
	"encoding/binary"
	"errors"
	"math"
)

// ErrDamaged tells that bytes in the ledger's files are not what was written.
var ErrDamaged = errors.New("ledger is damaged")

var (
	errCut      = errors.New("ends too early")
	errOverflow = errors.New("holds a number that is too large")
	errSurplus  = errors.New("has bytes beyond its end")
	errUnknown  = errors.New("has fields of a newer version")
)

// reader reads what was encoded with encoding/binary's varints. It keeps the
// first error, after which it returns zeros.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.b = nil
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail(errCut)
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.broken(n)
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.broken(n)
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) broken(n int) {
	if n < 0 {
		r.fail(errOverflow)
	} else {
		r.fail(errCut)
	}
}

// count reads a number that is not negative.
func (r *reader) count() int64 {
	v := r.uvarint()
	if v > math.MaxInt64 {
		r.fail(errOverflow)
		return 0
	}
	return int64(v)
}

// bytes reads a length and as many bytes, which are part of the input.
func (r *reader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.fail(errCut)
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

// end returns the first error, one being that there is more to read.
func (r *reader) end() error {
	if r.err == nil && len(r.b) > 0 {
		r.err = errSurplus
	}
	return r.err
}

func appendString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}
