// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachemem

import (
	"context"

	"github.com/maypok86/otter/v2"

	"github.com/caddy-gateway/tollgate/modules/caching"
)

// Get implements caching.Store. It minds no context, since it waits for nothing.
func (s *Store) Get(_ context.Context, key caching.Key) (*caching.Entry, error) {
	it, ok := s.cache.GetIfPresent(key)
	// What is being put has taken the place of what was there: who looks now makes sure that
	// it may be seen, as who puts it does.
	if !ok || !it.settled.Load() && s.purgedSince(it.seq, &it.entry) {
		return nil, s.Err()
	}
	if !it.used.Load() { // so that a hot entry is not written to by all processors
		it.used.Store(true)
	}
	if it.packed == nil {
		return &it.entry, nil
	}
	e, err := it.unpack()
	if err != nil {
		s.drop(it)
		return nil, err
	}
	return e, nil
}

// Put implements caching.Store.
func (s *Store) Put(_ context.Context, key caching.Key, e *caching.Entry, since caching.Mark) (caching.Outcome, error) {
	if s.closed.Load() {
		return caching.Outdated, caching.ErrClosed
	}
	if err := e.Check(); err != nil {
		return caching.Outdated, err
	}
	seq := since.Seq
	if since.Epoch == 0 {
		seq = s.seq.Load()
	}
	if !s.now().Before(e.Expires) || s.purgedSince(seq, e) {
		s.refused()
		return caching.Outdated, nil
	}
	b := s.bounds.Load()
	it := newItem(key, e, b.compress)
	it.seq = seq
	if it.size > b.maxOne || e.Owner != "" && it.size > b.maxOwner {
		s.refused()
		s.cache.Invalidate(key) // what was there is no longer the answer
		return caching.TooLarge, nil
	}
	s.insert(it, b.maxOwner)
	outcome, err := s.settle(it)
	if s.bytes.Load() > b.max {
		s.cache.CleanUp() // somebody else was making room when this was to
	}
	return outcome, err
}

// insert puts an item into the cache.
func (s *Store) insert(it *item, maxOwner int64) {
	for _, victim := range s.link(it, maxOwner) {
		s.drop(victim)
	}
	s.cache.Set(it.key, it)
}

// settle looks whether an item that was inserted may stay. A purge that
// is not among the purges by now finds it.
func (s *Store) settle(it *item) (caching.Outcome, error) {
	switch {
	case s.closed.Load():
		s.drop(it)
		return caching.Outdated, caching.ErrClosed
	case s.purgedSince(it.seq, &it.entry):
		s.drop(it)
		s.refused()
		return caching.Outdated, nil
	case it.gone.Load():
		s.drop(it) // it had to go before it came
	}
	it.settled.Store(true)
	return caching.Stored, nil
}

// Delete implements caching.Store.
func (s *Store) Delete(_ context.Context, key caching.Key) error {
	if s.closed.Load() {
		return caching.ErrClosed
	}
	if _, ok := s.cache.Invalidate(key); ok {
		s.mu.Lock()
		s.stats.Purged++
		s.mu.Unlock()
	}
	return nil
}

// drop takes an item out of the cache, if it is there. It returns whether it was.
func (s *Store) drop(it *item) (was bool) {
	s.cache.ComputeIfPresent(it.key, func(present *item) (*item, otter.ComputeOp) {
		if was = present == it; was {
			return nil, otter.InvalidateOp
		}
		return nil, otter.CancelOp
	})
	return was
}

func (s *Store) refused() {
	s.mu.Lock()
	s.stats.Refused++
	s.mu.Unlock()
}
