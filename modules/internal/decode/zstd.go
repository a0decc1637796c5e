// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package decode

import (
	"sync"

	"github.com/klauspost/compress/zstd"
)

// maxWindow is the largest window of a zstd frame (RFC 9659 section 3).
const maxWindow = 8 << 20

// zstdReader reads a zstd body.
type zstdReader struct {
	lib *zstd.Decoder
}

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

func (r *zstdReader) release() {
	if err := r.lib.Reset(nil); err == nil {
		zstdReaders.Put(r)
	}
}

func (r *zstdReader) decode(s *stage) error {
	if err := r.lib.Reset(s); err != nil {
		return err
	}
	_, err := r.lib.WriteTo(s)
	return err
}
