// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachemem

import (
	"fmt"

	"github.com/klauspost/compress/s2"

	"github.com/caddy-gateway/tollgate/modules/caching"
)

// pack keeps the body compressed if that saves an eighth of it, and returns whether it
// does. The encoding of S2 is chosen for how fast it is undone.
func (it *item) pack(e *caching.Entry, length int) bool {
	bound := s2.MaxEncodedLen(length)
	if bound < 0 {
		return false // too large for it
	}
	var raw []byte
	if len(e.Body) == 1 {
		raw = e.Body[0]
	} else {
		raw = join(e.Body, int64(length))
	}
	packed := s2.EncodeBetter(make([]byte, bound), raw)
	if len(packed) > length-length/8 {
		return false
	}
	it.packed, it.length = tight(packed), length
	it.entry.Body = nil
	return true
}

// unpack returns an entry with its body.
func (it *item) unpack() (*caching.Entry, error) {
	body, err := s2.Decode(make([]byte, it.length), it.packed)
	if err != nil {
		return nil, fmt.Errorf("decompress entry %v: %w", it.key, err)
	}
	e := it.entry
	e.Body = [][]byte{body}
	return &e, nil
}
