// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limits

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// Key says who counts and who is counted. Counters of different levels are never
// shared, however their subjects are called.
type Key struct {
	// Level is the name of a quota or plan and what it counts by, such as
	// "plan:standard/consumer".
	Level string
	// Subject is who is counted at that level: a consumer's name, an address, any
	// value of a header. It may hold any bytes.
	Subject string
}

// Hash returns 128 bits that stand for the key: the first half of the SHA-256 of
// both strings. Who chooses a subject cannot make it meet another's.
func (k *Key) Hash() [16]byte {
	var room [256]byte
	b := binary.BigEndian.AppendUint64(room[:0], uint64(len(k.Level)))
	b = append(b, k.Level...)
	b = append(b, k.Subject...)
	sum := sha256.Sum256(b)
	return [16]byte(sum[:16])
}

// ID identifies a decision, and with it what it has reserved.
type ID [16]byte

// NewID returns an ID that nobody can guess.
func NewID() (id ID) {
	_, _ = rand.Read(id[:]) // never fails
	return id
}

// Check is one limit of a request, and what came of it.
type Check struct {
	// Rule is the limit.
	Rule *Rule
	// Key is who is counted.
	Key Key
	// Weight is what is counted if the request is admitted: from 0 to MaxCount.
	Weight int64
	// Actual is for Settle: what the request came to in the end. For Concurrent it
	// does not matter: what is held ends.
	Actual int64

	// Exceeded says that the weight did not fit. If the rule enforces, the request
	// is denied.
	Exceeded bool
	// Used is what the window holds after the decision, reservations included: that
	// of this request too, if it was counted. It may be more than the limit.
	Used int64
	// Reserved is the part of Used that is not settled; set by Look alone.
	Reserved int64
	// Frees is, for an exceeded check, how long until the weight would fit if
	// nothing else is counted, or Never; otherwise how long until something of
	// Used is free again, 0 if nothing is used. For Fixed and Calendar that
	// is the end of the span, for Held it is not known, and 0.
	Frees time.Duration
	// Slot is where the store has counted the weight. It is the store's own.
	Slot int64
}

// Never is the Frees of a weight that exceeds the whole limit.
const Never time.Duration = 1<<63 - 1

// Remaining is what is left in the window, never below zero.
func (c *Check) Remaining() int64 { return max(0, c.Rule.Capacity()-c.Used) }

// Decision is the question whether a request is admitted, and the answer.
type Decision struct {
	// ID is unique. Who makes a decision draws it with NewID if one of its checks
	// reserves; else it may be zero.
	ID ID
	// Checks are the limits of the request, all to be decided at once. No two have
	// the same key and Rule.ID.
	Checks []Check

	// Denied says that an enforcing check is exceeded.
	Denied bool
	// Degraded says that the decision was made without the shared store, by this
	// gateway's share of the limits.
	Degraded bool
	// RetryAfter says, with ErrUnavailable, when to ask again.
	RetryAfter time.Duration
}

// Open says that an admitted decision has to be settled, because it has reserved
// or holds something.
func (d *Decision) Open() bool {
	if d.Denied {
		return false
	}
	for i := range d.Checks {
		if d.Checks[i].Rule.Unit.Reserves() {
			return true
		}
	}
	return false
}

// Tightest returns the check that answers for the decision: of exceeded ones that
// enforce the one that frees last; otherwise, of those that are not in the shadow,
// the one with the smallest share of its limit remaining, and of equal ones that
// with the longest window. What is held is free again when the request has ended, so
// that it answers for an admitted one only if nothing else does. It returns nil if
// there is none.
func (d *Decision) Tightest() *Check {
	var best *Check
	for i := range d.Checks {
		c := &d.Checks[i]
		if c.Rule.Shadow || d.Denied && !(c.Exceeded && c.Rule.Enforces()) {
			continue
		}
		if best == nil || c.tighter(best, d.Denied) {
			best = c
		}
	}
	return best
}

func (c *Check) tighter(o *Check, denied bool) bool {
	if denied {
		return c.Frees > o.Frees
	}
	return c.Tighter(o)
}

// Tighter says, of two checks that have admitted, that c answers rather than o: see
// [Decision.Tightest].
func (c *Check) Tighter(o *Check) bool {
	if held, other := c.Rule.Unit == Concurrent, o.Rule.Unit == Concurrent; held != other {
		return other
	}
	// Compared as shares, in floats: what matters is order, not the value.
	a := float64(c.Remaining()) / float64(c.Rule.Capacity())
	b := float64(o.Remaining()) / float64(o.Rule.Capacity())
	return a < b || a == b && c.Rule.Window.Seconds() > o.Rule.Window.Seconds()
}
