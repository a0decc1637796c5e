// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitmem

import (
	"encoding/binary"
	"fmt"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// reader reads what was written with the functions above.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0xff
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) varint() int64 {
	n, size := binary.Varint(r.b)
	if size <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *reader) count() int64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 || n > limits.MaxCount {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[size:]
	return int64(n)
}

// Replay does again what a record says, for the partitions that want has. Those are
// the ones whose counters do not contain it already.
func (s *Store) Replay(record []byte, want func(partition int) bool) error {
	r := reader{b: record}
	if v := r.byte(); !r.bad && v != recordVersion {
		return fmt.Errorf("record of version %d: %w", v, ErrNewer)
	}
	for len(r.b) > 0 && !r.bad {
		change := r.byte()
		if len(r.b) < idSize {
			return fmt.Errorf("record ends too early: %w", ErrDamaged)
		}
		x := at{}
		x.id, x.tag = readID(r.b)
		r.b = r.b[idSize:]
		if !x.tag.valid() || change != changeAdd && change != changeState {
			return fmt.Errorf("record of nothing that is known: %w", ErrDamaged)
		}
		s.replay(&r, &x, change, want(int(x.id.partition()))) //nolint:gosec // Less than Partitions.
	}
	if r.bad {
		return fmt.Errorf("record cannot be read: %w", ErrDamaged)
	}
	return nil
}

func (s *Store) replay(r *reader, x *at, change byte, wanted bool) {
	// What is not wanted, and that for which there is no room, is read as well.
	x.shard = s.shards[x.id.b&s.mask]
	x.shard.mu.Lock()
	defer x.shard.mu.Unlock()
	there := false
	if wanted {
		if there = x.take(); !there {
			if n := x.shard.insert(x.id, x.tag, s.now()); n != 0 {
				x.hold(n)
				there = true
			}
		}
	}
	if !there {
		x.nowhere()
	}
	if change == changeState {
		x.readBody(r)
	} else {
		x.readAdd(r)
	}
	if there {
		x.changed()
	}
}

// nowhere makes x a slot that is not kept.
func (x *at) nowhere() {
	switch x.tag.class() {
	case classSmall:
		x.small = new(small)
		x.head = &x.small.head
	case classNarrow:
		x.narrow = new(narrow)
		x.head = &x.narrow.head
	default:
		x.wide = new(wide)
		x.head = &x.wide.head
	}
	x.head.tag = x.tag
}

func (x *at) readAdd(r *reader) {
	slot := r.varint()
	if x.small == nil {
		units := r.varint()
		if r.bad {
			return
		}
		if x.narrow != nil {
			replayPart(x.narrow, slot, units)
		} else {
			replayPart(x.wide, slot, units)
		}
		return
	}
	length, units := r.varint(), r.varint()
	if r.bad || length <= 0 {
		r.bad = true
		return
	}
	if c := x.small; c.start != slot || c.end == 0 {
		c.value, c.start, c.end = 0, slot, slot+length
	}
	x.small.add(units)
	x.small.seen = max(x.small.seen, slot)
}

// replayPart counts in a part, which becomes the newest one unless it is in the
// window. If it is so long ago that it cannot be, the clock was set back and the
// counter began afresh.
func replayPart[C uint32 | uint64](c *ring[C], part, units int64) {
	if part > c.newest || part <= c.newest-cells {
		c.advance(part)
	}
	c.add(part, units)
}

func (x *at) readBody(r *reader) {
	switch {
	case x.narrow != nil:
		readParts(r, x.narrow)
		return
	case x.wide != nil:
		readParts(r, x.wide)
		return
	}
	value, start := r.varint(), r.varint()
	length, seen := r.varint(), r.varint()
	if value < 0 || value > limits.MaxCount {
		r.bad = true
	}
	if !r.bad {
		x.small.value, x.small.start, x.small.end, x.small.seen = value, start, start+length, start+seen
	}
}

func readParts[C uint32 | uint64](r *reader, c *ring[C]) {
	c.clear(r.varint())
	age := int64(0)
	for {
		step := r.byte()
		if step == 0xff {
			return
		}
		age += int64(step)
		n := r.count()
		if r.bad || age >= cells || uint64(n) > uint64(^C(0)) { //nolint:gosec // Never negative.
			r.bad = true
			return
		}
		c.add(c.newest-age, n)
	}
}
