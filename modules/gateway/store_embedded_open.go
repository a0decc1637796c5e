// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"go.uber.org/zap"

	"github.com/caddy-gateway/tollgate/modules/internal/limitmem"
	"github.com/caddy-gateway/tollgate/modules/limits"
)

// embeddedCounters are the counters of a store that is open.
type embeddedCounters interface {
	limits.Store
	Stats() limitmem.Stats
}

// openEmbedded is an EmbeddedStore that is open.
type openEmbedded struct {
	embeddedCounters
	store *EmbeddedStore // as it was opened
	log   func() *zap.Logger
	close func() error
}

// Open implements Store.
func (s *EmbeddedStore) Open(env StoreEnv) (OpenStore, error) {
	o := &openEmbedded{store: s, log: env.Log, close: func() error { return nil }}
	o.embeddedCounters = limitmem.New(limitmem.Options{MaxEntries: s.MaxEntries, MaxBytes: s.MaxMemory})
	return o, nil
}

// Close implements OpenStore.
func (o *openEmbedded) Close() error { return o.close() }

// Statistics implements StoreStatistics.
func (o *openEmbedded) Statistics() StoreStats {
	s := o.Stats()
	return StoreStats{Entries: int64(s.Entries), Bytes: s.Bytes, Evicted: int64(s.Evicted), Overflowed: int64(s.Overflowed)}
}

// Facts implements StoreFacts.
func (o *openEmbedded) Facts() map[string]any {
	s := o.Stats()
	path := o.store.dir
	if path == "" {
		path = "memory"
	}
	return map[string]any{"path": path, "entries": s.Entries, "bytes": s.Bytes, "unsettled": s.Open}
}

// Tune implements StoreTuner. Counters lie in memory that was divided when the store
// was opened.
func (o *openEmbedded) Tune(latest Store) {
	if s := latest.(*EmbeddedStore); s.MaxEntries != o.store.MaxEntries || s.MaxMemory != o.store.MaxMemory {
		o.log().Warn("max_entries and max_memory of the store are those with which it was opened; what the config says now holds after the next start",
			zap.Int("max_entries", o.store.MaxEntries), zap.Int64("max_memory", o.store.MaxMemory))
	}
}

// Interface guards
var (
	_ OpenStore       = (*openEmbedded)(nil)
	_ StoreStatistics = (*openEmbedded)(nil)
	_ StoreFacts      = (*openEmbedded)(nil)
	_ StoreTuner      = (*openEmbedded)(nil)
)
