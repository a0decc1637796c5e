// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitmem

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// stored names a counter that is kept elsewhere.
type stored struct {
	id  id
	tag tag
}

// rowVersion is the first byte of a row's value. It is followed by a CRC-32C of key
// and rest, by the time when the counter holds nothing any more, in microseconds
// since the epoch, and by what it holds.
const rowVersion = 1

const rowHead = 1 + 4 + 8

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Shards is the number of shards, between 1 and Partitions. The partition p is in
// shard p modulo Shards.
func (s *Store) Shards() int { return len(s.shards) }

// Save passes all counters of a shard that have to survive and have changed since
// the last Save to row, with what is to be written under their key: nil if it is to
// be deleted. The slices are valid until row returns. Before, begin is called, when
// the shard is locked already.
func (s *Store) Save(shard int, begin func(), row func(key, value []byte)) {
	sh := s.shards[shard]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	begin()
	var key [idSize]byte
	for _, g := range sh.gone {
		row(appendID(key[:0], g.id, g.tag), nil)
	}
	sh.gone = nil
	if sh.dirty == 0 {
		return
	}
	var value []byte
	sh.each(func(r ref, hd *head) {
		if hd.flags&flagDirty == 0 {
			return
		}
		hd.flags &^= flagDirty
		x := at{id: hd.id, tag: hd.tag, shard: sh}
		x.hold(r)
		k := appendID(key[:0], hd.id, hd.tag)
		if x.empty() {
			if hd.flags&flagStored != 0 {
				hd.flags &^= flagStored
				row(k, nil)
			}
			return
		}
		hd.flags |= flagStored
		value = x.appendRow(value[:0], k)
		row(k, value)
	})
	sh.dirty = 0
}

// Unsaved says that a row which Save has passed could not be written.
func (s *Store) Unsaved(key []byte) {
	k, t := readID(key)
	x := at{id: k, tag: t, shard: s.shards[k.b&s.mask]}
	x.shard.mu.Lock()
	defer x.shard.mu.Unlock()
	if x.take() {
		x.head.flags |= flagStored
		x.changed()
		return
	}
	x.shard.forgotten(stored{k, t})
}

func (x *at) empty() bool {
	switch {
	case x.narrow != nil:
		return x.narrow.sum == 0
	case x.wide != nil:
		return x.wide.sum == 0
	default:
		return x.small.value == 0
	}
}

// expires is when the counter holds nothing any more.
func (x *at) expires() int64 {
	part := max(1, x.tag.window().Part().Microseconds())
	switch {
	case x.narrow != nil:
		return (x.narrow.newest + cells) * part
	case x.wide != nil:
		return (x.wide.newest + cells) * part
	case x.tag.kind() == limits.Bucket:
		if x.small.end > math.MaxInt64/1000 {
			return math.MaxInt64
		}
		return x.small.end * 1000
	default:
		return x.small.end
	}
}

func (x *at) appendRow(b, key []byte) []byte {
	b = append(b, rowVersion, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint64(b, uint64(x.expires())) //nolint:gosec // Only stored.
	b = x.appendBody(b)
	binary.BigEndian.PutUint32(b[1:], rowSum(key, b))
	return b
}

func rowSum(key, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value[5:])
}

// RowExpires checks a row, and returns when it holds nothing any more, in
// microseconds since the Unix epoch.
func RowExpires(key, value []byte) (int64, error) {
	switch {
	case len(key) != idSize || len(value) < rowHead:
		return 0, fmt.Errorf("row ends too early: %w", ErrDamaged)
	case value[0] != rowVersion:
		return 0, fmt.Errorf("row of version %d: %w", value[0], ErrNewer)
	case binary.BigEndian.Uint32(value[1:]) != rowSum(key, value):
		return 0, fmt.Errorf("row does not match its checksum: %w", ErrDamaged)
	}
	return int64(binary.BigEndian.Uint64(value[5:])), nil //nolint:gosec // Only stored.
}

// Load makes the counter that a row of Save is of. It does nothing where there is
// no room.
func (s *Store) Load(key, value []byte) error {
	if _, err := RowExpires(key, value); err != nil {
		return err
	}
	x := at{}
	x.id, x.tag = readID(key)
	if !x.tag.valid() {
		return fmt.Errorf("row of nothing that is known: %w", ErrDamaged)
	}
	x.shard = s.shards[x.id.b&s.mask]
	x.shard.mu.Lock()
	defer x.shard.mu.Unlock()
	if !x.take() {
		r := x.shard.insert(x.id, x.tag, s.now())
		if r == 0 {
			return nil
		}
		x.hold(r)
	}
	x.head.flags |= flagStored
	x.head.use = maxUse // nobody knows better
	r := reader{b: value[rowHead:]}
	x.readBody(&r)
	if r.bad || len(r.b) > 0 {
		return fmt.Errorf("row cannot be read: %w", ErrDamaged)
	}
	return nil
}
