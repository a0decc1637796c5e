// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitmem

// The classes of slots. None is 0, so that no reference to a slot is.
const (
	classSmall  = 1 // one figure: fixed, calendar, bucket, held
	classNarrow = 2 // sliding, parts of 32 bits
	classWide   = 3 // sliding, parts of 64 bits
)

// head is what the slots of all classes begin with.
type head struct {
	id   id
	tag  tag
	open uint32 // how many decisions that are not settled have been counted here
	use  uint8  // how often decisions have been about it, as far as matters
	// The flags say what the counter may be forgotten for, and where it is kept.
	flags uint8
	// Of sliding windows: the place of the newest part, and how many parts before
	// it the oldest one lies that is not empty.
	pos, age uint8
}

// The flags of a slot.
const (
	flagOver   = 1 << iota // it is at its limit or has denied
	flagPinned             // a decision is just being made about it
	flagDirty              // it differs from what is kept of it elsewhere
	flagStored             // something of it is kept elsewhere
)

const maxUse = 7

// id is the hash of a limits.Key.
type id struct{ a, b uint64 }

// partition is which of Partitions a key belongs to.
func (k id) partition() uint64 { return k.b % Partitions }

// small is a counter of one figure.
type small struct {
	head
	value int64 // what is counted; of a bucket the debt in units times milliseconds
	// The span in microseconds since the epoch. Of a bucket start is the time of
	// value in milliseconds, and end when it is empty, as far as is known.
	start, end int64
	seen       int64 // when something was last counted, in microseconds
}

type (
	narrow = ring[uint32]
	wide   = ring[uint64]
)

// chunkSize is how many slots are allocated at once.
const chunkSize = 64

// slab is growing room for slots of one class. Slots never move.
type slab[T any] struct {
	chunks []*[chunkSize]T // nil: given back
	hand   uint32          // where the next victim is looked for
}

func (s *slab[T]) at(n uint32) *T { return &s.chunks[n/chunkSize][n%chunkSize] }

// grow adds a chunk and returns the number of its first slot.
func (s *slab[T]) grow() uint32 {
	c := new([chunkSize]T)
	for i := range s.chunks {
		if s.chunks[i] == nil {
			s.chunks[i] = c
			return uint32(i) * chunkSize //nolint:gosec // Bounded by maxSlots.
		}
	}
	s.chunks = append(s.chunks, c)
	return uint32(len(s.chunks)-1) * chunkSize //nolint:gosec // As above.
}
