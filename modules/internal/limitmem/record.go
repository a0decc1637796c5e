// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitmem

import (
	"encoding/binary"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// A record is a version and some changes. Each begins with what it does, the hash
// of the key, and the tag of the rule.
const (
	recordVersion = 1

	changeAdd   = 1 // units, which may be negative, to a part or span
	changeState = 2 // what the counter holds from now on
)

func (x *at) appendChange(b []byte, change byte) []byte {
	if len(b) == 0 {
		b = append(b, recordVersion)
	}
	b = append(b, change)
	return appendID(b, x.id, x.tag)
}

const idSize = 24 // of a key's hash and a tag

func appendID(b []byte, k id, t tag) []byte {
	b = binary.LittleEndian.AppendUint64(b, k.a)
	b = binary.LittleEndian.AppendUint64(b, k.b)
	return binary.LittleEndian.AppendUint64(b, uint64(t))
}

func readID(b []byte) (id, tag) {
	return id{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}, tag(binary.LittleEndian.Uint64(b[16:]))
}

// valid says that a tag can be one that persists.
func (t tag) valid() bool {
	w := t.window()
	return t&tagSet != 0 && w.Kind <= limits.Bucket && t.unit() <= limits.Cost && t.persists() &&
		(w.Kind == limits.Calendar && w.Period <= limits.Year || w.Kind != limits.Calendar && w.Length > 0)
}

func (x *at) appendAdd(b []byte, slot, units int64) []byte {
	if x.small != nil && x.tag.kind() == limits.Bucket {
		return x.appendState(b) // of what has been done
	}
	b = x.appendChange(b, changeAdd)
	b = binary.AppendVarint(b, slot)
	if x.small != nil {
		b = binary.AppendVarint(b, x.small.end-slot)
	}
	return binary.AppendVarint(b, units)
}

func (x *at) appendState(b []byte) []byte {
	return x.appendBody(x.appendChange(b, changeState))
}

// appendBody appends what a slot holds.
func (x *at) appendBody(b []byte) []byte {
	switch {
	case x.narrow != nil:
		return appendParts(b, x.narrow)
	case x.wide != nil:
		return appendParts(b, x.wide)
	}
	b = binary.AppendVarint(b, x.small.value)
	b = binary.AppendVarint(b, x.small.start)
	b = binary.AppendVarint(b, x.small.end-x.small.start)
	return binary.AppendVarint(b, x.small.seen-x.small.start)
}

// appendParts appends the newest part's number and, for each part that is not
// empty, how far it is before the one appended last, and what it holds.
func appendParts[C uint32 | uint64](b []byte, r *ring[C]) []byte {
	b = binary.AppendVarint(b, r.newest)
	if r.sum > 0 {
		last := uint8(0)
		for age := range r.age + 1 {
			if n := r.parts[r.place(age)]; n != 0 {
				b = append(b, age-last)
				b = binary.AppendUvarint(b, uint64(n))
				last = age
			}
		}
	}
	return append(b, 0xff)
}
