// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package decode

import (
	"errors"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
)

// brotliReader reads a br body.
type brotliReader struct {
	lib *brotli.Reader
	out [4 << 10]byte
}

var brotliReaders = sync.Pool{New: func() any {
	return &brotliReader{lib: new(brotli.Reader)}
}}

func openBrotli() reader {
	r, _ := brotliReaders.Get().(*brotliReader)
	return r
}

func (r *brotliReader) release() {
	if err := r.lib.Reset(noInput); err == nil {
		brotliReaders.Put(r)
	}
}

func (r *brotliReader) decode(s *stage) error {
	if err := s.wait(); errors.Is(err, io.EOF) {
		return nil // an empty body
	}
	if err := r.lib.Reset(s); err != nil {
		return err
	}
	for {
		n, err := r.lib.Read(r.out[:])
		if n > 0 {
			if _, err := s.Write(r.out[:n]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}
