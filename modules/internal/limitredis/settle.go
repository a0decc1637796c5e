// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// settlement is what Redis is still to be told of a decision.
type settlement struct {
	id     limits.ID
	checks []limits.Check
	// reserved says that the decision has left reservations in Redis, without which
	// there is nothing to settle.
	reserved bool
	// cancel leaves word that the decision is not to be counted, should it arrive
	// later.
	cancel bool
	hard   bool
	saved  bool      // in the journal
	until  time.Time // then all windows have passed
}

// Settle implements limits.Store. Redis is told in the background.
func (s *Store) Settle(d *limits.Decision) {
	switch {
	case d.Denied:
		return
	case s.every > 0:
		s.settleAhead(d)
		return
	case d.Degraded:
		s.settleLocal(d)
		return
	}
	s.settleShared(d)
}

func (s *Store) settleShared(d *limits.Decision) {
	st := settlement{id: d.ID, reserved: reserves(d.Checks), hard: anyHard(d.Checks)}
	if st.reserved {
		s.open.remove(d.ID)
	}
	changed := st.reserved
	st.checks = make([]limits.Check, 0, len(d.Checks))
	for i := range d.Checks {
		c := &d.Checks[i]
		if c.Exceeded && c.Rule.Shadow {
			continue // nothing was counted
		}
		changed = changed || c.Actual != c.Weight
		st.checks = append(st.checks, *c)
	}
	if !changed || len(st.checks) == 0 {
		return
	}
	if st.id == (limits.ID{}) {
		st.id = limits.NewID() // told again, it is told once
	}
	s.later(st)
}

// cancel takes back what a decision may have reserved. If it is known what it has,
// nothing more is to come, and it is done at once, if possible.
func (s *Store) cancel(d *limits.Decision, known bool) {
	st := settlement{id: d.ID, reserved: true, cancel: !known, hard: anyHard(d.Checks)}
	st.checks = append(st.checks, d.Checks...)
	for i := range st.checks {
		st.checks[i].Actual = 0
	}
	s.now(st, known)
}

// takeBack takes back what those commands have counted that admitted a decision
// without reservations, while others did not.
func (s *Store) takeBack(p *plan, d *limits.Decision) {
	st := settlement{id: limits.NewID()}
	for i, cmd := range p.cmds {
		if !cmd.admitted() {
			continue
		}
		for _, n := range p.part(i) {
			c := d.Checks[n]
			if c.Weight > 0 && (!c.Exceeded || !c.Rule.Shadow) {
				c.Actual = 0
				st.checks = append(st.checks, c)
			}
		}
	}
	if len(st.checks) > 0 {
		s.now(st, true)
	}
}

// now settles at once, if that is wanted and can be done, or else in the background.
func (s *Store) now(st settlement, once bool) {
	// Others need not be waited for: no lease of it is ever renewed.
	if once && len(s.settleAll([]settlement{st})) == 0 {
		return
	}
	s.later(st)
}

// later has the background tell Redis.
func (s *Store) later(st settlement) {
	now := s.nowMicro()
	longest := now
	for i := range st.checks {
		c := &st.checks[i]
		longest = max(longest, s.rules.get(c.Rule).ends(now))
		if s.over != nil {
			s.over.forget(c.Key, s.rules.get(c.Rule).id)
		}
	}
	st.until = time.Now().Add(time.Duration(longest-now) * time.Microsecond)
	if st.hard && s.journal != nil {
		st.saved = s.journal.Save(st.id, st.encode()) == nil
	}
	for _, lost := range s.pending.push(st) {
		s.stats.dropped.Add(1)
		s.understood(&lost)
	}
}

// understood tells the journal that a settlement need not be kept.
func (s *Store) understood(st *settlement) {
	if st.saved {
		s.journal.Done(st.id)
	}
}

// settleBatch bounds how many settlements are sent at once.
const settleBatch = 128

// clearEvery is after how many settlements old reservations of a key are cleared
// away, which those leave that have crashed.
const clearEvery = 256

// settleAll tells Redis, and returns what it has not understood.
func (s *Store) settleAll(all []settlement) (rest []settlement) {
	ps := make([]*plan, 0, len(all))
	var cmds []*command
	for i := range all {
		st := &all[i]
		p := plans.Get().(*plan)
		to, flags := toSettle, byte(0)
		if !st.reserved {
			to = toRelease
		}
		if st.cancel {
			flags |= askReserve
		}
		if s.cleared.Add(1)%clearEvery == 0 {
			flags |= askLook
		}
		if err := s.build(p, settleScript, to, flags, st.checks, string(st.id[:])); err == nil {
			cmds = append(cmds, p.cmds...)
		}
		ps = append(ps, p)
	}
	_ = s.line.ask(cmds...) // each command has its error
	for i := range all {
		if again := s.settled(&all[i], ps[i]); again && time.Now().Before(all[i].until) {
			rest = append(rest, all[i])
		} else {
			s.understood(&all[i])
		}
		plans.Put(ps[i])
	}
	return rest
}

// settled reads what came of a settlement, and says if it has to be told again.
func (s *Store) settled(st *settlement, p *plan) (again bool) {
	for i, cmd := range p.cmds {
		if cmd.err != nil {
			if permanent(cmd.err) {
				s.stats.dropped.Add(1)
			} else {
				again = true
			}
			continue
		}
		r := reader{s: cmd.answer}
		kind := byte(r.int(1))
		s.observe(r.int(7))
		if kind != answerSettled {
			again = true
			continue
		}
		for _, n := range p.part(i) {
			var k knowledge
			r.knowledge(&k)
			c := &st.checks[n]
			if s.over != nil { // a denial may have come in between
				s.over.forget(c.Key, s.rules.get(c.Rule).id)
			}
			if c.Rule.Hard() && !r.short {
				s.known.put(c.Key, s.rules.get(c.Rule), k, s.nowMicro())
			}
		}
	}
	return again
}

// permanent says that Redis has understood and will never do what it is asked: a
// script fails at a key that holds something else, or by itself. What a server answers
// that cannot serve anybody, such as one with too many clients, passes.
func permanent(err error) bool {
	var answer redis.Error
	if !errors.As(err, &answer) {
		return false
	}
	text := answer.Error()
	if strings.HasPrefix(text, "WRONGTYPE ") || strings.Contains(text, ": -WRONGTYPE ") {
		return true
	}
	// Before version 7, what a command in a script has answered is quoted behind a dash.
	return strings.HasPrefix(text, "ERR ") && strings.Contains(text, "user_script") && !strings.Contains(text, ": -")
}

// Flush waits until Redis has understood all that was settled, or ctx is done.
func (s *Store) Flush(ctx context.Context) {
	s.pending.wait(ctx)
}
