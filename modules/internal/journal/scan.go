// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package journal

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
)

const (
	windowSize   = 1 << 20
	badBlock     = 4 << 10 // what is skipped where the disk returns an error
	maxBadBlocks = 256     // after which the rest of a window is skipped
)

// scanner finds the records of one segment, in order.
type scanner struct {
	file File
	size int64
	salt uint32

	end      int64  // where the newest valid record ended, at first the header
	last     uint64 // its number, at first the one before the segment's first
	anchored bool   // last is known, and not only a lower bound
	limit    uint64 // largest number while it is not

	start   int64 // where the record that next returned begins
	base    int64 // offset of buf in the file
	buf     []byte
	bad     int
	readErr error
}

// next returns the next valid record, searching beyond what is not one. The payload
// is valid until the next call.
func (s *scanner) next() (seq uint64, payload []byte, ok bool) {
	for p := s.end; ; p++ {
		head := s.window(p, recordHeader)
		if len(head) < recordHeader {
			return 0, nil, false
		}
		length, seq := recordLength(head)
		if length > MaxPayload || seq <= s.last || seq > s.highest(p) {
			continue
		}
		n := recordHeader + int(length)
		record := s.window(p, n)
		if len(record) < n || binary.LittleEndian.Uint32(record) != checksum(s.salt, record) {
			continue
		}
		s.start, s.end = p, p+int64(n)
		s.last, s.anchored = seq, true
		return seq, record[recordHeader:], true
	}
}

// highest returns the largest number that a record at offset p can have: numbers
// have no gaps within a segment, and each record before it takes some bytes.
func (s *scanner) highest(p int64) uint64 {
	if !s.anchored {
		return s.limit
	}
	return s.last + 1 + uint64(p-s.end)/recordHeader
}

// torn tells whether the bytes after the last record look like a write that was cut
// off: by the end of the process, the disk or the power.
func (s *scanner) torn() bool {
	rest := s.size - s.end
	if rest < recordHeader || s.size < headerSize {
		return true
	}
	length, seq := recordLength(s.window(s.end, recordHeader))
	if length <= MaxPayload && s.anchored && seq == s.last+1 && rest < recordHeader+int64(length) {
		return true
	}
	for p := s.end; p < s.size; p += badBlock {
		for _, b := range s.window(p, badBlock) {
			if b != 0 {
				return false
			}
		}
	}
	return s.readErr == nil
}

// window returns n bytes at an offset, or fewer at the end of the file.
func (s *scanner) window(off int64, n int) []byte {
	have := s.base + int64(len(s.buf))
	if off < s.base || off+int64(n) > have && have < s.size {
		s.fill(off)
	}
	if off-s.base >= int64(len(s.buf)) {
		return nil
	}
	b := s.buf[off-s.base:]
	return b[:min(n, len(b))]
}

// fill reads a window. Where the disk cannot read, it has zeros, which are in no
// valid record's header and in no checksum's favour.
func (s *scanner) fill(off int64) {
	s.base = off
	s.buf = s.buf[:max(0, min(int64(cap(s.buf)), s.size-off))]
	for done := 0; done < len(s.buf); {
		n, err := s.file.ReadAt(s.buf[done:], off+int64(done))
		done += n
		if done == len(s.buf) {
			return
		}
		if err == nil {
			continue
		}
		if errors.Is(err, io.EOF) { // the file has become shorter
			s.buf, s.size = s.buf[:done], off+int64(done)
			return
		}
		s.readErr = err
		s.bad++
		skip := badBlock - int((off+int64(done))%badBlock)
		if s.bad > maxBadBlocks {
			skip = math.MaxInt
		}
		skip = min(skip, len(s.buf)-done)
		clear(s.buf[done : done+skip])
		done += skip
	}
}
