// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cacheredis

import (
	"crypto/rand"
	"encoding/binary"

	"github.com/caddy-gateway/tollgate/modules/caching"
)

// versionSize is how long a version is in Redis.
const versionSize = 24

// version is how many purges a bucket has seen.
type version struct {
	epoch uint64 // random, and another one when the version was lost
	seq   uint64 // the number of the last purge
	id    uint64 // of the last purge; 0 where it is not known
}

// none is the epoch of a bucket that had no version when it was looked at.
const none = 1

func readVersion(b []byte) (version, bool) {
	if len(b) < versionSize {
		return version{}, false
	}
	return version{
		epoch: binary.LittleEndian.Uint64(b), seq: binary.LittleEndian.Uint64(b[8:]), id: binary.LittleEndian.Uint64(b[16:]),
	}, true
}

// random returns eight random bytes that are none of the numbers that mean something.
func random() []byte {
	for {
		var b [8]byte
		_, _ = rand.Read(b[:]) // never fails
		if binary.LittleEndian.Uint64(b[:]) > none {
			return b[:]
		}
	}
}

// saw takes note of a version, unless a later one is known.
func (b *bucket) saw(v version) {
	for {
		last := b.seen.Load()
		if last != nil && (*last == v || last.epoch == v.epoch && last.seq > v.seq && v.epoch != none) {
			return
		}
		if b.seen.CompareAndSwap(last, &v) {
			return
		}
	}
}

// Mark implements caching.Store: it is the version that was last seen of the bucket of the
// key, which is that of the last Get at the latest.
func (s *Store) Mark(key caching.Key) caching.Mark {
	if v := s.bucket(key).seen.Load(); v != nil {
		return caching.Mark{Epoch: v.epoch, Seq: v.seq}
	}
	return caching.Mark{Epoch: none}
}

// appendMark appends a mark as the script of Put understands it.
func appendMark(m caching.Mark) []byte {
	if m.Epoch == 0 {
		return nil
	}
	b := binary.LittleEndian.AppendUint64(nil, m.Epoch)
	return binary.LittleEndian.AppendUint64(b, m.Seq)
}
