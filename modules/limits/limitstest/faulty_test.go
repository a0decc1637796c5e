// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitstest

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// softly counts checks of a decision whatever their limits.
func softly(ctx context.Context, m *Model, checks []limits.Check) error {
	d := limits.Decision{ID: limits.NewID(), Checks: slices.Clone(checks)}
	for i := range d.Checks {
		d.Checks[i].Rule = soft(d.Checks[i].Rule)
	}
	return m.Decide(ctx, &d)
}

type countsDenied struct{ *Model }

func (s *countsDenied) Decide(ctx context.Context, d *limits.Decision) error {
	err := s.Model.Decide(ctx, d)
	if d.Denied {
		return softly(ctx, s.Model, d.Checks)
	}
	return err
}

type countsPartly struct{ *Model }

func (s *countsPartly) Decide(ctx context.Context, d *limits.Decision) error {
	err := s.Model.Decide(ctx, d)
	if d.Denied {
		i := slices.IndexFunc(d.Checks, func(c limits.Check) bool { return c.Exceeded && c.Rule.Enforces() })
		return softly(ctx, s.Model, d.Checks[:i])
	}
	return err
}

// looksFirst decides by what it has seen, and counts after that.
type looksFirst struct{ *Model }

func (s *looksFirst) Decide(ctx context.Context, d *limits.Decision) error {
	seen := slices.Clone(d.Checks)
	if err := s.Look(ctx, seen); err != nil {
		return err
	}
	fits := true
	for i := range seen {
		c := &seen[i]
		fits = fits && !(c.Rule.Enforces() && c.Weight > 0 && c.Used+c.Weight > c.Rule.Capacity())
	}
	runtime.Gosched()
	if !fits {
		return s.Model.Decide(ctx, d)
	}
	c := limits.Decision{ID: d.ID, Checks: slices.Clone(d.Checks)}
	for i := range c.Checks {
		if c.Checks[i].Rule.Enforces() {
			c.Checks[i].Rule = soft(c.Checks[i].Rule)
		}
	}
	err := s.Model.Decide(ctx, &c)
	for i := range c.Checks {
		c.Checks[i].Rule = d.Checks[i].Rule
	}
	copy(d.Checks, c.Checks)
	return err
}

// oneByOne counts check by check, and takes it back if one of them denies.
type oneByOne struct{ *Model }

func (s *oneByOne) Decide(ctx context.Context, d *limits.Decision) error {
	var done []*limits.Decision
	for i := range d.Checks {
		one := &limits.Decision{ID: limits.NewID(), Checks: slices.Clone(d.Checks[i : i+1])}
		if err := s.Model.Decide(ctx, one); err != nil {
			return err
		}
		d.Checks[i] = one.Checks[0]
		runtime.Gosched()
		if one.Denied {
			d.Denied = true
			break
		}
		done = append(done, one)
	}
	if !d.Denied {
		return nil
	}
	for _, one := range done {
		one.Checks[0].Actual = 0
		s.Model.Settle(one)
	}
	return s.Model.Decide(ctx, d)
}

// settling settles never, each time, or after the window too.
type settling struct {
	*Model
	never, again, late bool
	decided            sync.Map
}

func (s *settling) Decide(ctx context.Context, d *limits.Decision) error {
	s.decided.Store(d.ID, s.now())
	return s.Model.Decide(ctx, d)
}

func (s *settling) Settle(d *limits.Decision) {
	switch at, _ := s.decided.Load(d.ID); {
	case s.never:
	case s.late && s.now().Sub(at.(time.Time)) > 2*time.Duration(d.Checks[0].Rule.Window.Seconds())*time.Second:
		checks := slices.Clone(d.Checks)
		for i := range checks {
			checks[i].Weight = checks[i].Actual
		}
		_ = softly(context.Background(), s.Model, checks) // a model has no errors
	case s.again:
		s.mu.Lock()
		delete(s.settled, d.ID)
		for _, n := range s.counters {
			for i := range n.entries {
				if n.entries[i].id == d.ID {
					n.entries[i].settled = false
				}
			}
		}
		s.mu.Unlock()
		s.Model.Settle(d)
	default:
		s.Model.Settle(d)
	}
}

// keeps goes by what it has kept of decisions, not by what it is told.
type keeps struct {
	*Model
	kept sync.Map
}

func (s *keeps) Decide(ctx context.Context, d *limits.Decision) error {
	s.kept.Store(d.ID, d.Checks)
	return s.Model.Decide(ctx, d)
}

func (s *keeps) Settle(d *limits.Decision) {
	c := *d
	if kept, ok := s.kept.Load(d.ID); ok {
		c.Checks = slices.Clone(kept.([]limits.Check))
		for i := range c.Checks {
			c.Checks[i].Actual = d.Checks[i].Actual
		}
	}
	s.Model.Settle(&c)
}

type deniesZero struct{ *Model }

func (s *deniesZero) Decide(ctx context.Context, d *limits.Decision) error {
	err := s.Model.Decide(ctx, d)
	for i := range d.Checks {
		c := &d.Checks[i]
		if c.Weight == 0 && c.Used > c.Rule.Capacity() && c.Rule.Enforces() {
			c.Exceeded, d.Denied = true, true
		}
	}
	return err
}

type looking struct {
	*Model
	counts bool
}

func (s *looking) Look(ctx context.Context, checks []limits.Check) error {
	err := s.Model.Look(ctx, checks)
	if s.counts {
		return softly(ctx, s.Model, checks)
	}
	for i := range checks {
		checks[i].Reserved = 0
	}
	return err
}

type resets struct {
	*Model
	all bool
}

func (s *resets) Reset(context.Context, []limits.Check) error {
	if s.all {
		s.mu.Lock()
		defer s.mu.Unlock()
		clear(s.counters)
	}
	return nil
}

// stubborn counts for those who have gone.
type stubborn struct{ *Model }

func (s *stubborn) Decide(ctx context.Context, d *limits.Decision) error {
	if err := s.Model.Decide(context.WithoutCancel(ctx), d); err != nil {
		return err
	}
	return ctx.Err()
}

type failing struct {
	*Model
	calls atomic.Int64
}

func (s *failing) Decide(ctx context.Context, d *limits.Decision) error {
	if n := s.calls.Add(1); n%100 == 0 {
		return fmt.Errorf("call %d: %w", n, limits.ErrUnavailable)
	}
	return s.Model.Decide(ctx, d)
}

type forgetful struct {
	*Model
	latest time.Time
}

func (s *forgetful) Decide(ctx context.Context, d *limits.Decision) error {
	now := s.now()
	if now.Before(s.latest) {
		clear(s.counters)
	}
	s.latest = now
	return s.Model.Decide(ctx, d)
}
