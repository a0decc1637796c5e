// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"context"
	"sync"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// aheadTable is what the gateway has counted by itself and Redis does not know yet:
// with Options.Sync, or because Redis was down.
type aheadTable struct {
	mu    sync.Mutex
	dirty map[knownKey]*delta
	open  map[limits.ID]bool // decisions that are not settled
	// Decisions without reservations that were settled, the older ones in before.
	done, before map[limits.ID]bool
}

// delta is what was counted of a counter since the last exchange.
type delta struct {
	check  limits.Check
	weight int64
}

// maxDirty bounds the counters of one exchange. What is counted of more than these
// between two exchanges is told to nobody.
const maxDirty = 100_000

func (y *aheadTable) init() {
	y.dirty, y.open = make(map[knownKey]*delta), make(map[limits.ID]bool)
}

// opened takes note of a decision that will be settled.
func (y *aheadTable) opened(id limits.ID) {
	y.mu.Lock()
	y.open[id] = true
	y.mu.Unlock()
}

// maxDone is how many decisions are known at least to be settled.
const maxDone = 8192

// first says whether a decision was not settled before.
func (y *aheadTable) first(d *limits.Decision) bool {
	switch {
	case reserves(d.Checks):
		return y.closed(d.ID)
	case d.ID == limits.ID{}:
		return true
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.done[d.ID] || y.before[d.ID] {
		return false
	}
	if y.done == nil || len(y.done) >= maxDone {
		y.done, y.before = make(map[limits.ID]bool), y.done
	}
	y.done[d.ID] = true
	return true
}

// closed says whether a decision was not settled before.
func (y *aheadTable) closed(id limits.ID) (was bool) {
	y.mu.Lock()
	defer y.mu.Unlock()
	was = y.open[id]
	delete(y.open, id)
	return was
}

// idle says that Redis knows all.
func (y *aheadTable) idle() bool {
	y.mu.Lock()
	defer y.mu.Unlock()
	return len(y.dirty) == 0
}

// strict says that a check is always decided by Redis: where a limit is hard, and
// where what is held has to be known at once.
func strict(r *limits.Rule) bool { return r.Hard() || r.Unit == limits.Concurrent }

// decideAhead decides by what is known here, and tells the others later.
func (s *Store) decideAhead(d *limits.Decision) error {
	near, far := limits.Decision{ID: d.ID}, limits.Decision{ID: d.ID}
	for i := range d.Checks {
		if strict(d.Checks[i].Rule) {
			far.Checks = append(far.Checks, d.Checks[i])
		} else {
			near.Checks = append(near.Checks, d.Checks[i])
		}
	}
	if err := s.local.Decide(context.Background(), &near); err != nil {
		return err
	}
	d.Denied = near.Denied
	if len(far.Checks) > 0 && !near.Denied {
		err := s.decideShared(&far)
		if err != nil || far.Denied {
			s.undo(&near)
		}
		d.Denied, d.Degraded, d.RetryAfter = far.Denied, far.Degraded, far.RetryAfter
		if err != nil {
			return err
		}
	}
	n, f := 0, 0
	for i := range d.Checks {
		from, at := &near, &n
		if strict(d.Checks[i].Rule) {
			from, at = &far, &f
		}
		d.Checks[i] = from.Checks[*at]
		*at++
	}
	s.ahead.note(s, &near, !d.Denied)
	if !d.Denied && reserves(d.Checks) {
		s.ahead.opened(d.ID)
	}
	return nil
}

// undo takes back what was counted here.
func (s *Store) undo(d *limits.Decision) {
	for i := range d.Checks {
		c := &d.Checks[i]
		c.Actual = 0
	}
	s.local.Settle(d)
	for i := range d.Checks {
		c := &d.Checks[i]
		c.Used = max(0, c.Used-c.Weight)
	}
}

// settleAhead settles here, and what Redis has decided there.
func (s *Store) settleAhead(d *limits.Decision) {
	near, far := limits.Decision{ID: d.ID}, limits.Decision{ID: d.ID, Degraded: d.Degraded}
	for i := range d.Checks {
		if strict(d.Checks[i].Rule) {
			far.Checks = append(far.Checks, d.Checks[i])
		} else {
			near.Checks = append(near.Checks, d.Checks[i])
		}
	}
	if len(far.Checks) > 0 {
		if far.Degraded {
			s.settleLocal(&far)
		} else {
			s.settleShared(&far)
		}
	}
	if len(near.Checks) == 0 {
		return
	}
	if !s.ahead.first(d) {
		return
	}
	s.local.Settle(&near)
	s.ahead.settled(s, &near)
}

// settled takes note of what a decision has come to.
func (y *aheadTable) settled(s *Store, d *limits.Decision) {
	changed := limits.Decision{Checks: append([]limits.Check(nil), d.Checks...)}
	for i := range changed.Checks {
		c := &changed.Checks[i]
		c.Weight = c.Actual - c.Weight
	}
	y.note(s, &changed, true)
}

// note takes note of what was asked about, and of what was counted.
func (y *aheadTable) note(s *Store, d *limits.Decision, counted bool) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for i := range d.Checks {
		c := &d.Checks[i]
		if strict(c.Rule) {
			continue
		}
		k := knownKey{c.Key, s.rules.get(c.Rule).id}
		e := y.dirty[k]
		if e == nil {
			if len(y.dirty) >= maxDirty {
				continue
			}
			e = &delta{check: *c}
			y.dirty[k] = e
		}
		if counted && (!c.Exceeded || !c.Rule.Shadow) {
			e.weight += c.Weight
		}
	}
}

// exchanges tells Redis from time to time what was counted here, and learns what all
// have counted.
func (s *Store) exchanges() {
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			s.exchange()
			return
		case <-tick.C:
			s.exchange()
		}
	}
}

// exchange tells and learns once. What Redis does not learn now it learns next time.
func (s *Store) exchange() {
	y := &s.ahead
	y.mu.Lock()
	all := y.dirty
	y.dirty = make(map[knownKey]*delta, len(all))
	y.mu.Unlock()
	batch := make([]*delta, 0, settleBatch)
	for _, e := range all {
		if batch = append(batch, e); len(batch) == settleBatch {
			s.exchangeSome(batch)
			batch = batch[:0]
		}
	}
	s.exchangeSome(batch)
}

func (s *Store) exchangeSome(batch []*delta) {
	if len(batch) == 0 {
		return
	}
	ps := make([]*plan, 0, len(batch))
	var cmds []*command
	for _, e := range batch {
		p := plans.Get().(*plan)
		ps = append(ps, p)
		e.check.Weight = e.weight
		if s.build(p, decideScript, toForce, 0, []limits.Check{e.check}) == nil {
			cmds = append(cmds, p.cmds...)
		}
	}
	_ = s.line.ask(cmds...) // each command has its error
	for i, e := range batch {
		s.exchanged(ps[i], e)
		plans.Put(ps[i])
	}
}

// exchanged reads the total of one counter.
func (s *Store) exchanged(p *plan, e *delta) {
	y := &s.ahead
	k := knownKey{e.check.Key, s.rules.get(e.check.Rule).id}
	cmd := p.cmds[0]
	if cmd.err != nil || cmd.answer == "" || cmd.answer[0] != answerAdmitted {
		lost := cmd.err != nil && !permanent(cmd.err) || cmd.answer != "" && cmd.answer[0] == answerSpans
		y.mu.Lock()
		if now := y.dirty[k]; lost && now != nil {
			now.weight += e.weight
		} else if lost && len(y.dirty) < maxDirty {
			y.dirty[k] = e
		}
		y.mu.Unlock()
		return
	}
	r := reader{s: cmd.answer[1:]}
	s.observe(r.int(7))
	c := e.check
	r.result(&c, nil, false)
	y.mu.Lock()
	defer y.mu.Unlock()
	if now := y.dirty[k]; now != nil {
		c.Used += now.weight // counted here meanwhile
	}
	if c.Used = max(0, c.Used); s.every > 0 {
		s.local.Set([]limits.Check{c})
	}
}
