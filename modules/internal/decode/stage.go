// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package decode

import (
	"errors"
	"fmt"
	"io"
	"iter"
)

// coding is a content coding.
type coding struct {
	name string
	open func() reader // nil if there is nothing to undo
}

// reader undoes a coding.
type reader interface {
	// decode reads the input of a stage to its end and writes what it comes
	// to. It returns nil if the input is complete.
	decode(s *stage) error
	// release gives the reader back. It is not called after a panic.
	release()
}

// codings are the supported ones by their registered names (RFC 9110 section
// 8.4.1 has x-gzip as another name of gzip).
var codings = map[string]coding{
	"":         {},
	"identity": {},
	"gzip":     {"gzip", openGzip},
	"x-gzip":   {"gzip", openGzip},
	"br":       {"br", openBrotli},
	"zstd":     {"zstd", openZstd},
}

// errClosed ends a reader whose output nobody wants any more.
var errClosed = errors.New("decoder is closed")

// stage undoes one coding of a body. To its reader it is the input, which waits
// for the next chunk, and the output.
type stage struct {
	decoder *Decoder
	coding  coding
	inner   *stage // where the output goes; nil if that is the sink

	in     []byte // what is left of the current chunk
	last   bool   // no chunk follows
	quit   bool   // nothing may be waited for
	done   bool   // the reader has returned
	output int64  // bytes written

	yield func(struct{}) bool
	next  func() (struct{}, bool)
	stop  func()
}

// write runs the reader until it has used up the chunk.
func (s *stage) write(p []byte) {
	if s.done {
		return
	}
	s.in = p
	s.resume()
	s.in = nil
}

// finish runs the reader to its end.
func (s *stage) finish() {
	if s.done {
		return
	}
	s.last = true
	s.resume()
}

// resume runs the reader until it waits for input or returns.
func (s *stage) resume() {
	if s.next == nil {
		s.next, s.stop = iter.Pull(s.run)
	}
	s.next()
}

// close ends the reader.
func (s *stage) close() {
	s.quit = true
	if s.stop != nil {
		s.stop()
	}
}

// run is the coroutine.
func (s *stage) run(yield func(struct{}) bool) {
	s.yield = yield
	d := s.decoder
	defer func() {
		s.done = true
		if d.sinking {
			return // the panic is that of the sink, and passes on
		}
		if cause := recover(); cause != nil {
			s.fail(fmt.Errorf("reader panicked: %v", cause))
		}
	}()
	r := s.coding.open()
	err := r.decode(s)
	r.release()
	if err != nil {
		s.fail(err)
	}
}

// fail notes the error that ends the decoding of the body.
func (s *stage) fail(err error) {
	if d := s.decoder; d.err == nil && !s.quit {
		d.err = fmt.Errorf("decode %s: %w", s.coding.name, err)
	}
}

// wait rests until there is input. It returns io.EOF at the end of the body.
func (s *stage) wait() error {
	for len(s.in) == 0 {
		switch {
		case s.quit:
			return errClosed
		case s.last:
			return io.EOF
		}
		s.in = nil
		if !s.yield(struct{}{}) {
			s.quit = true
		}
	}
	return nil
}

// Read reads input, as much as there is of the current chunk.
func (s *stage) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := s.wait(); err != nil {
		return 0, err
	}
	n := copy(p, s.in)
	s.in = s.in[n:]
	return n, nil
}

// Write hands output on.
func (s *stage) Write(p []byte) (int, error) {
	d := s.decoder
	if s.quit {
		return 0, errClosed // a reader that ends may flush what it has
	}
	left := d.limit() - s.output
	n := int(min(int64(len(p)), left))
	s.output += int64(n)
	switch {
	case n == 0:
	case s.inner != nil:
		s.inner.write(p[:n])
		if d.err != nil {
			return n, d.err
		}
	default:
		d.sinking = true
		d.sink(p[:n])
		d.sinking = false
	}
	if n < len(p) {
		return n, ErrTooLong
	}
	return n, nil
}
