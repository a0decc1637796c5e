// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitmem

import (
	"math/bits"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// roll begins the span of a time in microseconds, if the one that the counter has
// is over, or lies so far ahead that the clock must have been set back.
func (c *small) roll(w *limits.Window, now int64) {
	if now < c.end && (now >= c.start || c.value > 0 && c.seen-now <= w.Seconds()*1e6) {
		return
	}
	start, end := w.Span(time.UnixMicro(now))
	c.value, c.start, c.end = 0, start.UnixMicro(), end.UnixMicro()
	c.seen = now
}

// leak makes a bucket's debt that of a time in microseconds.
func (c *small) leak(r *limits.Rule, now int64) {
	now = floor(now, 1000)
	since := now - c.start
	if since < 0 {
		if -since <= r.Window.Length.Milliseconds() {
			return
		}
		c.value, since = 0, 0
	}
	c.start = now
	hi, lo := bits.Mul64(uint64(since), uint64(r.Limit)) //nolint:gosec // Neither is negative.
	if hi != 0 || lo >= uint64(c.value) {                //nolint:gosec // Never negative.
		c.value = 0
		return
	}
	c.value -= int64(lo) //nolint:gosec // Less than value.
}

// owe adds units, which may be negative, to the debt of a bucket, and says by how
// much it has changed.
func (c *small) owe(r *limits.Rule, weight int64) {
	length := max(1, r.Window.Length.Milliseconds())
	most := limits.MaxCount / length
	weight = max(-most, min(weight, most))
	c.value = max(0, min(c.value+weight*length, limits.MaxCount))
	c.end = c.start + (c.value+r.Limit-1)/r.Limit
}

// units is the debt of a bucket in whole units, rounded up.
func (c *small) units(r *limits.Rule) int64 {
	length := max(1, r.Window.Length.Milliseconds())
	return (c.value + length - 1) / length
}

// drained is when the debt of a bucket is down to so many units, in microseconds.
func (c *small) drained(r *limits.Rule, units int64) int64 {
	over := max(0, c.value-units*max(1, r.Window.Length.Milliseconds()))
	return (c.start + (over+r.Limit-1)/r.Limit) * 1000
}

// add changes a plain figure.
func (c *small) add(weight int64) { c.value = max(0, min(c.value+weight, limits.MaxCount)) }

// passed says that what was counted does not count any more.
func (c *small) passed(now int64) bool {
	switch {
	case c.value == 0:
		return true
	case c.tag.kind() == limits.Held:
		return false
	case c.tag.kind() == limits.Bucket:
		now = floor(now, 1000)
		return now >= c.end || c.start-now > c.tag.window().Length.Milliseconds()
	default:
		w := c.tag.window()
		return now >= c.end || c.seen-now > w.Seconds()*1e6
	}
}
