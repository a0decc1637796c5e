// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitstest

import (
	"math"
	"slices"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// counter is a log of what has been counted. Times are in microseconds since the
// Unix epoch.
type counter struct {
	clock   int64 // what the clock shows
	time    int64 // what the counter goes by, which is later after the clock was set back
	counted int64 // when the counter has last counted something
	entries []entry
	// What a bucket is short of, in units times milliseconds, and when that was so,
	// in milliseconds.
	debt, at int64
}

// entry is one weight that was counted.
type entry struct {
	id      limits.ID
	time    int64
	until   int64 // when the window has passed
	weight  int64 // as it counts now
	settled bool
}

// advance makes it now, and forgets what that puts an end to.
func (n *counter) advance(r *limits.Rule, now time.Time) {
	n.clock = now.UnixMicro()
	n.time = n.clock
	if r.Window.Kind == limits.Held {
		return
	}
	switch length := (time.Duration(r.Window.Seconds()) * time.Second).Microseconds(); {
	case n.counted-n.clock > length:
		*n = counter{clock: n.clock, time: n.clock}
	case n.counted > n.clock:
		n.time = n.counted
	}
	if r.Window.Kind == limits.Bucket {
		n.debt = max(0, n.debt-(n.time/1000-n.at)*r.Limit)
		n.at = n.time / 1000
	}
	n.entries = slices.DeleteFunc(n.entries, func(e entry) bool { return e.until <= n.time })
}

// until is when the window of what is counted at a time has passed.
func until(w limits.Window, at int64) int64 {
	switch w.Kind {
	case limits.Held:
		return math.MaxInt64
	case limits.Sliding:
		part := w.Part().Microseconds()
		return (at/part + limits.Parts + 1) * part
	case limits.Bucket:
		return at + w.Length.Microseconds()
	default:
		_, end := w.Span(time.UnixMicro(at))
		return end.UnixMicro()
	}
}

// used is what the window holds.
func (n *counter) used(r *limits.Rule) int64 { return n.usedAt(r, n.time) }

func (n *counter) usedAt(r *limits.Rule, at int64) (sum int64) {
	if r.Window.Kind == limits.Bucket {
		length := r.Window.Length.Milliseconds()
		return (n.debt + length - 1) / length
	}
	for _, e := range n.entries {
		if e.until > at {
			sum = min(sum+e.weight, limits.MaxCount)
		}
	}
	return sum
}

// reserved is the part of what was counted that is not settled.
func (n *counter) reserved(r *limits.Rule) (sum int64) {
	if !r.Unit.Reserves() {
		return 0
	}
	for _, e := range n.entries {
		if !e.settled {
			sum = min(sum+e.weight, limits.MaxCount)
		}
	}
	return sum
}

// count adds a weight.
func (n *counter) count(r *limits.Rule, id limits.ID, weight int64) {
	n.entries = append(n.entries, entry{id: id, time: n.time, until: until(r.Window, n.time), weight: weight})
	if weight > 0 {
		n.counted = n.time
	}
	if r.Window.Kind == limits.Bucket {
		n.owe(r, weight)
	}
}

// owe changes what a bucket is short of.
func (n *counter) owe(r *limits.Rule, weight int64) {
	length := r.Window.Length.Milliseconds()
	weight = max(-limits.MaxCount/length, min(weight, limits.MaxCount/length))
	n.debt = max(0, min(n.debt+weight*length, limits.MaxCount))
}

// settle replaces a weight.
func (n *counter) settle(r *limits.Rule, id limits.ID, slot, actual int64) {
	i := slices.IndexFunc(n.entries, func(e entry) bool { return e.id == id && e.time == slot && !e.settled })
	if i < 0 {
		return // it was not counted, or the window has passed
	}
	if r.Window.Kind == limits.Held {
		n.entries = slices.Delete(n.entries, i, i+1)
		return
	}
	if r.Window.Kind == limits.Bucket {
		n.owe(r, actual-n.entries[i].weight)
	}
	n.entries[i].weight = actual
	n.entries[i].settled = true
}

// reset forgets what is counted, though not what is open.
func (n *counter) reset(r *limits.Rule) {
	if r.Window.Kind == limits.Held {
		return
	}
	n.debt = 0
	n.entries = slices.DeleteFunc(n.entries, func(e entry) bool { return e.settled })
	for i := range n.entries {
		n.entries[i].weight = 0
	}
}

// frees is how long until a weight fits, or until less is used.
func (n *counter) frees(r *limits.Rule, weight int64, exceeded bool) time.Duration {
	room := r.Capacity() - weight
	if !exceeded {
		room = n.used(r) - 1
	}
	switch {
	case room < 0 && exceeded:
		return limits.Never
	case room < 0 || r.Window.Kind == limits.Held:
		return 0
	case r.Window.Kind == limits.Bucket:
		over := max(0, n.debt-room*r.Window.Length.Milliseconds())
		at := n.at + (over+r.Limit-1)/r.Limit
		return time.Duration(at*1000-n.clock) * time.Microsecond
	}
	// Something can only become free when an entry passes out of the window.
	var ends []int64
	for _, e := range n.entries {
		ends = append(ends, e.until)
	}
	slices.Sort(ends)
	for _, end := range slices.Compact(ends) {
		if n.usedAt(r, end) <= room {
			return time.Duration(end-n.clock) * time.Microsecond
		}
	}
	return 0
}
