// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// What the scripts call the properties of a rule.
const (
	flagSoft = 1 << iota
	flagShadow
	flagWide  // cells of 64 bits
	flagKnown // what this gateway knows of the counter follows
)

// rule is a limits.Rule as the scripts want it.
type rule struct {
	*limits.Rule
	id     uint64 // 48 bits of the hash of Rule.ID
	flags  byte
	length int64 // what the script calls len
	spans  atomic.Pointer[spans]
	share  atomic.Pointer[ruleShare]
}

// ruleShare is the rule for one of so many gateways.
type ruleShare struct {
	limits.Rule
	of int64
}

// spans are the borders of the span before the present one, of that one and of the
// next, in microseconds.
type spans [4]int64

func compile(r *limits.Rule) *rule {
	sum := sha256.Sum256([]byte(r.ID()))
	c := &rule{Rule: r, id: binary.LittleEndian.Uint64(sum[:8]) & (1<<48 - 1)}
	if r.Soft {
		c.flags |= flagSoft
	}
	if r.Shadow {
		c.flags |= flagShadow
	}
	if r.Unit == limits.Cost {
		c.flags |= flagWide
	}
	switch r.Window.Kind {
	case limits.Sliding:
		c.length = r.Window.Part().Microseconds()
	case limits.Fixed:
		c.length = r.Window.Length.Microseconds()
	case limits.Bucket:
		c.length = r.Window.Length.Milliseconds()
	case limits.Calendar, limits.Held: // have none
	}
	return c
}

// spansAt returns the spans around a time in microseconds.
func (r *rule) spansAt(now int64) *spans {
	if s := r.spans.Load(); s != nil && now >= s[1] && now < s[2] {
		return s
	}
	start, end := r.Window.Span(time.UnixMicro(now))
	before, _ := r.Window.Span(start.Add(-time.Microsecond))
	_, after := r.Window.Span(end)
	s := &spans{before.UnixMicro(), start.UnixMicro(), end.UnixMicro(), after.UnixMicro()}
	r.spans.Store(s)
	return s
}

// ends is when what is counted at a time, both in microseconds, has passed.
func (r *rule) ends(now int64) int64 {
	switch w := r.Window; w.Kind {
	case limits.Sliding:
		return now + (limits.Parts+1)*r.length
	case limits.Fixed:
		return now + r.length
	case limits.Calendar:
		return r.spansAt(now)[2]
	case limits.Bucket:
		return now + w.Length.Microseconds()
	default:
		return now + limits.Lease.Microseconds()
	}
}

// shareOf returns the rule that holds for one of n gateways while each counts alone.
// Its limit is rounded up, so that it is never 0.
func (r *rule) shareOf(n int64) *limits.Rule {
	if n <= 1 {
		return r.Rule
	}
	if share := r.share.Load(); share != nil && share.of == n {
		return &share.Rule
	}
	share := &ruleShare{Rule: *r.Rule, of: n}
	share.Limit, share.Burst = divide(r.Limit, n), divide(r.Burst, n)
	r.share.Store(share)
	return &share.Rule
}

// divide rounds up.
func divide(a, n int64) int64 { return (a + n - 1) / n }

// maxRules bounds how many rules are kept compiled. Each reload of the gateway's
// configuration brings new ones.
const maxRules = 1 << 16

// ruleTable remembers compiled rules.
type ruleTable struct {
	m sync.Map // *limits.Rule -> *rule
	n atomic.Int64
}

func (t *ruleTable) get(r *limits.Rule) *rule {
	if c, ok := t.m.Load(r); ok {
		return c.(*rule)
	}
	if t.n.Add(1) > maxRules {
		t.m.Clear()
		t.n.Store(0)
	}
	c, _ := t.m.LoadOrStore(r, compile(r))
	return c.(*rule)
}
