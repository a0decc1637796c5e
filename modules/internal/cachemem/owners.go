// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachemem

import (
	"github.com/maypok86/otter/v2"

	"github.com/caddy-gateway/tollgate/modules/caching"
)

// mercies is how many entries in a row are spared because they were asked for, before
// one goes that was asked for as well.
const mercies = 64

// owner has a list of items, the newest first.
type owner struct {
	name  string
	first *item
	last  *item
	bytes int64
}

// link counts an item that is about to be put, and returns those of the same owner that
// have to make room for it, beyond some bytes. They count no longer.
func (s *Store) link(it *item, most int64) (victims []*item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := it.entry.Owner
	o := s.owners[name]
	if o == nil {
		o = &owner{name: it.entry.Owner}
		s.owners[name] = o
	}
	it.entry.Owner = o.name // one string for all
	it.owner = o
	o.push(it)
	o.bytes += it.size
	s.bytes.Add(it.size)
	s.stats.Entries++
	for spared := 0; name != "" && o.bytes > most; {
		victim := o.last
		if victim == it { // only spared ones are behind it
			o.remove(victim)
			o.push(victim)
			continue
		}
		if spared < mercies && victim.used.Swap(false) {
			spared++
			o.remove(victim)
			o.push(victim)
			continue
		}
		s.unlink(victim)
		s.stats.Evicted++
		victims = append(victims, victim)
	}
	return victims
}

// unlink counts an item no longer, and returns false if it was not counted. Called with
// the lock.
func (s *Store) unlink(it *item) bool {
	if it.gone.Swap(true) {
		return false
	}
	o := it.owner
	o.remove(it)
	if o.bytes -= it.size; o.first == nil {
		delete(s.owners, o.name)
	}
	s.bytes.Add(-it.size)
	s.stats.Entries--
	return true
}

// deleted is called by the cache when an item has been taken out of it, whatever for.
func (s *Store) deleted(e otter.DeletionEvent[caching.Key, *item]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.unlink(e.Value) {
		return
	}
	switch e.Cause {
	case otter.CauseOverflow:
		s.stats.Evicted++
	case otter.CauseExpiration:
		s.stats.Expired++
	default:
	}
}

func (o *owner) push(it *item) {
	it.prev, it.next = nil, o.first
	if o.first != nil {
		o.first.prev = it
	} else {
		o.last = it
	}
	o.first = it
}

func (o *owner) remove(it *item) {
	if it.prev != nil {
		it.prev.next = it.next
	} else {
		o.first = it.next
	}
	if it.next != nil {
		it.next.prev = it.prev
	} else {
		o.last = it.prev
	}
	it.prev, it.next = nil, nil
}
