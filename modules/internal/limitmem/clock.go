// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitmem

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// checkEvery is how often the clocks are compared, in microseconds.
	checkEvery = 1_000_000
	// drift is how far they may be apart, in microseconds, before the system's is
	// believed: it was set, or the machine was suspended.
	drift = 2_000_000
)

// systemClock goes by the monotonic clock, which is quicker to read than that of the
// system and never set, and from time to time looks at that of the system.
type systemClock struct {
	start   time.Time
	wall    func() time.Time
	base    atomic.Int64 // microseconds since the Unix epoch at start
	checked atomic.Int64 // microseconds after start
	looking sync.Mutex   // held by the one who compares
}

func (c *systemClock) init() {
	c.start, c.wall = time.Now(), time.Now
	c.base.Store(c.start.UnixMicro())
}

// now is the time in microseconds since the Unix epoch.
func (c *systemClock) now() int64 {
	elapsed := time.Since(c.start).Microseconds()
	if elapsed-c.checked.Load() >= checkEvery {
		c.compare(elapsed)
	}
	return c.base.Load() + elapsed
}

// compare puts the clock right. Only one does at a time: two would correct it twice.
func (c *systemClock) compare(elapsed int64) {
	if !c.looking.TryLock() {
		return
	}
	defer c.looking.Unlock()
	c.checked.Store(elapsed)
	off := c.wall().Round(0).UnixMicro() - (c.base.Load() + elapsed)
	if off > drift || off < -drift {
		c.base.Add(off)
	}
}
