// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-gateway/tollgate/modules/records"
)

// RecordSharer is an open store that also keeps small records: for this gateway, or for
// all that share it.
type RecordSharer interface {
	// SharedRecords opens the records. It does not wait for the network, and fails only
	// where that will not pass by itself. It is called once at most, and they end with
	// the store; their methods may be called all the same, and must not panic then.
	SharedRecords() (OpenRecords, error)
}

// OpenRecords are records that have been opened.
type OpenRecords interface {
	records.Store

	// Err returns why records cannot be kept at the moment, or nil. It holds no secret.
	Err() error
	// Stats returns how much is kept.
	Stats() RecordStats
}

// RecordBackup is implemented by OpenRecords that can be copied while they are in use.
// Those that lie elsewhere are backed up there.
type RecordBackup interface {
	// Backup writes what the command "records restore" reads: all records of one moment,
	// each change that was done before included. It holds up nobody who uses them.
	Backup(w io.Writer) error
}

// RecordStats are figures about records.
type RecordStats struct {
	// Records counts them, and Bytes is what they take in the memory of the process. Both
	// are -1 where that is not known.
	Records, Bytes int64
}

// NeedRecords says that something in the config keeps records. Handlers call it in
// Provision. Records that nobody needs are never opened.
func (a *App) NeedRecords() {
	a.counters.need()
	a.records.needed.Store(true)
}

// Records returns the records of the config, which are in its store: they outlive a reload,
// and the process unless the store is in memory. Requests may use them. Where they cannot
// be opened, and after the config has ended, every answer is records.ErrUnavailable. In
// Provision nothing may be asked.
func (a *App) Records() records.Store { return &a.records }

// recordsView is the records.Store of one config. They are opened by the first use or by
// Start, whichever comes first, because Caddy starts apps in no particular order.
type recordsView struct {
	app    *App
	needed atomic.Bool
	open   atomic.Pointer[OpenRecords]

	mu      sync.Mutex
	refused error // why the first use could not open them; Start tries again
}

// openRecords opens the records of the config if something needs them.
func (a *App) openRecords() error {
	if !a.records.needed.Load() {
		return nil
	}
	if _, err := a.records.start(); err != nil {
		return err
	}
	a.AddHealthChecker("records", HealthFunc(a.recordsHealth))
	return nil
}

// start opens the records, and the store in which they are.
func (v *recordsView) start() (OpenRecords, error) {
	s, err := v.app.counters.start()
	if err != nil {
		return nil, err
	}
	open, err := s.sharedRecords()
	if err != nil {
		return nil, err
	}
	v.open.Store(&open)
	return open, nil
}

// get returns the open records for a request.
func (v *recordsView) get() (OpenRecords, error) {
	if open := v.open.Load(); open != nil {
		return *open, nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.refused != nil {
		return nil, v.refused
	}
	open, err := v.start()
	if err != nil {
		v.refused = fmt.Errorf("%w: %w", records.ErrUnavailable, err)
	}
	return open, v.refused
}

// sharedRecords opens the records of the store if that has not been done.
func (s *openStore) sharedRecords() (OpenRecords, error) {
	s.recording.Lock()
	defer s.recording.Unlock()
	if open := s.records.Load(); open != nil {
		return *open, nil
	}
	if s.ended {
		return nil, fmt.Errorf("store %s is closed", s.name)
	}
	sharer, ok := s.OpenStore.(RecordSharer)
	if !ok {
		return nil, fmt.Errorf("store %s keeps no records, which something in the config needs; write: store embedded", s.name)
	}
	open, err := sharer.SharedRecords()
	if err != nil {
		return nil, err
	}
	s.records.Store(&open)
	return open, nil
}

// recordsHealth says whether records are kept. Without them the requests that need them
// are refused, and others go on.
func (a *App) recordsHealth(context.Context) Health {
	open := *a.records.open.Load()
	h := Health{Status: HealthOK, Facts: map[string]any{"store": a.counters.open.Load().name}}
	if stats := open.Stats(); stats.Records >= 0 {
		h.Facts["records"], h.Facts["bytes"] = stats.Records, stats.Bytes
	}
	if err := open.Err(); err != nil {
		h.Status, h.Detail = HealthDegraded, err.Error()
	}
	return h
}

// count takes note of how an operation has ended.
func (v *recordsView) count(operation string, err error) {
	result := "ok"
	switch {
	case err == nil:
	case errors.Is(err, records.ErrFull):
		result = "full"
	case errors.Is(err, records.ErrInvalid):
		result = "invalid"
	case errors.Is(err, context.Canceled):
		result = "canceled"
	default: // also where who asks has waited for as long as it may
		result = "unavailable"
	}
	v.app.shared.metrics.records.operations.WithLabelValues(operation, result).Inc()
}

// Put implements records.Store.
func (v *recordsView) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	s, err := v.get()
	if err == nil {
		err = s.Put(ctx, key, value, ttl)
	}
	v.count("put", err)
	return err
}

// Add implements records.Store.
func (v *recordsView) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (added bool, err error) {
	s, err := v.get()
	if err == nil {
		added, err = s.Add(ctx, key, value, ttl)
	}
	v.count("add", err)
	return added, err
}

// Get implements records.Store.
func (v *recordsView) Get(ctx context.Context, key string) (value []byte, found bool, err error) {
	s, err := v.get()
	if err == nil {
		value, found, err = s.Get(ctx, key)
	}
	v.count("get", err)
	return value, found, err
}

// Take implements records.Store.
func (v *recordsView) Take(ctx context.Context, key string) (value []byte, found bool, err error) {
	s, err := v.get()
	if err == nil {
		value, found, err = s.Take(ctx, key)
	}
	v.count("take", err)
	return value, found, err
}

// Delete implements records.Store.
func (v *recordsView) Delete(ctx context.Context, key string) error {
	s, err := v.get()
	if err == nil {
		err = s.Delete(ctx, key)
	}
	v.count("delete", err)
	return err
}

// List implements records.Store.
func (v *recordsView) List(ctx context.Context, prefix string) (list []records.Record, err error) {
	s, err := v.get()
	if err == nil {
		list, err = s.List(ctx, prefix)
	}
	v.count("list", err)
	return list, err
}

// Interface guards
var _ records.Store = (*recordsView)(nil)
