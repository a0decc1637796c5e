// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitmem

import "github.com/caddy-gateway/tollgate/modules/limits"

// Settle implements limits.Store. Decisions that have reserved are known from when
// they are admitted until they are settled. Of others with an ID it is remembered
// for some thousands of settlements that they were. Without an ID, the difference is
// applied each time.
func (s *Store) Settle(d *limits.Decision) {
	if d.Denied || len(d.Checks) == 0 {
		return
	}
	known := d.ID != limits.ID{} && d.Open()
	if !known {
		if d.ID != (limits.ID{}) && !s.open.shard(d.ID).settles(d.ID) || !differs(d) {
			return
		}
	}
	now := s.now()
	w := s.begin(d.Checks)
	defer s.end(w)
	for i := range d.Checks {
		// Before the open decisions are locked, as Decide does it.
		if c := &d.Checks[i]; c.Slot >= inSpill {
			s.takeSpill(w, &w.at[i], c)
		}
	}
	first := int32(noItem)
	var open *openShard
	if known {
		open = s.open.shard(d.ID)
		open.mu.Lock()
		defer open.mu.Unlock()
		chain, ok := open.first[d.ID]
		if !ok {
			return
		}
		delete(open.first, d.ID)
		first = chain
		defer open.release(first)
	}
	for i := range d.Checks {
		c, x := &d.Checks[i], &w.at[i]
		if c.Slot == notCounted {
			continue
		}
		slot := c.Slot &^ inSpill
		if !x.spill {
			x.take()
		}
		weight := c.Weight
		if known {
			counted, ok := open.counted(first, x.id, x.tag)
			if !ok {
				continue
			}
			weight = counted
			if x.head != nil && x.head.open > 0 {
				x.head.open--
			}
		}
		if x.head == nil {
			continue
		}
		x.roll(c.Rule, now)
		x.settle(s, w, c, slot, weight, now)
	}
	if s.log != nil {
		s.logSettled(w)
	}
}

// settle replaces what a check has counted.
func (x *at) settle(s *Store, w *work, c *limits.Check, slot, weight, now int64) {
	units := max(0, min(c.Actual, limits.MaxCount)) - weight
	if c.Rule.Window.Kind == limits.Held {
		units = -weight
	}
	if units == 0 || !x.add(c.Rule, slot, units, now) {
		return
	}
	x.used = x.read(c.Rule)
	if x.used < c.Rule.Capacity() {
		x.head.flags &^= flagOver
	} else {
		x.head.flags |= flagOver
	}
	if s.log != nil && !x.spill && x.tag.persists() {
		w.record = x.appendAdd(w.record, slot, units)
		x.changed()
	}
}

// differs says that a check came to something else than what it has counted.
func differs(d *limits.Decision) bool {
	for i := range d.Checks {
		c := &d.Checks[i]
		if c.Actual != c.Weight || c.Rule.Window.Kind == limits.Held {
			return true
		}
	}
	return false
}
