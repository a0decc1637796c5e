// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledger

import "sync"

// Memory is a Ledger in the memory of the process, and ends with it. It keeps
// sums, not records, within the bounds of a Table.
//
// Recording into a row that exists does not allocate.
type Memory struct {
	mu    sync.Mutex
	table *Table
}

// NewMemory returns an empty ledger.
func NewMemory(o Options) *Memory {
	return &Memory{table: NewTable(o)}
}

// Record implements Ledger.
func (m *Memory) Record(r *Record) {
	m.mu.Lock()
	m.table.Record(r)
	m.mu.Unlock()
}

// Rows implements Ledger. It never fails. Recording waits meanwhile, for some
// milliseconds where there are as many rows as the bounds admit.
func (m *Memory) Rows(q Query) ([]Row, error) {
	g := NewGroups(q)
	m.mu.Lock()
	m.table.AddTo(g)
	m.mu.Unlock()
	return g.Rows(), nil
}

// Err implements Ledger. It is always nil: Memory promises nothing beyond the
// end of the process.
func (m *Memory) Err() error { return nil }

// Interface guards
var _ Ledger = (*Memory)(nil)
