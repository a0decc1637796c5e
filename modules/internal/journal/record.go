// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

const (
	magic        = "tgjrnl\n"
	version      = 1
	headerSize   = 32
	recordHeader = 16 // bytes of a record before its payload
)

// maxGap is how far a sequence number may be above those known to be believed
// without a segment's word for it: decades at any rate, and so little that no number
// that was made up brings the end of numbers in sight.
const maxGap = 1 << 48

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)

	errHeader = errors.New("no segment header")
)

// header is what a segment begins with.
type header struct {
	first, prev uint64
	salt        uint32
}

func appendHeader(dst []byte, h header) []byte {
	start := len(dst)
	dst = append(dst, magic...)
	dst = append(dst, version)
	dst = binary.LittleEndian.AppendUint64(dst, h.first)
	dst = binary.LittleEndian.AppendUint64(dst, h.prev)
	dst = binary.LittleEndian.AppendUint32(dst, h.salt)
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

// parseHeader returns errHeader if b does not begin with a header, and another
// error if it does and the format is not this program's.
func parseHeader(b []byte) (header, error) {
	if len(b) < headerSize || string(b[:len(magic)]) != magic ||
		binary.LittleEndian.Uint32(b[28:]) != crc32.Checksum(b[:28], castagnoli) {
		return header{}, errHeader
	}
	if v := b[len(magic)]; v != version {
		return header{}, fmt.Errorf("format version is %d, but this program reads version %d only", v, version)
	}
	h := header{
		first: binary.LittleEndian.Uint64(b[8:]),
		prev:  binary.LittleEndian.Uint64(b[16:]),
		salt:  binary.LittleEndian.Uint32(b[24:]),
	}
	if h.prev >= h.first {
		return header{}, errHeader
	}
	return h, nil
}

func appendRecord(dst []byte, salt uint32, seq uint64, payload []byte) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(payload)))
	dst = binary.LittleEndian.AppendUint64(dst, seq)
	dst = append(dst, payload...)
	binary.LittleEndian.PutUint32(dst[start:], checksum(salt, dst[start:]))
	return dst
}

// checksum returns what the first four bytes of a record must be.
func checksum(salt uint32, record []byte) uint32 {
	return crc32.Update(salt, castagnoli, record[4:])
}

// recordLength returns the length of the payload that a record's first 16 bytes
// announce, and the record's number.
func recordLength(b []byte) (length uint32, seq uint64) {
	return binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint64(b[8:])
}
