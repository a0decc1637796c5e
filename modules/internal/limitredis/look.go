// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"context"
	"fmt"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// Look implements limits.Store. It asks Redis, and returns an error that wraps
// limits.ErrUnavailable if Redis cannot be asked.
func (s *Store) Look(ctx context.Context, checks []limits.Check) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p := plans.Get().(*plan)
	defer plans.Put(p)
	for range 2 {
		if err := s.build(p, decideScript, toLook, askLook, checks); err != nil {
			return err
		}
		again, err := s.asked(p, func(r *reader, n int) {
			r.result(&checks[n], nil, true)
		})
		if err != nil || !again {
			return err
		}
	}
	return errAnswer
}

// Reset implements limits.Store. It returns an error that wraps limits.ErrUnavailable
// if Redis cannot be told.
func (s *Store) Reset(ctx context.Context, checks []limits.Check) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for i := range checks {
		c := &checks[i]
		if s.over != nil {
			s.over.forget(c.Key, s.rules.get(c.Rule).id)
		}
	}
	p := plans.Get().(*plan)
	defer plans.Put(p)
	for range 2 {
		if err := s.build(p, resetScript, toReset, 0, checks); err != nil {
			return err
		}
		again, err := s.asked(p, func(r *reader, n int) {
			var k knowledge
			r.knowledge(&k)
			c := &checks[n]
			if s.over != nil { // a denial may have come in between
				s.over.forget(c.Key, s.rules.get(c.Rule).id)
			}
			if c.Rule.Hard() && !r.short {
				s.known.put(c.Key, s.rules.get(c.Rule), k, s.nowMicro())
			}
		})
		if err != nil || again {
			if err != nil {
				return err
			}
			continue
		}
		return s.local.Reset(ctx, checks)
	}
	return errAnswer
}

// asked sends the commands of p and reads their answers, of each check by fn.
func (s *Store) asked(p *plan, fn func(r *reader, n int)) (again bool, err error) {
	_ = s.line.ask(p.cmds...) // each command has its error
	for i, cmd := range p.cmds {
		if cmd.err != nil {
			return false, fmt.Errorf("%w: %w", limits.ErrUnavailable, cmd.err)
		}
		r := reader{s: cmd.answer}
		kind := byte(r.int(1))
		s.observe(r.int(7))
		if kind == answerSpans {
			again = true
			continue
		}
		for _, n := range p.part(i) {
			fn(&r, n)
		}
		if err := r.err(); err != nil {
			return false, err
		}
	}
	return again, nil
}
