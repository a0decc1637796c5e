// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

const (
	// firstPause and lastPause are how long to wait after a failure, more each time.
	firstPause = 20 * time.Millisecond
	lastPause  = time.Second
	// leastBatch is how many settlements are sent at once when many are too many: one
	// of a hard limit and another one.
	leastBatch = 2
)

// background tells Redis what is settled, and renews leases.
func (s *Store) background() {
	renew := time.NewTicker(limits.Lease / 3)
	defer renew.Stop()
	pause, most := firstPause, settleBatch
	for {
		select {
		case <-s.stop:
			return
		case <-renew.C:
			s.renew(limits.Lease / 4)
			continue
		case <-s.pending.kick:
		}
		for {
			if wait := s.epoch.telling(); wait > 0 {
				select {
				case <-s.stop:
					return
				case <-time.After(wait):
				}
				continue
			}
			s.sending.Lock()
			batch := s.pending.take(most)
			var rest []settlement
			if len(batch) > 0 {
				rest = s.settleAll(batch)
			}
			s.pending.giveBack(rest)
			s.sending.Unlock()
			if len(batch) == 0 {
				break
			}
			if len(rest) < len(batch) {
				pause, most = firstPause, min(2*most, settleBatch)
				continue
			}
			most = max(leastBatch, most/2) // perhaps it is more than Redis can do in time
			select {
			case <-s.stop:
				return
			case <-time.After(pause):
				pause = min(2*pause, lastPause)
			}
		}
	}
}

// renew prolongs the leases of what was admitted at least some time ago and is not
// settled.
func (s *Store) renew(age time.Duration) {
	s.sending.Lock()
	defer s.sending.Unlock()
	_ = s.renewOpen(age) // tried again before the leases end
}

// renewOpen needs sending to be locked, so that nothing is made again that was
// settled. It returns the first error.
func (s *Store) renewOpen(age time.Duration) (first error) {
	var batch []*command
	flush := func() {
		if len(batch) > 0 {
			if err := s.line.ask(batch...); err != nil && first == nil {
				first = err
			}
			batch = batch[:0]
		}
	}
	for id, checks := range s.open.older(time.Now().Add(-age)) {
		batch = append(batch, s.renewals(id, checks)...)
		if len(batch) >= settleBatch {
			if flush(); first != nil && !s.conn.Up() {
				return first
			}
		}
	}
	flush()
	return first
}

// renewals returns what renews the leases of one decision.
func (s *Store) renewals(id limits.ID, checks []limits.Check) (cmds []*command) {
	p := plans.Get().(*plan)
	defer plans.Put(p)
	if p.group(checks) != nil {
		return nil
	}
	header := string(appendHeader(nil, 0, s.clockMicro(), 1))
	for k := range len(p.first) - 1 {
		members := p.order[p.first[k]:p.first[k+1]]
		tag := string(appendTag(nil, s.prefix, &checks[members[0]].Key))
		cmds = append(cmds, &command{
			script: renewScript,
			keys:   []string{tag + suffixCounters, tag + suffixReserved},
			argv:   []string{header, string(id[:]), s.restorable(checks, members)},
		})
	}
	return cmds
}

// restorable returns, as a reservation has it, what is to be reserved again where
// Redis has lost it: that of hard limits, which are made known to Redis again, too, where
// they are still remembered, and what is held. Other counts begin anew, and it would be wrong to settle what
// they do not hold.
func (s *Store) restorable(checks []limits.Check, members []int) string {
	now := s.nowMicro()
	longest := now
	var windows []byte
	for _, i := range members {
		c := &checks[i]
		held := c.Rule.Window.Kind == limits.Held
		r := s.rules.get(c.Rule)
		known := c.Rule.Hard() && s.known.get(c.Key, r.id) != (knowledge{})
		if !held && !known || c.Exceeded && c.Rule.Shadow {
			continue
		}
		slot := c.Slot
		if held {
			slot = 0
		}
		longest = max(longest, r.ends(now))
		windows = append(append6(windows, r.id), byte(r.Window.Kind))
		windows = append7(append7(windows, slot), c.Weight)
	}
	if windows == nil {
		return ""
	}
	return string(append6(nil, uint64(longest/1000))) + string(windows) //nolint:gosec // Never negative.
}
