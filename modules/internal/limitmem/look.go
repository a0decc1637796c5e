// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitmem

import (
	"context"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// Look implements limits.Store. What is reserved is added up from all decisions
// that are not settled.
func (s *Store) Look(ctx context.Context, checks []limits.Check) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	now := s.now()
	w := s.begin(checks)
	defer s.end(w)
	for i := range checks {
		c, x := &checks[i], &w.at[i]
		x.take()
		x.roll(c.Rule, now)
		c.Exceeded, c.Used, c.Reserved = false, x.used, 0
		c.Frees = x.frees(c, now)
		if x.head == nil || x.head.open == 0 || !c.Rule.Unit.Reserves() {
			continue
		}
		s.open.each(x.id, x.tag, func(it *openItem) {
			if x.holds(c.Rule, it.slot) {
				c.Reserved = min(c.Reserved+it.weight, c.Used)
			}
		})
	}
	return nil
}

// holds says that what was counted in a slot is in the window.
func (x *at) holds(r *limits.Rule, slot int64) bool {
	switch {
	case x.narrow != nil:
		return slot <= x.narrow.newest && x.narrow.newest-slot < cells
	case x.wide != nil:
		return slot <= x.wide.newest && x.wide.newest-slot < cells
	case r.Window.Kind == limits.Held:
		return true
	case r.Window.Kind == limits.Bucket:
		return x.small.start-slot < r.Window.Length.Milliseconds()
	default:
		return x.small.start == slot
	}
}

// Reset implements limits.Store. What decisions hold that are in flight goes on
// being held.
func (s *Store) Reset(ctx context.Context, checks []limits.Check) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.set(checks, func(*limits.Check) int64 { return 0 })
	return nil
}

// Set makes each counter hold exactly Check.Used, as if it was counted now. It
// does nothing for what is held, nor where there is no room for a counter.
// Decisions that are in flight are charged when they are settled.
func (s *Store) Set(checks []limits.Check) {
	s.set(checks, func(c *limits.Check) int64 { return max(0, min(c.Used, limits.MaxCount)) })
}

func (s *Store) set(checks []limits.Check, to func(*limits.Check) int64) {
	now := s.now()
	w := s.begin(checks)
	defer s.end(w)
	for i := range checks {
		c, x := &checks[i], &w.at[i]
		if c.Rule.Window.Kind == limits.Held {
			continue
		}
		units := to(c)
		if !x.take() {
			if units == 0 {
				continue
			}
			w.pin(true)
			r := x.shard.insert(x.id, x.tag, now)
			if r == 0 {
				continue
			}
			x.hold(r)
		}
		x.roll(c.Rule, now)
		x.clear()
		x.add(c.Rule, x.slot(), units, now)
		x.used = x.read(c.Rule)
		x.judge(c.Rule, false)
		if x.head.open > 0 {
			s.open.each(x.id, x.tag, func(it *openItem) { it.weight = 0 })
		}
		if s.log != nil && x.tag.persists() {
			w.record = x.appendState(w.record)
			x.changed()
		}
	}
	if s.log != nil {
		s.logSettled(w)
	}
}

// clear makes the counter hold nothing, in the window that it has.
func (x *at) clear() {
	switch {
	case x.narrow != nil:
		x.narrow.clear(x.narrow.newest)
	case x.wide != nil:
		x.wide.clear(x.wide.newest)
	default:
		x.small.value = 0
	}
}
