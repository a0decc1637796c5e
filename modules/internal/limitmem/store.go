// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package limitmem keeps the counters of limits in memory.
//
// # Memory
//
// A counter takes a slot of fixed size: some 70 bytes for fixed, calendar and
// bucket windows, some 310 for sliding ones, and 620 for sliding windows of money,
// the index included. Slots lie in slabs without pointers, in up to 128 shards,
// which the hash of a key chooses, so that the counters of one key share a lock.
//
// # When it is full
//
// The number of counters and the bytes that they take are bounded
// (Options.MaxEntries, Options.MaxBytes); each shard has an equal part of both.
// Where a new counter finds no room, another one makes place:
//
//   - if there is one among the next slots, a counter that holds nothing, or whose
//     window has passed;
//   - otherwise one that is little used. A hand goes round the slots, and takes the
//     first whose uses are used up: each decision about a counter but the first is a
//     use, of which up to 7 are kept, and each visit of the hand takes one away.
//
// It never takes a counter that is at its limit or has denied, so that no flood of
// other keys lets an offender in again; nor one that counts money; nor one with
// a reservation that is not settled. If there is nothing to take, the new counter
// is not made: the check is then counted in one overflow counter, which all such
// keys of the same level and rule share as if they were one key. Stats tells.
// A key that is forgotten has its whole limit again.
//
// # Time
//
// The time is that of the monotonic clock, put right within a second whenever the
// clock of the system is found more than two seconds away, because it was set or
// the machine was suspended. A counter whose clock is behind by up to the length of
// its window goes on with the latest time that it has seen, and by more it starts
// afresh. So a jump, be it forward or back, admits at most one limit more, and
// blocks nobody for longer than the window.
package limitmem

import (
	"slices"
	"sync"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// Defaults of Options.
const (
	// DefaultMaxEntries is a million.
	DefaultMaxEntries = 1_000_000
	// DefaultMaxBytes is 256 MiB.
	DefaultMaxBytes = 256 << 20
)

// Partitions is in how many parts keys fall by their hashes, of which each shard
// has one or several.
const Partitions = 128

// perShard is how many counters a shard should be able to hold: there are fewer
// shards where only few counters are allowed.
const perShard = 64

// Options say how much a store keeps.
type Options struct {
	// MaxEntries bounds the number of counters, by default DefaultMaxEntries.
	MaxEntries int
	// MaxBytes bounds the bytes that counters and their index take, by default
	// DefaultMaxBytes. Not bounded here are overflow counters, of which there is one
	// for each level and rule, and reservations that are not settled, which take
	// some 100 bytes each.
	MaxBytes int64
	// Clock tells the time. By default it is that of the system, see above.
	Clock func() time.Time
	// Log is told what has to survive. By default nothing does.
	Log Log
}

// Stats are figures of a store.
type Stats struct {
	// Entries is the number of counters, and Bytes what they and their index take.
	Entries int
	Bytes   int64
	// Open is the number of decisions that are not settled.
	Open int
	// Evicted is how many counters have been forgotten since the start to make
	// place for others, without those whose windows had passed.
	Evicted uint64
	// Overflowed is how many checks have been counted in overflow counters since
	// the start, because there was no place for counters of their own.
	Overflowed uint64
}

// Store is a limits.Store in memory.
type Store struct {
	shards []*shard
	spill  *shard // overflow counters
	mask   uint64
	open   openTable
	ids    idCache
	log    Log
	clock  func() time.Time
	system systemClock
	works  sync.Pool
}

// New returns a store without counters.
func New(o Options) *Store {
	if o.MaxEntries <= 0 {
		o.MaxEntries = DefaultMaxEntries
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	n := Partitions
	for n > 1 && (o.MaxEntries/n < perShard || o.MaxBytes/int64(n) < minShardBytes) {
		n /= 2
	}
	s := &Store{
		shards: make([]*shard, n), mask: uint64(n - 1), //nolint:gosec // At least 1.
		log: o.Log, clock: o.Clock,
		ids: newIDCache(o.MaxEntries),
	}
	s.system.init()
	for i := range s.shards {
		s.shards[i] = newShard(min(o.MaxEntries/n, maxSlots), o.MaxBytes/int64(n))
	}
	s.spill = newShard(maxSlots, 1<<62)
	s.open.init()
	s.works.New = func() any { return new(work) }
	return s
}

// now is the time in microseconds since the Unix epoch.
func (s *Store) now() int64 {
	if s.clock != nil {
		return s.clock().UnixMicro()
	}
	return s.system.now()
}

// Now is the time that the store goes by, see above.
func (s *Store) Now() time.Time { return time.UnixMicro(s.now()) }

// Err implements limits.Store: memory does not fail.
func (s *Store) Err() error { return nil }

// Stats returns what is so now. It takes the locks of all shards, one by one.
func (s *Store) Stats() Stats {
	var sum Stats
	for _, sh := range append(slices.Clip(s.shards), s.spill) {
		sh.mu.Lock()
		sum.Entries += sh.entries
		sum.Bytes += sh.bytes
		sum.Evicted += sh.evicted
		sum.Overflowed += sh.overflowed
		sh.mu.Unlock()
	}
	sum.Open = s.open.len()
	return sum
}

// Interface guards
var _ limits.Store = (*Store)(nil)
