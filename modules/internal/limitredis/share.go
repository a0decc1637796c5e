// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// instances is how many gateways share the limits. When Redis is back they are as many
// as before until all have had time to be heard of.
func (s *Store) instances() int64 {
	n := int64(max(1, s.conn.Instances()))
	if s.comeback.state.Load() >= gone {
		n = max(n, s.comeback.crowd.Load())
	}
	return n
}

// share returns the rule for a check that is decided by this gateway alone. A weight
// that fits the limit fits the share, too, if nothing else is counted: otherwise
// large requests would all be refused until Redis is back.
func (s *Store) share(c *limits.Check, n int64) *limits.Rule {
	share := s.rules.get(c.Rule).shareOf(n)
	if c.Weight <= share.Capacity() || c.Weight > c.Rule.Capacity() {
		return share
	}
	larger := *share
	if larger.Window.Kind == limits.Bucket {
		larger.Burst = c.Weight
	} else {
		larger.Limit = c.Weight
	}
	return &larger
}

// shared is a decision with the rules of the share.
type shared struct {
	limits.Decision
	room [8]limits.Check
}

var shares = sync.Pool{New: func() any { return new(shared) }}

// byShare copies a decision, with the rules that hold for a share.
func (s *Store) byShare(d *limits.Decision, n int64) *shared {
	l := shares.Get().(*shared)
	l.Decision = *d
	l.Checks = append(l.room[:0], d.Checks...)
	for i := range l.Checks {
		l.Checks[i].Rule = s.share(&l.Checks[i], n)
	}
	return l
}

func (l *shared) release() {
	clear(l.Checks)
	l.Checks = nil
	shares.Put(l)
}

// decideLocal decides by this gateway's share of the limits.
func (s *Store) decideLocal(d *limits.Decision) error {
	s.stats.local.Add(1)
	s.drainMirror()
	l := s.byShare(d, s.instances())
	defer l.release()
	if err := s.local.Decide(context.Background(), &l.Decision); err != nil {
		return err
	}
	d.Denied, d.Degraded = l.Denied, true
	for i := range d.Checks {
		c, o := &d.Checks[i], &l.Checks[i]
		c.Exceeded, c.Frees, c.Slot = o.Exceeded, o.Frees, o.Slot
		// What remains is what this gateway would still admit.
		c.Used = c.Rule.Capacity() - o.Rule.Capacity() + o.Used
	}
	if !d.Denied {
		s.ahead.note(s, d, true) // Redis is told when it is back
		if reserves(d.Checks) {
			s.ahead.opened(d.ID)
		}
	}
	return nil
}

func (s *Store) settleLocal(d *limits.Decision) {
	l := s.byShare(d, s.instances())
	defer l.release()
	s.local.Settle(&l.Decision)
	if s.ahead.first(d) {
		s.ahead.settled(s, d)
	}
}

// refuse tells that a decision about a hard limit cannot be made now.
func (s *Store) refuse(d *limits.Decision, wait time.Duration, cause error) error {
	s.stats.refused.Add(1)
	d.RetryAfter = wait
	if wait <= 0 {
		// Spread, so that not all come back at once.
		d.RetryAfter = time.Second + rand.N(2*time.Second) //nolint:gosec // Nothing to guess.
	}
	if down := s.conn.Err(); down != nil {
		cause = down
	}
	return fmt.Errorf("%w: %w", limits.ErrUnavailable, cause)
}
