// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"time"
)

// limit is what the Caddyfile of an example says, for one subject.
type limit struct {
	name   string
	most   int
	window time.Duration
	// admitted are when requests were under way that count. The decision about each was
	// made somewhere within.
	admitted []span
}

type span struct{ from, to time.Time }

// fullest returns how many requests were certainly decided about within the fullest window:
// those which began and ended in it. More than the limit is one too many admitted.
func (l *limit) fullest() int {
	byStart := slices.Clone(l.admitted)
	slices.SortFunc(byStart, func(a, b span) int { return a.from.Compare(b.from) })
	byEnd := slices.Clone(l.admitted)
	slices.SortFunc(byEnd, func(a, b span) int { return a.to.Compare(b.to) })
	fullest := 0
	for i, first := range byStart {
		// Those which begin in the window that begins here, less those which end behind it.
		end := first.from.Add(l.window)
		began, _ := slices.BinarySearchFunc(byStart, end, func(s span, t time.Time) int { return s.from.Compare(t) })
		n := 0
		for _, s := range byStart[i:began] {
			if !s.to.After(end) {
				n++
			}
		}
		fullest = max(fullest, n)
	}
	return fullest
}
