// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"context"
	"errors"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// Decide implements limits.Store.
func (s *Store) Decide(ctx context.Context, d *limits.Decision) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.Denied, d.Degraded, d.RetryAfter = false, false, 0
	if s.over != nil && s.over.recall(s, d) {
		s.stats.recalled.Add(1)
		return nil
	}
	if s.every > 0 {
		return s.decideAhead(d)
	}
	return s.decideShared(d)
}

// decideShared has Redis decide, or the local share if Redis cannot.
func (s *Store) decideShared(d *limits.Decision) error {
	hard := anyHard(d.Checks)
	var token string
	if hard {
		var wait time.Duration
		if token, wait = s.admission(); token == "" {
			return s.refuse(d, wait, errEpoch)
		}
	} else if s.alone() {
		return s.decideLocal(d)
	}
	p := plans.Get().(*plan)
	err := s.decideRedis(p, d, hard, token)
	plans.Put(p)
	switch {
	case err == nil:
		s.stats.shared.Add(1)
		return nil
	case hard:
		return s.refuse(d, retryAfter(err), err)
	}
	return s.decideLocal(d)
}

// errEpoch tells that hard limits wait until all gateways have told what they know.
var errEpoch = errors.New("redis may have lost counts")

func retryAfter(err error) time.Duration {
	if errors.Is(err, errEpoch) {
		return grace
	}
	return 0
}

// decideRedis asks Redis. If it returns an error, nothing is counted, or what may
// have been counted will be taken back; but what a decision without reservations may
// have counted stays where no answer came in time.
func (s *Store) decideRedis(p *plan, d *limits.Decision, hard bool, token string) error {
	var flags byte
	var argv []string
	reserving := reserves(d.Checks)
	if reserving {
		flags |= askReserve
		argv = append(argv, string(d.ID[:]))
	}
	if hard && !s.cluster {
		flags |= askHard
		if argv == nil {
			argv = append(argv, "")
		}
		argv = append(argv, token)
	}
	sc := decideScript
	if flags == 0 {
		sc = plainScript
	}
	for range 2 {
		if err := s.build(p, sc, toDecide, flags, d.Checks, argv...); err != nil {
			return err
		}
		_ = s.line.ask(p.cmds...) // each command has its error
		again, err := s.outcome(p, d, reserving)
		if err != nil || !again {
			return err
		}
	}
	return errAnswer
}

// outcome reads what came of a decision. If the commands of one do not agree, or some
// failed, what the others have counted is taken back. again says that Redis has
// another time than was thought.
func (s *Store) outcome(p *plan, d *limits.Decision, reserving bool) (again bool, err error) {
	a := s.answers(p, d)
	if a.admitted == len(p.cmds) && a.err == nil {
		if reserving {
			s.open.add(d)
		}
		if s.over != nil {
			s.over.counted(s, d)
		}
		s.reflect(d)
		return false, nil
	}
	if reserving && (a.admitted > 0 || a.unsure) {
		s.cancel(d, a.admitted > 0 && !a.unsure)
	} else if a.admitted > 0 {
		s.takeBack(p, d)
	}
	if a.err != nil {
		d.Denied = false
		return false, a.err
	}
	if d.Denied {
		a.again = false
		if len(p.cmds) > 1 {
			s.retell(p, d)
		}
		if s.over != nil {
			s.over.remember(s, d)
		}
		s.reflect(d)
	}
	return a.again, nil
}

// answers is what the commands of a decision were told.
type answers struct {
	admitted int   // by how many the decision was
	unsure   bool  // some may have counted it, without an answer that says so
	again    bool  // Redis has another time than was thought
	err      error // of one that failed
}

// answers reads them, and puts what they say of the checks into the decision.
func (s *Store) answers(p *plan, d *limits.Decision) (a answers) {
	for i, cmd := range p.cmds {
		r := reader{s: cmd.answer}
		if cmd.err != nil {
			a.err = cmd.err
			a.unsure = a.unsure || !errors.Is(cmd.err, errNotAsked)
			continue
		}
		kind := byte(r.int(1))
		if kind != answerPlainly && kind != answerRefused {
			s.observe(r.int(7))
		}
		switch kind {
		case answerAdmitted, answerPlainly:
			a.admitted++
		case answerDenied, answerRefused:
			d.Denied = true
		case answerSpans:
			a.again = true
			continue
		case answerEpoch:
			if r.int(7) == 0 { // not just too young
				s.epoch.suspect()
			}
			a.err = errEpoch
			continue
		default:
			a.err = errAnswer
			continue
		}
		for _, n := range p.part(i) {
			c := &d.Checks[n]
			var k *knowledge
			if p.knows[n] {
				k = &p.know[n]
			}
			r.result(c, k, false)
			if k != nil && !r.short {
				s.known.put(c.Key, s.rules.get(c.Rule), *k, s.nowMicro())
			}
		}
		if err := r.err(); err != nil {
			a.err, a.unsure = err, true
		}
	}
	return a
}

// retell sets the results of checks that were counted by a command while another one
// denied, as they are without what was taken back.
func (s *Store) retell(p *plan, d *limits.Decision) {
	var parts []int
	for i, cmd := range p.cmds {
		if cmd.admitted() {
			parts = append(parts, p.part(i)...)
		}
	}
	if len(parts) == 0 {
		return
	}
	checks := make([]limits.Check, len(parts))
	for i, n := range parts {
		checks[i] = d.Checks[n]
	}
	l := plans.Get().(*plan)
	defer plans.Put(l)
	if s.build(l, decideScript, toTell, askLook, checks) != nil {
		return
	}
	// If Redis does not answer, the results are a little too high.
	_, _ = s.asked(l, func(r *reader, n int) {
		r.result(&checks[n], nil, true)
	})
	for i, n := range parts {
		c, o := &d.Checks[n], &checks[i]
		c.Exceeded, c.Used, c.Frees = o.Exceeded, o.Used, o.Frees
	}
}

// observe takes note of the time of Redis.
func (s *Store) observe(micro int64) {
	if s.clock == nil {
		s.skew.Store(micro - time.Now().UnixMicro())
	}
}

func anyHard(checks []limits.Check) bool {
	for i := range checks {
		if checks[i].Rule.Hard() {
			return true
		}
	}
	return false
}

// reserves says that a decision has to be settled if it is admitted.
func reserves(checks []limits.Check) bool {
	for i := range checks {
		if checks[i].Rule.Unit.Reserves() {
			return true
		}
	}
	return false
}
