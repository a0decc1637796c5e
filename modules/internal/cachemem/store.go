// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package cachemem keeps responses in memory.
//
// # What stays
//
// What all entries take is bounded (caching.Options.MaxBytes). Where a new entry finds
// no room, the library decides by W-TinyLFU who goes: what is asked for often stays, and
// what nobody asks for twice goes first, however much of it there is. An entry that is
// new may so be the one that goes, at once.
//
// One owner may take a part of it (caching.Options.OwnerShare, half by default). Beyond
// that its own entries make room, the oldest first, but for those that were asked for
// since they were last looked at. Entries without an owner are not bounded by it.
//
// # Memory
//
// The size of an entry is everything that it takes: meta, body, tags and what manages
// them, in the sizes in which memory is given out. Buffers that are larger than what
// they hold are copied when they are put, and so are bodies in small pieces. The bound
// holds at any moment but for the entries that are being put at that moment. What is not
// counted is what clients are still being sent of entries that have gone.
//
// # Hits
//
// A hit allocates nothing, whatever the size of the entry: all who get an entry share
// its memory. With caching.Options.Compress a hit on a body that is kept compressed
// (S2) allocates its decompressed form.
//
// # Purges
//
// There is no index of tags, which would take more memory than many an entry and a lock
// on each write. A purge looks at every entry, some two million a second, and stops
// nobody meanwhile.
package cachemem

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/caddy-gateway/tollgate/modules/caching"
)

// Defaults of caching.Options.
const (
	// DefaultMaxBytes is 128 MiB.
	DefaultMaxBytes = 128 << 20
	// DefaultOwnerShare is half of it.
	DefaultOwnerShare = 0.5
	// MinMaxBytes is the least that MaxBytes can be.
	MinMaxBytes = 64 << 10
	// maxEntry is more than the library can weigh of one entry.
	maxEntry = 1 << 31
	// expected is what entries take on average, for the size of the hash table and of the
	// sketch by which the library knows how often keys are asked for: up to three hundredths
	// of MaxBytes, from the start. Both grow where entries are smaller. With a sketch that
	// has to grow, hit ratios are lower by a hundredth or two.
	expected    = 1 << 10
	maxExpected = 1 << 20
	// entryPart is which part of the store one entry may take by default.
	entryPart = 8
)

// Store is a caching.Store in memory.
type Store struct {
	cache  *otter.Cache[caching.Key, *item]
	now    func() time.Time
	bounds atomic.Pointer[bounds]
	closed atomic.Bool

	bytes atomic.Int64
	seq   atomic.Uint64 // of the last purge

	mu     sync.Mutex // leaf: nothing of the cache is called while it is held
	owners map[string]*owner
	purges purges
	stats  caching.Stats
}

// bounds are what options say about size.
type bounds struct {
	max      int64 // bytes of all entries
	maxOne   int64 // bytes of an entry
	maxOwner int64 // bytes of an owner
	compress bool
}

func boundsOf(o caching.Options) *bounds {
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	o.MaxBytes = max(o.MaxBytes, MinMaxBytes)
	if o.MaxEntryBytes <= 0 {
		o.MaxEntryBytes = o.MaxBytes / entryPart
	}
	if o.OwnerShare <= 0 || o.OwnerShare > 1 {
		o.OwnerShare = DefaultOwnerShare
	}
	return &bounds{
		max: o.MaxBytes, maxOne: min(o.MaxEntryBytes, o.MaxBytes, maxEntry),
		maxOwner: int64(float64(o.MaxBytes) * o.OwnerShare), compress: o.Compress,
	}
}

// New returns an empty store. It makes use of all options but Name.
func New(o caching.Options) *Store {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Store{now: o.Now, owners: map[string]*owner{}}
	b := boundsOf(o)
	s.bounds.Store(b)
	s.cache = otter.Must(&otter.Options[caching.Key, *item]{
		MaximumWeight:    uint64(b.max),
		InitialCapacity:  int(min(b.max/expected, maxExpected)),
		Weigher:          func(_ caching.Key, it *item) uint32 { return uint32(it.size) },
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[caching.Key, *item]) time.Duration { return e.Value.entry.Expires.Sub(s.now()) }),
		OnAtomicDeletion: s.deleted,
		// Who puts makes room, so that nobody can put faster than room is made.
		Executor: func(f func()) { f() },
		Clock:    clock{o.Now},
	})
	return s
}

// Tune implements caching.Tuner. Entries of an owner that has more than its share now go
// with its next one, and what is there stays compressed or not.
func (s *Store) Tune(o caching.Options) {
	b := boundsOf(o)
	s.bounds.Store(b)
	s.cache.SetMaximum(uint64(b.max))
	s.cache.CleanUp()
}

// clock is the clock of the library, with the ticks of the system.
type clock struct{ now func() time.Time }

func (c clock) NowNano() int64 { return c.now().UnixNano() }

func (clock) Tick(d time.Duration) <-chan time.Time { return time.Tick(d) }

// Stats implements caching.Store.
func (s *Store) Stats() caching.Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.Bytes, st.MaxBytes = s.bytes.Load(), s.bounds.Load().max
	return st
}

// Err implements caching.Store: memory does not fail.
func (s *Store) Err() error {
	if s.closed.Load() {
		return caching.ErrClosed
	}
	return nil
}

// Close implements caching.Store.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.cache.InvalidateAll()
	s.cache.StopAllGoroutines()
	return nil
}

// Interface guards
var (
	_ caching.Store = (*Store)(nil)
	_ caching.Tuner = (*Store)(nil)
	_ otter.Clock   = clock{}
)
