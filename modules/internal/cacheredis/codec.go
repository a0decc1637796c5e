// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cacheredis

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/caddy-gateway/tollgate/modules/caching"
)

// pieceSize is how much of a body is in one value of Redis.
const pieceSize = 256 << 10

// idSize is how long the id of a write is, in hexadecimal.
const idSize = 16

// The head of an entry, numbers little-endian:
//
//	24  version
//	16  id of the write
//	 4  number of further pieces
//	32  key
//	 8  milliseconds of the Unix epoch when it expires
//	 8  bytes of the body
//	 4  bytes of the meta
//	 2  number of tags
//
// and then each tag with two bytes of its length before it, the meta, and the first piece
// of the body. A further piece has the id and four bytes of its number before it.
const (
	atID      = versionSize
	atPieces  = atID + idSize
	atKey     = atPieces + 4
	atExpires = atKey + 32
	atLength  = atExpires + 8
	atMeta    = atLength + 8
	atTags    = atMeta + 4
	headSize  = atTags + 2

	pieceHead = idSize + 4
)

var errMalformed = errors.New("what is kept is no entry")

// head is a head that was read.
type head struct {
	version version
	id      string
	pieces  int
	length  int64
	entry   *caching.Entry
}

// sizeOf returns how many bytes of Redis an entry takes, but for its keys.
func sizeOf(e *caching.Entry) int64 {
	n := headSize + int64(len(e.Meta)) + e.Len()
	for _, tag := range e.Tags {
		n += 2 + int64(len(tag))
	}
	return n
}

// encode returns the head of an entry without its version, and its further pieces.
func encode(key caching.Key, id string, e *caching.Entry) (first []byte, further [][]byte) {
	length := e.Len()
	inline := min(length, pieceSize)
	pieces := int((length - inline + pieceSize - 1) / pieceSize)
	b := make([]byte, 0, sizeOf(e)-length+inline)
	b = append(b, id...)
	b = binary.LittleEndian.AppendUint32(b, uint32(pieces))
	b = append(b, key[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(e.Expires.UnixMilli()))
	b = binary.LittleEndian.AppendUint64(b, uint64(length))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(e.Meta)))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(e.Tags)))
	for _, tag := range e.Tags {
		b = appendTag(b, tag)
	}
	b = append(b, e.Meta...)
	r := bodyReader{rest: e.Body}
	first = r.appendTo(b, int(inline))
	for n := range pieces {
		p := make([]byte, 0, pieceHead+min(pieceSize, length-inline-int64(n)*pieceSize))
		p = append(p, id...)
		p = binary.LittleEndian.AppendUint32(p, uint32(n+1))
		further = append(further, r.appendTo(p, pieceSize))
	}
	return first, further
}

func appendTag(b []byte, tag string) []byte {
	return append(binary.LittleEndian.AppendUint16(b, uint16(len(tag))), tag...)
}

// bodyReader cuts a body into other pieces.
type bodyReader struct{ rest [][]byte }

// appendTo appends n bytes of the body, or as many as there are.
func (r *bodyReader) appendTo(b []byte, n int) []byte {
	for n > 0 && len(r.rest) > 0 {
		p := r.rest[0]
		m := min(n, len(p))
		b = append(b, p[:m]...)
		n -= m
		if m == len(p) {
			r.rest = r.rest[1:]
		} else {
			r.rest[0] = p[m:]
		}
	}
	return b
}

// decode reads a head. The entry shares its memory, and lacks the further pieces.
func decode(key caching.Key, b []byte) (*head, error) {
	if len(b) < headSize || caching.Key(b[atKey:atExpires]) != key {
		return nil, errMalformed
	}
	h := &head{
		id:     string(b[atID:atPieces]),
		pieces: int(binary.LittleEndian.Uint32(b[atPieces:])),
		length: int64(binary.LittleEndian.Uint64(b[atLength:])),
		entry:  &caching.Entry{Expires: time.UnixMilli(int64(binary.LittleEndian.Uint64(b[atExpires:])))},
	}
	h.version, _ = readVersion(b)
	meta, tags := int(binary.LittleEndian.Uint32(b[atMeta:])), int(binary.LittleEndian.Uint16(b[atTags:]))
	b = b[headSize:]
	var ok bool
	if h.entry.Tags, b, ok = readTags(b, tags); !ok || len(b) < meta {
		return nil, errMalformed
	}
	body := b[meta:]
	if rest := h.length - int64(len(body)); rest < 0 || h.pieces != int((rest+pieceSize-1)/pieceSize) {
		return nil, errMalformed
	}
	if meta > 0 {
		h.entry.Meta = b[:meta:meta]
	}
	if len(body) > 0 {
		h.entry.Body = make([][]byte, 1, 1+min(h.pieces, perTrip*perTrip))
		h.entry.Body[0] = body
	}
	return h, nil
}

// readTags reads n tags, and returns what comes after them.
func readTags(b []byte, n int) (tags []string, rest []byte, ok bool) {
	for range n {
		if len(b) < 2 {
			return nil, nil, false
		}
		size := int(binary.LittleEndian.Uint16(b))
		if len(b) < 2+size {
			return nil, nil, false
		}
		tags = append(tags, string(b[2:2+size]))
		b = b[2+size:]
	}
	return tags, b, true
}

// readPiece returns the bytes of the body in a piece, if it is the one of this write and
// number.
func (h *head) readPiece(n int, b []byte) ([]byte, bool) {
	if len(b) <= pieceHead || string(b[:idSize]) != h.id || int(binary.LittleEndian.Uint32(b[idSize:])) != n {
		return nil, false
	}
	return b[pieceHead:], true
}
