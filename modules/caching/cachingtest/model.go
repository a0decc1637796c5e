// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachingtest

import (
	"context"
	"sync"
	"time"

	"github.com/caddy-gateway/tollgate/modules/caching"
)

// Model is a store that is obviously right: a map under a lock. It keeps everything
// until it expires, and remembers all purges.
type Model struct {
	o caching.Options

	mu      sync.Mutex
	entries map[caching.Key]modelled
	purges  [][]string
	stats   caching.Stats
	closed  bool
}

type modelled struct {
	entry *caching.Entry
	size  int64
}

// NewModel returns an empty store.
func NewModel(o caching.Options) *Model {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Model{o: o, entries: map[caching.Key]modelled{}}
}

// Get implements caching.Store.
func (m *Model) Get(_ context.Context, key caching.Key) (*caching.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, caching.ErrClosed
	}
	e, ok := m.entries[key]
	if !ok || !m.o.Now().Before(e.entry.Expires) {
		return nil, nil //nolint:nilnil // There is none.
	}
	return e.entry, nil
}

// Put implements caching.Store.
func (m *Model) Put(_ context.Context, key caching.Key, e *caching.Entry, since caching.Mark) (caching.Outcome, error) {
	if err := e.Check(); err != nil {
		return caching.Outdated, err
	}
	size := int64(len(e.Meta)) + e.Len()
	for _, tag := range e.Tags {
		size += int64(len(tag))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return caching.Outdated, caching.ErrClosed
	}
	m.remove(key)
	if m.o.MaxEntryBytes > 0 && size > m.o.MaxEntryBytes {
		m.stats.Refused++
		return caching.TooLarge, nil
	}
	purged := false
	if since.Epoch != 0 {
		for _, tags := range m.purges[since.Seq:] {
			purged = purged || e.HasTags(tags)
		}
	}
	if purged || !m.o.Now().Before(e.Expires) {
		m.stats.Refused++
		return caching.Outdated, nil
	}
	m.entries[key] = modelled{e, size}
	m.stats.Entries++
	m.stats.Bytes += size
	return caching.Stored, nil
}

// Delete implements caching.Store.
func (m *Model) Delete(_ context.Context, key caching.Key) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return caching.ErrClosed
	}
	if m.remove(key) {
		m.stats.Purged++
	}
	return nil
}

func (m *Model) remove(key caching.Key) bool {
	e, ok := m.entries[key]
	if ok {
		delete(m.entries, key)
		m.stats.Entries--
		m.stats.Bytes -= e.size
	}
	return ok
}

// Purge implements caching.Store.
func (m *Model) Purge(_ context.Context, tags ...string) (int64, error) {
	if err := caching.CheckTags(tags); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return 0, caching.ErrClosed
	}
	m.purges = append(m.purges, tags)
	var n int64
	for key, e := range m.entries {
		if e.entry.HasTags(tags) {
			m.remove(key)
			n++
		}
	}
	m.stats.Purged += uint64(n)
	return n, nil
}

// Mark implements caching.Store.
func (m *Model) Mark(caching.Key) caching.Mark {
	m.mu.Lock()
	defer m.mu.Unlock()
	return caching.Mark{Epoch: 1, Seq: uint64(len(m.purges))}
}

// Stats implements caching.Store.
func (m *Model) Stats() caching.Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stats
}

// Err implements caching.Store.
func (m *Model) Err() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return caching.ErrClosed
	}
	return nil
}

// Close implements caching.Store.
func (m *Model) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	clear(m.entries)
	return nil
}

// Interface guards
var _ caching.Store = (*Model)(nil)
