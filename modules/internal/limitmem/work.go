// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitmem

import (
	"math/bits"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// Values of limits.Check.Slot. Others are the number of the part or the start of the
// span in which the weight was counted.
const (
	notCounted = -1 << 63
	// inSpill is set for what was counted in an overflow counter.
	inSpill = 1 << 62
)

// spillSubject is whose overflow counters are: nobody who could be named.
const spillSubject = "\x00overflow"

// work is what an operation knows about its checks. It is used again.
type work struct {
	at     []at
	shards [Partitions / 64]uint64 // which ones are locked
	only   *shard                  // if it is just one
	spill  bool                    // the overflow shard is locked
	pinned bool                    // counters have flagPinned
	unkept bool                    // the hash of a key is not remembered
	record []byte
}

// at is a check's counter.
type at struct {
	id    id
	tag   tag
	shard *shard
	ref   ref
	// The slot: one of these is not nil, unless there is no counter.
	small  *small
	narrow *narrow
	wide   *wide
	head   *head
	used   int64
	part   int64 // the length of a part in microseconds, if the window slides
	fresh  bool  // the counter has just been made
	unkept bool  // the hash of the key is not remembered
	quick  uint64
	spill  bool // it is an overflow counter
}

func idOf(k *limits.Key) id {
	h := k.Hash()
	return id{
		a: uint64(h[0]) | uint64(h[1])<<8 | uint64(h[2])<<16 | uint64(h[3])<<24 | uint64(h[4])<<32 | uint64(h[5])<<40 | uint64(h[6])<<48 | uint64(h[7])<<56,
		b: uint64(h[8]) | uint64(h[9])<<8 | uint64(h[10])<<16 | uint64(h[11])<<24 | uint64(h[12])<<32 | uint64(h[13])<<40 | uint64(h[14])<<48 | uint64(h[15])<<56,
	}
}

// begin finds out which counters checks are about, and locks their shards, in order.
func (s *Store) begin(checks []limits.Check) *work {
	w := s.works.Get().(*work) //nolint:errcheck,forcetypeassert // There is nothing else in it.
	w.shards, w.only, w.record = [len(w.shards)]uint64{}, nil, w.record[:0]
	w.spill, w.pinned, w.unkept = false, false, false
	if cap(w.at) < len(checks) {
		w.at = make([]at, len(checks))
	}
	w.at = w.at[:len(checks)]
	for i := range checks {
		c, x := &checks[i], &w.at[i]
		*x = at{tag: tagOf(c.Rule)}
		if i > 0 && c.Key == checks[i-1].Key {
			x.id, x.shard = w.at[i-1].id, w.at[i-1].shard
			continue
		}
		var kept bool
		x.id, x.quick, kept = s.ids.get(&c.Key)
		x.unkept = !kept
		w.unkept = w.unkept || !kept
		n := x.id.b & s.mask
		x.shard = s.shards[n]
		w.shards[n/64] |= 1 << (n % 64)
		if i == 0 {
			w.only = x.shard
		} else if x.shard != w.only {
			w.only = nil
		}
	}
	if w.only != nil {
		w.only.mu.Lock()
		return w
	}
	for i, set := range w.shards {
		for ; set != 0; set &= set - 1 {
			s.shards[i*64+bits.TrailingZeros64(set)].mu.Lock()
		}
	}
	return w
}

// end unlocks the shards.
func (s *Store) end(w *work) {
	if w.pinned {
		w.pin(false)
	}
	if w.spill {
		s.spill.mu.Unlock()
	}
	if w.only != nil {
		w.only.mu.Unlock()
	} else {
		for i, set := range w.shards {
			for ; set != 0; set &= set - 1 {
				s.shards[i*64+bits.TrailingZeros64(set)].mu.Unlock()
			}
		}
	}
	s.works.Put(w)
}

// pin keeps the counters that have been found from being forgotten, or ends that.
func (w *work) pin(on bool) {
	w.pinned = on
	for i := range w.at {
		switch hd := w.at[i].head; {
		case hd == nil:
		case on:
			hd.flags |= flagPinned
		default:
			hd.flags &^= flagPinned
		}
	}
}

// remember remembers the hashes of keys that have counters already.
func (s *Store) remember(checks []limits.Check, w *work, now int64) {
	for i := range w.at {
		if x := &w.at[i]; x.unkept && x.head != nil && !x.fresh && !x.spill {
			s.ids.keep(&checks[i].Key, x.id, x.quick, now)
		}
	}
}

// take finds the counter of a check.
func (x *at) take() bool {
	if r := x.shard.find(x.id, x.tag); r != 0 {
		x.hold(r)
		return true
	}
	return false
}

// make makes a counter, be it an overflow counter.
func (s *Store) make(w *work, x *at, c *limits.Check, now int64) {
	w.pin(true)
	r := x.shard.insert(x.id, x.tag, now)
	if r == 0 {
		s.takeSpill(w, x, c)
		if x.head != nil {
			return
		}
		r = x.shard.insert(x.id, x.tag, now)
	}
	x.fresh = true
	x.hold(r)
}

// takeSpill makes the counter of a check the overflow counter. There is always room
// for it, since there are no more of them than levels and rules.
func (s *Store) takeSpill(w *work, x *at, c *limits.Check) {
	if !w.spill {
		w.spill = true
		s.spill.mu.Lock()
	}
	x.id = idOf(&limits.Key{Level: c.Key.Level, Subject: spillSubject})
	x.shard, x.spill = s.spill, true
	x.take()
}

func (x *at) hold(r ref) {
	x.ref = r
	switch n := r.number(); r.class() {
	case classSmall:
		x.small = x.shard.small.at(n)
		x.head = &x.small.head
	case classNarrow:
		x.narrow = x.shard.narrow.at(n)
		x.head = &x.narrow.head
	default:
		x.wide = x.shard.wide.at(n)
		x.head = &x.wide.head
	}
}

// roll makes the counter that of a time in microseconds, and reads it.
func (x *at) roll(r *limits.Rule, now int64) {
	switch {
	case x.small != nil:
		switch r.Window.Kind {
		case limits.Bucket:
			x.small.leak(r, now)
		case limits.Held:
		default:
			x.small.roll(&r.Window, now)
		}
	case x.narrow != nil:
		x.part = partOf(r)
		if since := now - x.narrow.newest*x.part; since < 0 || since >= x.part {
			x.narrow.advance(floor(now, x.part))
		}
	case x.wide != nil:
		x.part = partOf(r)
		if since := now - x.wide.newest*x.part; since < 0 || since >= x.part {
			x.wide.advance(floor(now, x.part))
		}
	}
	x.used = x.read(r)
}

// partOf is the length of a part in microseconds.
func partOf(r *limits.Rule) int64 { return max(1, int64(r.Window.Part()/time.Microsecond)) }

// read is what is used.
func (x *at) read(r *limits.Rule) int64 {
	switch {
	case x.small != nil:
		if r.Window.Kind == limits.Bucket {
			return x.small.units(r)
		}
		return x.small.value
	case x.narrow != nil:
		return x.narrow.used()
	case x.wide != nil:
		return x.wide.used()
	}
	return 0
}

// slot is where something would be counted now.
func (x *at) slot() int64 {
	switch {
	case x.narrow != nil:
		return x.narrow.newest
	case x.wide != nil:
		return x.wide.newest
	default:
		return x.small.start
	}
}

// add changes what is counted in a slot by units, and says whether that is still
// in the window.
func (x *at) add(r *limits.Rule, slot, units, now int64) bool {
	switch {
	case x.narrow != nil:
		return x.narrow.add(slot, units)
	case x.wide != nil:
		return x.wide.add(slot, units)
	case x.small == nil:
		return false
	case !x.holds(r, slot):
		return false
	case r.Window.Kind == limits.Bucket:
		x.small.owe(r, units)
	default:
		x.small.add(units)
	}
	if units > 0 {
		x.small.seen = max(x.small.seen, now)
	}
	return true
}

// frees is Check.Frees.
func (x *at) frees(c *limits.Check, now int64) time.Duration {
	r := c.Rule
	room := x.used - 1
	if c.Exceeded {
		room = r.Capacity() - c.Weight
	}
	switch {
	case room < 0 && c.Exceeded:
		return limits.Never
	case room < 0 || r.Window.Kind == limits.Held || x.head == nil:
		return 0
	}
	var free int64
	switch {
	case x.narrow != nil:
		free = x.narrow.until(room) * x.part
	case x.wide != nil:
		free = x.wide.until(room) * x.part
	case r.Window.Kind == limits.Bucket:
		free = x.small.drained(r, room)
	default:
		free = x.small.end
	}
	return time.Duration(free-now) * time.Microsecond
}

// judge notes what matters when it is asked whether a counter may be forgotten.
func (x *at) judge(r *limits.Rule, exceeded bool) {
	hd := x.head
	if hd.use < maxUse && !x.fresh {
		hd.use++
	}
	if x.used >= r.Capacity() || exceeded && x.used > 0 {
		hd.flags |= flagOver
	} else {
		hd.flags &^= flagOver
	}
}

// changed notes that the counter differs from what is kept elsewhere.
func (x *at) changed() {
	if x.head.flags&flagDirty == 0 {
		x.head.flags |= flagDirty
		x.shard.dirty++
	}
}
