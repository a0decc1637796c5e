// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitstest

import (
	"sync/atomic"
	"time"
)

// Clock is a clock that stands until it is moved. It is safe for concurrent use.
type Clock struct {
	nanos atomic.Int64
}

// NewClock returns a clock that stands at a time.
func NewClock(at time.Time) *Clock {
	c := new(Clock)
	c.Set(at)
	return c
}

// Now returns what the clock shows, without a monotonic part.
func (c *Clock) Now() time.Time { return time.Unix(0, c.nanos.Load()) }

// Set makes the clock show a time, be it before what it has shown.
func (c *Clock) Set(at time.Time) { c.nanos.Store(at.UnixNano()) }

// Advance moves the clock by d, which may be negative.
func (c *Clock) Advance(d time.Duration) { c.nanos.Add(int64(d)) }
