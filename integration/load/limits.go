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
	// uncertain are when requests were under way that may have counted.
	uncertain []span
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

// refusal is when a request was under way that was refused because of one of some limits.
type refusal struct {
	span
	limits []string
}

// slack is by how much more than its window a request may count: a sliding window passes
// in 60 steps.
const slack = 60

// unfounded returns how many refusals there were while none of the limits can have been
// used up: too few requests had been admitted in the window before.
func unfounded(refusals []refusal, limits map[string]*limit) (n int) {
	byStart, byEnd := make(map[string][]time.Time), make(map[string][]time.Time)
	for name, l := range limits {
		for _, s := range slices.Concat(l.admitted, l.uncertain) {
			byStart[name], byEnd[name] = append(byStart[name], s.from), append(byEnd[name], s.to)
		}
		slices.SortFunc(byStart[name], time.Time.Compare)
		slices.SortFunc(byEnd[name], time.Time.Compare)
	}
	for _, r := range refusals {
		founded := false
		for _, name := range r.limits {
			l := limits[name]
			// Those which had begun when this one was over, less those which had ended too
			// long before it.
			began, _ := slices.BinarySearchFunc(byStart[name], r.to, time.Time.Compare)
			ended, _ := slices.BinarySearchFunc(byEnd[name], r.from.Add(-l.window-l.window/slack), time.Time.Compare)
			founded = founded || began-ended >= l.most
		}
		if !founded {
			n++
		}
	}
	return n
}
