// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitmem

import (
	"context"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// Decide implements limits.Store. It neither waits nor allocates. It fails if ctx
// has ended, or with the error of Options.Log.
func (s *Store) Decide(ctx context.Context, d *limits.Decision) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.Denied, d.Degraded, d.RetryAfter = false, false, 0
	if len(d.Checks) == 0 {
		return nil
	}
	now := s.now()
	w := s.begin(d.Checks)
	for i := range d.Checks {
		c, x := &d.Checks[i], &w.at[i]
		if !x.take() {
			s.make(w, x, c, now)
		}
		x.roll(c.Rule, now)
		c.Slot = notCounted
		c.Exceeded = c.Weight > 0 && x.used+c.Weight > c.Rule.Capacity()
		if c.Exceeded && c.Rule.Enforces() {
			d.Denied = true
		}
	}
	if !d.Denied {
		if err := s.count(w, d, now); err != nil {
			d.Denied = true
			s.drop(w)
			s.end(w)
			return err
		}
	}
	for i := range d.Checks {
		c, x := &d.Checks[i], &w.at[i]
		c.Used = x.used
		c.Frees = x.frees(c, now)
		if x.head != nil {
			x.judge(c.Rule, c.Exceeded)
		}
	}
	if w.unkept {
		s.remember(d.Checks, w, now)
	}
	if d.Denied {
		s.drop(w)
	}
	s.end(w)
	return nil
}

// counts says whether a check counts in an admitted decision. A weight of 0 does,
// since it may come to something when it is settled.
func counts(c *limits.Check) bool { return !c.Exceeded || !c.Rule.Shadow }

// count counts the weights of an admitted decision, having told the log.
func (s *Store) count(w *work, d *limits.Decision, now int64) error {
	if s.log != nil {
		if err := s.logDecision(w, d); err != nil {
			return err
		}
	}
	reserves := d.ID != limits.ID{} && d.Open()
	first := int32(noItem)
	var open *openShard
	if reserves {
		open = s.open.shard(d.ID)
		open.mu.Lock()
	}
	for i := range d.Checks {
		c, x := &d.Checks[i], &w.at[i]
		if !counts(c) {
			continue
		}
		c.Slot = x.slot()
		if c.Weight > 0 {
			x.add(c.Rule, c.Slot, c.Weight, now)
			x.used = x.read(c.Rule)
		}
		if reserves {
			first = open.add(openItem{id: x.id, tag: x.tag, slot: c.Slot, weight: c.Weight, next: first})
			x.head.open++
		}
		if x.spill {
			c.Slot |= inSpill
			x.shard.overflowed++
		}
	}
	if reserves {
		if old, ok := open.first[d.ID]; ok { // not as the contract has it
			open.release(old)
		}
		open.first[d.ID] = first
		open.mu.Unlock()
	}
	return nil
}

// drop forgets the counters that were made for a decision which counts nothing.
func (s *Store) drop(w *work) {
	for i := range w.at {
		if x := &w.at[i]; x.fresh {
			x.shard.remove(x.ref)
			x.head = nil
		}
	}
}
