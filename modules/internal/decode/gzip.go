// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package decode

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
)

// gzipReader reads the members of a gzip body. It does the framing itself,
// because package gzip reads on to the next member before it hands over the end
// of the last one, and a body's last bytes are those that matter.
type gzipReader struct {
	in      *bufio.Reader
	inflate io.ReadCloser // of package flate
	to      *stage
	sum     uint32
	size    uint32
}

var gzipReaders = sync.Pool{New: func() any {
	in := bufio.NewReader(noInput)
	return &gzipReader{in: in, inflate: flate.NewReader(in)}
}}

// noInput is what a reader that rests in its pool reads from.
var noInput = bytes.NewReader(nil)

func openGzip() reader {
	r, _ := gzipReaders.Get().(*gzipReader)
	return r
}

func (r *gzipReader) release() {
	r.to = nil
	r.in.Reset(noInput)
	gzipReaders.Put(r)
}

// The flags of a member's header that say what follows it (RFC 1952 section
// 2.3.1). The first one, for text, is a hint.
const (
	gzipHasHeaderSum = 1 << 1
	gzipHasExtra     = 1 << 2
	gzipHasName      = 1 << 3
	gzipHasComment   = 1 << 4
	gzipReserved     = 0xE0
)

var (
	errHeader   = errors.New("invalid header")
	errChecksum = errors.New("checksum or length does not match")
)

func (r *gzipReader) decode(s *stage) error {
	r.to = s
	r.in.Reset(s)
	for first := true; ; first = false {
		more, err := r.begins(first)
		if err != nil || !more {
			return err
		}
		if err := r.member(); err != nil {
			return incomplete(err)
		}
	}
}

// begins reports whether a member follows. After the first one anything else
// may, such as the zeros that fill a block.
func (r *gzipReader) begins(first bool) (bool, error) {
	for i, magic := range [...]byte{0x1f, 0x8b} {
		c, err := r.in.ReadByte()
		switch {
		case errors.Is(err, io.EOF) && (i == 0 || !first):
			return false, nil
		case err != nil:
			return false, incomplete(err)
		case c != magic && first:
			return false, errHeader
		case c != magic:
			return false, nil
		}
	}
	return true, nil
}

// member reads the rest of a member.
func (r *gzipReader) member() error {
	if err := r.header(); err != nil {
		return err
	}
	r.sum, r.size = 0, 0
	if err := r.inflate.(flate.Resetter).Reset(r.in, nil); err != nil {
		return err
	}
	if _, err := r.inflate.(io.WriterTo).WriteTo(r); err != nil {
		return err
	}
	var trailer [8]byte
	if _, err := io.ReadFull(r.in, trailer[:]); err != nil {
		return err
	}
	if binary.LittleEndian.Uint32(trailer[:]) != r.sum || binary.LittleEndian.Uint32(trailer[4:]) != r.size {
		return errChecksum
	}
	return nil
}

// Write hands inflated bytes on.
func (r *gzipReader) Write(p []byte) (int, error) {
	r.sum = crc32.Update(r.sum, crc32.IEEETable, p)
	r.size += uint32(len(p)) //nolint:gosec // the length is modulo 2^32
	return r.to.Write(p)
}

// header skips the header after its magic number.
func (r *gzipReader) header() error {
	var fixed [8]byte // method, flags, time, extra flags, system
	if _, err := io.ReadFull(r.in, fixed[:]); err != nil {
		return err
	}
	flags := fixed[1]
	if fixed[0] != 8 || flags&gzipReserved != 0 {
		return errHeader
	}
	if flags&gzipHasExtra != 0 {
		var length [2]byte
		if _, err := io.ReadFull(r.in, length[:]); err != nil {
			return err
		}
		if _, err := r.in.Discard(int(binary.LittleEndian.Uint16(length[:]))); err != nil {
			return err
		}
	}
	for _, flag := range [...]byte{gzipHasName, gzipHasComment} {
		if flags&flag == 0 {
			continue
		}
		for c := byte(1); c != 0; {
			var err error
			if c, err = r.in.ReadByte(); err != nil {
				return err
			}
		}
	}
	if flags&gzipHasHeaderSum != 0 {
		_, err := r.in.Discard(2) // what is skipped needs no check
		return err
	}
	return nil
}

// incomplete turns the end of the input, where it must not be, into an error.
func incomplete(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
