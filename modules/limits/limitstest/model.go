// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitstest

import (
	"context"
	"sync"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// Model is a limits.Store that is slow and obviously right: behind one mutex it
// keeps a log of all that it has counted and adds it up anew for each question.
type Model struct {
	now      func() time.Time
	mu       sync.Mutex
	counters map[identity]*counter
	settled  map[limits.ID]bool
}

// identity is what makes a counter that one and no other.
type identity struct {
	key  limits.Key
	rule string
}

// NewModel returns a model without counts. If clock is nil it goes by the time of
// the system.
func NewModel(clock *Clock) *Model {
	m := &Model{now: time.Now, counters: make(map[identity]*counter), settled: make(map[limits.ID]bool)}
	if clock != nil {
		m.now = clock.Now
	}
	return m
}

// counter returns the counter of a check, with its log as it is now.
func (m *Model) counter(c *limits.Check) *counter {
	id := identity{c.Key, c.Rule.ID()}
	if m.counters[id] == nil {
		m.counters[id] = new(counter)
	}
	m.counters[id].advance(c.Rule, m.now())
	return m.counters[id]
}

// Decide implements limits.Store.
func (m *Model) Decide(ctx context.Context, d *limits.Decision) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	d.Denied, d.Degraded, d.RetryAfter = false, false, 0
	for i := range d.Checks {
		c := &d.Checks[i]
		c.Exceeded = c.Weight > 0 && m.counter(c).used(c.Rule)+c.Weight > c.Rule.Capacity()
		d.Denied = d.Denied || c.Exceeded && c.Rule.Enforces()
	}
	for i := range d.Checks {
		c := &d.Checks[i]
		n := m.counter(c)
		if !d.Denied && (!c.Exceeded || !c.Rule.Shadow) {
			n.count(c.Rule, d.ID, c.Weight)
		}
		c.Slot = n.time
		c.Used = n.used(c.Rule)
		c.Frees = n.frees(c.Rule, c.Weight, c.Exceeded)
	}
	return nil
}

// Settle implements limits.Store.
func (m *Model) Settle(d *limits.Decision) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d.Denied || m.settled[d.ID] {
		return
	}
	if d.ID != (limits.ID{}) {
		m.settled[d.ID] = true
	}
	for i := range d.Checks {
		c := &d.Checks[i]
		m.counter(c).settle(c.Rule, d.ID, c.Slot, c.Actual)
	}
}

// Look implements limits.Store.
func (m *Model) Look(ctx context.Context, checks []limits.Check) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range checks {
		c := &checks[i]
		n := m.counter(c)
		c.Exceeded = false
		c.Used = n.used(c.Rule)
		c.Reserved = min(c.Used, n.reserved(c.Rule))
		c.Frees = n.frees(c.Rule, 0, false)
	}
	return nil
}

// Reset implements limits.Store.
func (m *Model) Reset(ctx context.Context, checks []limits.Check) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range checks {
		c := &checks[i]
		m.counter(c).reset(c.Rule)
	}
	return nil
}

// Err implements limits.Store.
func (m *Model) Err() error { return nil }

// Interface guards
var _ limits.Store = (*Model)(nil)
