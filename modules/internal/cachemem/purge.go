// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachemem

import (
	"context"
	"slices"

	"github.com/caddy-gateway/tollgate/modules/caching"
)

// remembered is how many purges are remembered, for answers that were asked for before.
// Older ones stand for purges of everything.
const remembered = 1024

// purges are the last purges, by number: the first is number forgotten+1.
type purges struct {
	forgotten uint64
	tags      [][]string
}

// add remembers a purge and returns its number.
func (p *purges) add(tags []string) uint64 {
	if len(p.tags) == remembered {
		p.tags = append(p.tags[:0], p.tags[1:]...)
		p.forgotten++
	}
	p.tags = append(p.tags, slices.Clone(tags))
	return p.forgotten + uint64(len(p.tags))
}

// concern tells whether an entry of the time of number seq is subject to a later purge.
func (p *purges) concern(seq uint64, e *caching.Entry) bool {
	if seq < p.forgotten {
		return true
	}
	return slices.ContainsFunc(p.tags[min(seq-p.forgotten, uint64(len(p.tags))):], e.HasTags)
}

// purgedSince tells whether an entry that was asked for at seq has been purged since.
func (s *Store) purgedSince(seq uint64, e *caching.Entry) bool {
	if s.seq.Load() == seq {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.purges.concern(seq, e)
}

// Purge implements caching.Store.
//
// Who puts looks at the purges once more after the entry is in, and until then who gets it. The
// purge is among them before it looks at the entries: one of both sees the other.
func (s *Store) Purge(_ context.Context, tags ...string) (int64, error) {
	if s.closed.Load() {
		return 0, caching.ErrClosed
	}
	if err := caching.CheckTags(tags); err != nil {
		return 0, err
	}
	s.mu.Lock()
	seq := s.purges.add(tags)
	s.seq.Store(seq)
	s.mu.Unlock()
	var found []*item
	for _, it := range s.cache.All() {
		if it.seq < seq && it.entry.HasTags(tags) {
			found = append(found, it)
		}
	}
	var n int64
	for _, it := range found {
		if s.drop(it) {
			n++
		}
	}
	s.mu.Lock()
	s.stats.Purged += uint64(n)
	s.mu.Unlock()
	return n, nil
}

// Mark implements caching.Store.
func (s *Store) Mark(caching.Key) caching.Mark {
	return caching.Mark{Epoch: 1, Seq: s.seq.Load()}
}
