// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitstest

import "math/bits"

// figures are what a few counters hold.
type figures [3]int64

// operation is one call in a history: when it began and had ended, and what it
// says about the figures before it and makes of them.
type operation struct {
	start, end int64
	// apply returns the figures after the call, and whether they were such before
	// that the call may have answered as it did.
	apply func(figures) (figures, bool)
	text  string
}

// linearizable says whether the calls of a history can be put in one order in which
// each answers rightly, and none comes before one that had ended when it began.
// It is the search of Wing and Gong, which tries all orders, with what Lowe added
// to it: a set of done calls and the figures that they led to is tried once. The
// history has at most 64 calls, and had better have fewer than 25.
func linearizable(history []operation) bool {
	type place struct {
		done  uint64
		state figures
	}
	tried := make(map[place]bool)
	var search func(p place) bool
	search = func(p place) bool {
		if bits.OnesCount64(p.done) == len(history) {
			return true
		}
		if tried[p] {
			return false
		}
		tried[p] = true
		// The next call began before any of the others had ended.
		end := int64(1<<63 - 1)
		for i := range history {
			if p.done>>i&1 == 0 {
				end = min(end, history[i].end)
			}
		}
		for i := range history {
			if p.done>>i&1 != 0 || history[i].start > end {
				continue
			}
			if state, ok := history[i].apply(p.state); ok && search(place{p.done | 1<<i, state}) {
				return true
			}
		}
		return false
	}
	return search(place{})
}
