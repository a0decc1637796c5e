// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package decode reads compressed bodies while they pass by.
//
// A [Decoder] is fed with the chunks of a body and hands what they come to in
// plain bytes to a function, within the same call: whatever the server has
// flushed is seen in the Write that carries it. The compressed bytes are
// neither kept nor altered, so they can be forwarded as they are.
//
// Supported are the content codings gzip (RFC 1952), br (RFC 7932), zstd
// (RFC 8878, with the window of at most 8 MiB that RFC 9659 allows) and
// identity, and two of them on top of one another.
//
// The libraries pull their input. Each therefore runs as a coroutine, which
// rests when the input is used up: it takes turns with the caller and never runs
// beside it. A library that panics over damaged input has found an error.
//
// What a stream holds: for gzip about 50 KiB; for br about 80 KiB and a window
// that grows with the output up to the one the server chose, at most 16 MiB; for
// zstd about 80 KiB while the output is below 16 KiB, about 1 MiB while it is below
// 256 KiB, and then the window that the server chose, at most 8 MiB, and 1 MiB.
package decode

import (
	"errors"
	"strings"
)

// DefaultMaxOutput is how many bytes a body may come to unless a decoder's
// MaxOutput says otherwise: 64 MiB.
const DefaultMaxOutput = 64 << 20

// maxCodings is how many codings may lie on top of one another.
const maxCodings = 2

// ErrTooLong says that a body comes to more bytes than MaxOutput, as a few
// compressed bytes can.
var ErrTooLong = errors.New("output is too long")

// Decoder reads one body. It is not safe for concurrent use. Close must be
// called in the end, or a goroutine and its buffers are never given back.
type Decoder struct {
	// MaxOutput bounds the bytes that each coding of the body may come to. It
	// is to be set before the first Write. Zero means DefaultMaxOutput. A body
	// without coding is not bounded.
	MaxOutput int64

	stages  []*stage // the outermost coding first; none without coding
	sink    func(plain []byte)
	sinking bool // the sink is being called
	closed  bool
	err     error
}

// New returns a decoder for the value of a Content-Encoding field: gzip, x-gzip,
// br, zstd or identity in any case, or a list of them in the order in which
// they were applied. It returns false for any other coding and for more than
// two.
func New(contentEncoding string) (*Decoder, bool) {
	d := &Decoder{}
	for name := range strings.SplitSeq(contentEncoding, ",") {
		c, ok := codings[strings.ToLower(strings.Trim(name, " \t"))]
		if !ok || len(d.stages) == maxCodings {
			return nil, false
		}
		if c.open == nil {
			continue
		}
		s := &stage{decoder: d, coding: c}
		if len(d.stages) > 0 {
			s.inner = d.stages[0]
		}
		d.stages = append([]*stage{s}, d.stages...) // the last one applied is undone first
	}
	return d, true
}

// Write reads the next chunk and hands what can be decoded so far to the sink,
// whose argument is valid only during the call. It neither keeps nor alters p.
// After an error, Finish or Close it does nothing.
//
// With gzip, what a server has compressed and not flushed may come later, with
// the rest of the block.
func (d *Decoder) Write(p []byte, sink func(plain []byte)) {
	if len(p) == 0 || d.closed || d.err != nil {
		return
	}
	if len(d.stages) == 0 {
		sink(p)
		return
	}
	d.sink = sink
	d.stages[0].write(p)
	d.sink = nil
}

// Finish tells that the body has ended, hands what is left to the sink and gives
// everything back. A body that is not complete is an error.
func (d *Decoder) Finish(sink func(plain []byte)) {
	if d.closed {
		return
	}
	d.sink = sink
	for _, s := range d.stages {
		if d.err == nil {
			s.finish()
		}
	}
	d.sink = nil
	d.Close()
}

// Err returns why decoding stopped: damaged or incomplete input, or ErrTooLong.
// What the sink has got until then is what was sent. Bytes after the last
// member of a gzip body are no error.
func (d *Decoder) Err() error { return d.err }

// Close gives everything back, also in the middle of a body. It may be called
// more than once.
func (d *Decoder) Close() {
	d.closed = true
	for _, s := range d.stages {
		s.close()
	}
}

// limit returns the bound in force.
func (d *Decoder) limit() int64 {
	if d.MaxOutput > 0 {
		return d.MaxOutput
	}
	return DefaultMaxOutput
}
