// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitmem

import (
	"github.com/caddy-gateway/tollgate/modules/limits"
)

// cells is how many parts of a sliding window count: the current one and those
// before it.
const cells = limits.Parts + 1

// ring is a counter of a sliding window. The part with number newest, counted
// since the epoch, is at head.pos, and those before it lie before it, in a circle.
type ring[C uint32 | uint64] struct {
	head
	newest int64
	sum    int64 // of all parts
	parts  [cells]C
}

// advance makes a part the newest one, or leaves a newer one if the clock was set
// back by no more than the window.
func (r *ring[C]) advance(part int64) {
	n := part - r.newest
	switch {
	case n == 0 || n < 0 && n >= -limits.Parts && r.sum != 0:
		return
	case n < 0 || n >= cells || r.sum == 0:
		r.clear(part)
		return
	}
	r.newest = part
	for range n {
		if r.pos++; r.pos == cells {
			r.pos = 0
		}
		if c := r.parts[r.pos]; c != 0 {
			r.sum -= int64(c) //nolint:gosec // At most MaxCount.
			r.parts[r.pos] = 0
		}
	}
	if r.sum == 0 {
		r.age = 0
		return
	}
	r.age = uint8(min(int64(r.age)+n, limits.Parts)) //nolint:gosec // At most 60.
	r.findOldest()
}

func (r *ring[C]) clear(part int64) {
	if r.sum != 0 {
		clear(r.parts[:])
	}
	r.newest, r.sum, r.age = part, 0, 0
	r.pos = uint8(((part % cells) + cells) % cells) //nolint:gosec // Less than 61.
}

// place is where the part lies that is so many before the newest one.
func (r *ring[C]) place(before uint8) uint8 {
	if before > r.pos {
		return r.pos + cells - before
	}
	return r.pos - before
}

// findOldest lowers age until there is something in the part. sum is not 0.
func (r *ring[C]) findOldest() {
	for r.age > 0 && r.parts[r.place(r.age)] == 0 {
		r.age--
	}
}

// add changes what is counted in a part, if that is in the window, and says if it
// is. What would leave the range of a part stays at its border.
func (r *ring[C]) add(part, weight int64) bool {
	n := r.newest - part
	if n < 0 || n >= cells {
		return false
	}
	before := uint8(n)
	c := &r.parts[r.place(before)]
	most := int64(min(uint64(^C(0)), limits.MaxCount)) //nolint:gosec // As it says.
	old := int64(*c)                                   //nolint:gosec // At most MaxCount.
	now := max(0, min(old+weight, most))
	empty := r.sum == 0
	*c = C(now) //nolint:gosec // In range.
	r.sum += now - old
	switch {
	case r.sum == 0:
		r.age = 0
	case now > 0:
		if empty || before > r.age {
			r.age = before
		}
	case before == r.age:
		r.findOldest()
	}
	return true
}

// until returns the number of the part with whose beginning no more than most is
// in the window, if nothing is added. sum is more than that.
func (r *ring[C]) until(most int64) int64 {
	if most == r.sum-1 {
		return r.newest - int64(r.age) + cells
	}
	sum := r.sum
	for age := r.age; ; age-- {
		sum -= int64(r.parts[r.place(age)]) //nolint:gosec // At most MaxCount.
		if sum <= most || age == 0 {
			return r.newest - int64(age) + cells
		}
	}
}

// used is what the window holds.
func (r *ring[C]) used() int64 { return min(r.sum, limits.MaxCount) }

// passed says that nothing that was counted is in the window any more, at a time in
// microseconds.
func (r *ring[C]) passed(now int64) bool {
	if r.sum == 0 {
		return true
	}
	part := max(1, r.tag.window().Part().Microseconds())
	since := floor(now, part) - r.newest
	return since >= cells || since < -limits.Parts
}

// floor divides by a positive number, and rounds down.
func floor(a, b int64) int64 {
	n := a / b
	if a < 0 && n*b > a {
		n--
	}
	return n
}
