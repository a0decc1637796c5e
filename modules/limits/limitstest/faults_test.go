// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitstest

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// fault is something that a store can do wrong, and the test that notices.
type fault struct {
	name   string
	caught string
	wrap   func(m *Model) limits.Store
	// alone are several gateways that do not share their counters.
	alone bool
}

func ruleFault(change func(r *limits.Rule)) func(*Model) limits.Store {
	return func(m *Model) limits.Store {
		return &altered{Model: m, change: func(c *limits.Check) { c.Rule = with(c.Rule, change) }}
	}
}

func checkFault(change func(c *limits.Check)) func(*Model) limits.Store {
	return func(m *Model) limits.Store { return &altered{Model: m, change: change} }
}

func answerFault(answer func(c *limits.Check)) func(*Model) limits.Store {
	return func(m *Model) limits.Store { return &altered{Model: m, answer: answer} }
}

func lengthen(factor float64) func(*Model) limits.Store {
	return ruleFault(func(r *limits.Rule) {
		if r.Window.Kind == limits.Sliding {
			r.Window.Length = time.Duration(float64(r.Window.Length) * factor).Truncate(time.Millisecond)
		}
	})
}

var faults = []fault{
	{name: "one more than the limit", caught: "decide", wrap: ruleFault(func(r *limits.Rule) {
		r.Limit++
		if r.Burst > 0 {
			r.Burst++
		}
	})},
	{name: "one less than the limit", caught: "headers", wrap: ruleFault(func(r *limits.Rule) {
		if r.Burst > 1 {
			r.Burst--
		} else {
			r.Limit--
		}
	})},
	{name: "denied requests are counted", caught: "decide", wrap: func(m *Model) limits.Store { return &countsDenied{m} }},
	{name: "denied requests are counted up to what denies", caught: "decide", wrap: func(m *Model) limits.Store { return &countsPartly{m} }},
	{name: "looks, then counts", caught: "concurrent", wrap: func(m *Model) limits.Store { return &looksFirst{m} }},
	{name: "looks, then counts, at once", caught: "linearizable", wrap: func(m *Model) limits.Store { return &looksFirst{m} }},
	{name: "one check after the other", caught: "linearizable", wrap: func(m *Model) limits.Store { return &oneByOne{Model: m} }},
	{name: "settlement is forgotten", caught: "settle", wrap: func(m *Model) limits.Store { return &settling{Model: m, never: true} }},
	{name: "what is held is never let go", caught: "held", wrap: func(m *Model) limits.Store { return &settling{Model: m, never: true} }},
	{name: "settled twice", caught: "settle", wrap: func(m *Model) limits.Store { return &settling{Model: m, again: true} }},
	{name: "settled twice at once", caught: "concurrent", wrap: func(m *Model) limits.Store { return &settling{Model: m, again: true} }},
	{name: "settled late", caught: "late settlement", wrap: func(m *Model) limits.Store { return &settling{Model: m, late: true} }},
	{name: "settled to the lesser figure", caught: "settle", wrap: checkFault(func(c *limits.Check) { c.Actual = min(c.Actual, c.Weight) })},
	{name: "decisions are kept", caught: "settle", wrap: func(m *Model) limits.Store { return &keeps{Model: m} }},
	{name: "fixed instead of sliding", caught: "any span", wrap: ruleFault(fixedForSliding)},
	{name: "fixed instead of sliding, frees", caught: "random", wrap: ruleFault(fixedForSliding)},
	{name: "sliding too short", caught: "any span", wrap: lengthen(0.96)},
	{name: "sliding too long", caught: "any span", wrap: lengthen(1.04)},
	{name: "the shadow denies", caught: "soft and shadow", wrap: ruleFault(func(r *limits.Rule) { r.Shadow = false })},
	{name: "the shadow counts all", caught: "soft and shadow", wrap: ruleFault(func(r *limits.Rule) { r.Soft, r.Shadow = r.Soft || r.Shadow, false })},
	{name: "soft limits deny", caught: "soft and shadow", wrap: ruleFault(func(r *limits.Rule) { r.Soft = false })},
	{name: "soft limits count no more", caught: "soft and shadow", wrap: ruleFault(func(r *limits.Rule) { r.Soft, r.Shadow = false, r.Soft || r.Shadow })},
	{name: "the limit is part of the identity", caught: "decide", wrap: checkFault(func(c *limits.Check) { c.Key.Level += fmt.Sprint(c.Rule.Limit, c.Rule.Burst) })},
	{name: "subjects end at NUL", caught: "identity", wrap: checkFault(func(c *limits.Check) { c.Key.Subject, _, _ = strings.Cut(c.Key.Subject, "\x00") })},
	{name: "subjects are cut", caught: "identity", wrap: checkFault(func(c *limits.Check) { c.Key.Subject = c.Key.Subject[:min(len(c.Key.Subject), 10_000)] })},
	{name: "only the hash tag counts", caught: "identity", wrap: checkFault(func(c *limits.Check) {
		if _, tag, ok := strings.Cut(c.Key.Subject, "{"); ok && strings.Contains(tag, "}") {
			c.Key.Subject, _, _ = strings.Cut(tag, "}")
		}
	})},
	{name: "subjects are text", caught: "identity", wrap: checkFault(func(c *limits.Check) { c.Key.Subject = strings.ToValidUTF8(c.Key.Subject, "?") })},
	{name: "level and subject are joined", caught: "identity", wrap: checkFault(func(c *limits.Check) { c.Key = limits.Key{Subject: c.Key.Level + c.Key.Subject} })},
	{name: "units are not told apart", caught: "identity", wrap: ruleFault(func(r *limits.Rule) {
		if r.Unit != limits.Concurrent {
			r.Unit = limits.Cost
		}
	})},
	{name: "zones are not minded", caught: "borders", wrap: ruleFault(func(r *limits.Rule) { r.Window.Zone = nil })},
	{name: "months have 30 days", caught: "borders", wrap: ruleFault(func(r *limits.Rule) {
		if r.Window.Period == limits.Month {
			r.Window = limits.Window{Kind: limits.Fixed, Length: 30 * day}
		}
	})},
	{name: "bursts are not minded", caught: "bucket", wrap: ruleFault(func(r *limits.Rule) { r.Burst = 0 })},
	{name: "wraps at 32 bits", caught: "amounts", wrap: checkFault(func(c *limits.Check) { c.Weight &= 1<<32 - 1 })},
	{name: "waits too short", caught: "frees", wrap: answerFault(func(c *limits.Check) { c.Frees = max(0, c.Frees-time.Millisecond) })},
	{name: "waits too long", caught: "frees", wrap: answerFault(func(c *limits.Check) {
		if c.Frees > 0 && c.Frees < limits.Never {
			c.Frees += 2 * time.Millisecond
		}
	})},
	{name: "never is a time", caught: "frees", wrap: answerFault(func(c *limits.Check) { c.Frees = min(c.Frees, 366*day) })},
	{name: "used before instead of after", caught: "headers", wrap: answerFault(func(c *limits.Check) { c.Used = max(0, c.Used-c.Weight) })},
	{name: "weight zero is denied", caught: "decide", wrap: func(m *Model) limits.Store { return &deniesZero{m} }},
	{name: "looking counts", caught: "look", wrap: func(m *Model) limits.Store { return &looking{Model: m, counts: true} }},
	{name: "reservations are not shown", caught: "look", wrap: func(m *Model) limits.Store { return &looking{Model: m} }},
	{name: "reset does nothing", caught: "reset", wrap: func(m *Model) limits.Store { return &resets{Model: m} }},
	{name: "reset forgets everything", caught: "reset", wrap: func(m *Model) limits.Store { return &resets{Model: m, all: true} }},
	{name: "counted though it says it is not", caught: "contexts", wrap: func(m *Model) limits.Store { return &stubborn{m} }},
	{name: "not available now and then", caught: "random", wrap: func(m *Model) limits.Store { return &failing{Model: m} }},
	{name: "the clock only goes forward", caught: "clock", wrap: func(m *Model) limits.Store {
		var latest atomic.Int64
		now := m.now
		m.now = func() time.Time {
			latest.Store(max(latest.Load(), now().UnixMicro()))
			return time.UnixMicro(latest.Load())
		}
		return m
	}},
	{name: "a clock that is set back forgets", caught: "clock", wrap: func(m *Model) limits.Store { return &forgetful{Model: m} }},
	{name: "gateways do not share", caught: "concurrent", wrap: func(m *Model) limits.Store { return m }, alone: true},
	{name: "gateways do not share, in order", caught: "linearizable", wrap: func(m *Model) limits.Store { return m }, alone: true},
}

func fixedForSliding(r *limits.Rule) {
	if r.Window.Kind == limits.Sliding {
		r.Window.Kind = limits.Fixed
	}
}

// altered is a model that is asked something else, or answers it.
type altered struct {
	*Model
	change func(c *limits.Check)
	answer func(c *limits.Check)
}

// asked returns the checks as they are asked.
func (a *altered) asked(checks []limits.Check) []limits.Check {
	c := append([]limits.Check(nil), checks...)
	for i := range c {
		if a.change != nil {
			a.change(&c[i])
		}
	}
	return c
}

// tell writes the answers to checks.
func (a *altered) tell(to, from []limits.Check) {
	for i := range to {
		rule, key, weight, actual := to[i].Rule, to[i].Key, to[i].Weight, to[i].Actual
		to[i] = from[i]
		to[i].Rule, to[i].Key, to[i].Weight, to[i].Actual = rule, key, weight, actual
		if a.answer != nil {
			a.answer(&to[i])
		}
	}
}

func (a *altered) Decide(ctx context.Context, d *limits.Decision) error {
	c := limits.Decision{ID: d.ID, Checks: a.asked(d.Checks)}
	err := a.Model.Decide(ctx, &c)
	a.tell(d.Checks, c.Checks)
	d.Denied = c.Denied
	return err
}

func (a *altered) Settle(d *limits.Decision) {
	c := *d
	c.Checks = a.asked(d.Checks)
	a.Model.Settle(&c)
}

func (a *altered) Look(ctx context.Context, checks []limits.Check) error {
	c := a.asked(checks)
	err := a.Model.Look(ctx, c)
	a.tell(checks, c)
	return err
}

func (a *altered) Reset(ctx context.Context, checks []limits.Check) error {
	return a.Model.Reset(ctx, a.asked(checks))
}
