// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"

	"github.com/caddy-gateway/tollgate/modules/caching"
)

// absentCache stands for a cache that cannot be opened: everything misses.
type absentCache struct{ err error }

// Get implements caching.Store.
func (s absentCache) Get(context.Context, caching.Key) (*caching.Entry, error) { return nil, s.err }

// Put implements caching.Store.
func (s absentCache) Put(context.Context, caching.Key, *caching.Entry, caching.Mark) (caching.Outcome, error) {
	return caching.Outdated, s.err
}

// Delete implements caching.Store.
func (s absentCache) Delete(context.Context, caching.Key) error { return s.err }

// Purge implements caching.Store.
func (s absentCache) Purge(context.Context, ...string) (int64, error) { return 0, s.err }

// Mark implements caching.Store.
func (absentCache) Mark(caching.Key) caching.Mark { return caching.Mark{} }

// Stats implements caching.Store.
func (absentCache) Stats() caching.Stats { return caching.Stats{} }

// Err implements caching.Store.
func (s absentCache) Err() error { return s.err }

// Close implements caching.Store.
func (absentCache) Close() error { return nil }

// Interface guards
var _ caching.Store = absentCache{}
