// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"sync"
	"sync/atomic"

	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// cacheStatuses are what a cache does, in the order in which they are shown.
var cacheStatuses = [...]state.CacheStatus{
	state.CacheHit, state.CacheStale, state.CacheCoalesced, state.CacheRevalidated, state.CacheMiss, state.CacheBypass,
}

// cacheTally counts what an open cache did, for those who ask for its figures.
type cacheTally struct {
	requests [len(cacheStatuses)]atomic.Uint64

	mu    sync.Mutex
	saved money.Total
}

func (t *cacheTally) count(c *state.Cache) {
	for i, status := range cacheStatuses {
		if status == c.Status {
			t.requests[i].Add(1)
			break
		}
	}
	if c.SavedKnown && c.Saved > 0 {
		t.mu.Lock()
		t.saved.Add(c.Saved)
		t.mu.Unlock()
	}
}

// figures returns how many requests there were of each status, and what they have saved.
func (t *cacheTally) figures() (map[state.CacheStatus]uint64, money.Total) {
	requests := make(map[state.CacheStatus]uint64, len(cacheStatuses))
	for i, status := range cacheStatuses {
		requests[status] = t.requests[i].Load()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return requests, t.saved
}
