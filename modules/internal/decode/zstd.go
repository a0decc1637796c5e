// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package decode

import (
	"errors"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// maxWindow is the largest window of a zstd frame (RFC 9659 section 3).
const maxWindow = 8 << 20

// zstdReader reads a zstd body.
//
// The library reserves a frame's window at once, and servers announce megabytes
// for streams of a few kilobytes. Until the output has come to more, a smaller
// window does as well. So the library is told of a small one first. When that
// does not do, which is when the output is longer or the library fails, it begins
// anew with the next size, reads the recorded input again, and what the sink has
// got already is dropped.
type zstdReader struct {
	lib   *zstd.Decoder
	in    zstdInput
	to    *stage
	bound int64 // output after which to begin anew, or zero
	seen  int64 // output of this attempt
	given int64 // output that was handed on
	fatal error // why output could not be handed on
}

// zstdWindows are the window descriptors (RFC 8878 section 3.1.1.1.2) that the
// library is told in place of larger ones, one after the other, with the sizes
// that they mean.
var zstdWindows = [...]struct {
	descriptor byte
	size       int64
}{
	{4 << 3, 16 << 10},
	{8 << 3, 256 << 10},
	{anyWindow, 0},
}

// anyWindow stands for the window that the frame has.
const anyWindow = 0xff

// errWindow says that the window is too small.
var errWindow = errors.New("window is too small")

var zstdReaders = sync.Pool{New: func() any {
	lib, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		panic(err) // the options are constants
	}
	return &zstdReader{lib: lib}
}}

func openZstd() reader {
	r, _ := zstdReaders.Get().(*zstdReader)
	return r
}

// release gives the reader back unless it has reserved much.
func (r *zstdReader) release() {
	large := r.in.told && r.in.descriptor == anyWindow || r.given > 256<<10
	r.in.from, r.to = nil, nil
	if err := r.lib.Reset(nil); err == nil && !large {
		zstdReaders.Put(r)
	}
}

func (r *zstdReader) decode(s *stage) error {
	r.to, r.given, r.fatal = s, 0, nil
	r.in.begin(s)
	for _, window := range zstdWindows {
		r.in.again(window.descriptor)
		r.seen, r.bound = 0, window.size
		if err := r.lib.Reset(&r.in); err != nil {
			return err
		}
		_, err := r.lib.WriteTo(r)
		switch {
		case r.fatal != nil:
			return r.fatal
		case err == nil || s.quit || !r.in.told || window.size == 0:
			return err
		}
	}
	return errWindow
}

// Write hands decoded bytes on, but for those that an earlier attempt has.
func (r *zstdReader) Write(p []byte) (int, error) {
	old := min(max(r.given-r.seen, 0), int64(len(p)))
	r.seen += int64(len(p))
	if fresh := p[old:]; len(fresh) > 0 {
		r.given = r.seen
		if _, r.fatal = r.to.Write(fresh); r.fatal != nil {
			return 0, r.fatal
		}
	}
	if r.in.told && r.bound > 0 && r.seen > r.bound {
		return 0, errWindow
	}
	return len(p), nil
}
