// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package recorddb

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/caddy-gateway/tollgate/modules/records"
)

// kindPart is the part of the room that records of one kind may take up: a half. So
// tickets, which clients ask for, leave room for revocations.
const kindPart = 2

// sweepAtOnce bounds how many expired records are removed beside one change.
const sweepAtOnce = 1000

// Options say how much is kept.
type Options struct {
	// MaxRecords is how many records are kept at most. Default: DefaultMaxRecords.
	MaxRecords int
	// MaxBytes is how much they may take in memory, about. Default: DefaultMaxBytes.
	MaxBytes int64
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	if o.MaxRecords <= 0 {
		o.MaxRecords = DefaultMaxRecords
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Stats are figures about a store.
type Stats struct {
	// Records counts what is kept, and Bytes is what that takes in memory, about. Both
	// include what has expired and is not removed yet.
	Records, Bytes int64
}

// Memory is a records.Store in the memory of the process.
type Memory struct {
	o  Options
	mu sync.RWMutex
	t  table
}

// NewMemory returns an empty store.
func NewMemory(o Options) *Memory { return &Memory{o: o.withDefaults(), t: newTable()} }

// change makes one change.
func (m *Memory) change(ctx context.Context, c *change) error {
	if err := records.Check(c.key, c.value, c.ttl); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	b := newBatch(&m.t, &m.o, m.o.Now())
	b.sweep(sweepAtOnce)
	b.do(c)
	b.apply()
	return c.err
}

// Put implements records.Store.
func (m *Memory) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return m.change(ctx, &change{verb: put, key: key, value: value, ttl: ttl})
}

// Add implements records.Store.
func (m *Memory) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	c := change{verb: add, key: key, value: value, ttl: ttl}
	err := m.change(ctx, &c)
	return c.found, err
}

// Get implements records.Store.
func (m *Memory) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if err := records.Check(key, nil, 0); err != nil {
		return nil, false, err
	}
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	m.mu.RLock()
	e := m.t.get(key, m.o.Now().UnixNano())
	m.mu.RUnlock()
	if e == nil {
		return nil, false, nil
	}
	return bytes.Clone(e.value), true, nil
}

// Take implements records.Store.
func (m *Memory) Take(ctx context.Context, key string) ([]byte, bool, error) {
	c := change{verb: take, key: key}
	if err := m.change(ctx, &c); err != nil || !c.found {
		return nil, false, err
	}
	return c.value, true, nil // nobody else has it any more
}

// Delete implements records.Store.
func (m *Memory) Delete(ctx context.Context, key string) error {
	return m.change(ctx, &change{verb: remove, key: key})
}

// List implements records.Store.
func (m *Memory) List(ctx context.Context, prefix string) ([]records.Record, error) {
	if err := checkPrefix(prefix); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.t.list(prefix, m.o.Now().UnixNano()), nil
}

// checkPrefix refuses what no key can begin with. The empty prefix stands for all.
func checkPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	return records.Check(prefix, nil, 0)
}

// Stats returns how much there is.
func (m *Memory) Stats() Stats {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return Stats{Records: m.t.all.records, Bytes: m.t.all.bytes}
}

// Err implements the health of stores: memory is always there.
func (*Memory) Err() error { return nil }

// Close ends the use of the store. What is in it is lost.
func (*Memory) Close() error { return nil }

// Interface guards
var _ records.Store = (*Memory)(nil)
