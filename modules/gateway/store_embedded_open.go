// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"fmt"

	"go.uber.org/zap"

	"github.com/caddy-gateway/tollgate/modules/internal/limitdb"
	"github.com/caddy-gateway/tollgate/modules/internal/limitmem"
	"github.com/caddy-gateway/tollgate/modules/limits"
)

// openEmbedded is an EmbeddedStore that is open.
type openEmbedded struct {
	limits.Store
	store  *EmbeddedStore // as it was opened
	log    func() *zap.Logger
	memory *limitmem.Store
	db     *limitdb.DB // nil if in memory alone

	records *embeddedRecords // nil until something needs them
}

// Open implements Store.
func (s *EmbeddedStore) Open(env StoreEnv) (OpenStore, error) {
	o := &openEmbedded{store: s, log: env.Log}
	if s.dir == "" {
		o.memory = limitmem.New(limitmem.Options{MaxEntries: s.MaxEntries, MaxBytes: s.MaxMemory})
		o.Store = o.memory
		return o, nil
	}
	db, recovery, err := limitdb.Open(limitdb.Options{
		Dir: s.dir, MaxEntries: s.MaxEntries, MaxBytes: s.MaxMemory, OnChange: env.Changed,
	})
	if errors.Is(err, limitdb.ErrInUse) {
		return nil, fmt.Errorf("%w; stop that process, or give this one a directory of its own with the option: store embedded <path>", err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w (to keep counters in memory alone, write: store embedded memory)", err)
	}
	o.db, o.memory, o.Store = db, db.Store, db
	log := env.Log().With(zap.String("path", s.dir), zap.String("recovery", recovery.String()))
	if recovery.Lossy() {
		log.Error("counters of limits opened, and some of what was counted is lost")
	} else {
		log.Info("counters of limits opened")
	}
	return o, nil
}

// Close implements OpenStore.
func (o *openEmbedded) Close() error {
	err := o.records.close()
	if o.db == nil {
		return err
	}
	return errors.Join(err, o.db.Close())
}

// Statistics implements StoreStatistics.
func (o *openEmbedded) Statistics() StoreStats {
	s := o.memory.Stats()
	return StoreStats{Entries: int64(s.Entries), Bytes: s.Bytes, Evicted: int64(s.Evicted), Overflowed: int64(s.Overflowed)}
}

// Facts implements StoreFacts.
func (o *openEmbedded) Facts() map[string]any {
	s := o.memory.Stats()
	facts := map[string]any{"path": "memory", "entries": s.Entries, "bytes": s.Bytes, "unsettled": s.Open}
	if o.db != nil {
		disk, err := o.db.Stats()
		facts["path"], facts["file_bytes"], facts["unwritten"] = o.store.dir, disk.FileBytes, disk.Unwritten
		if err != nil {
			facts["error"] = err.Error()
		}
	}
	return facts
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
