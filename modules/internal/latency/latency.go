// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package latency chooses between servers by how long they take to the first byte of
// an answer, and by how much they have to do.
//
// Each server has an estimate: a decaying mean of the times to first byte, or more if
// what is in flight says so. Of two servers the one for which the square of the estimate
// times the load is lower gets the request. Three things correct what a mean alone gets wrong:
//
//   - A server that hangs gives no samples. Therefore the mean age of its unanswered
//     requests counts as soon as it exceeds the mean.
//   - A server that fails at once looks fast. Therefore one that failed last gets only
//     probes, at intervals that double, until the first answer.
//   - A server that lost is not measured any more. Therefore the loser gets a single
//     probe now and then, and another at once if the probe had good news.
//
// The clock is injected: every now is the time since one moment that is the same for
// all calls about a server. Servers and registries are safe for concurrent use; what
// they do is arithmetic under a mutex of the one server, without allocation.
package latency

import "time"

// Options say how fast the past is forgotten and how often losers are tried.
type Options struct {
	// Decay is the time in which a sample loses half of its weight, if few follow it.
	// Every sample counts at least 1/16, so that the estimate of a busy server rests on
	// its last few dozen answers however long Decay is.
	Decay time.Duration

	// Explore is how long a server goes without a sample before the next request for
	// which it would not be chosen goes to it nevertheless.
	Explore time.Duration
}

const (
	// leastWeight is what a sample counts however soon after another it comes.
	leastWeight = 1.0 / 16

	// leastPenalty is the estimate of a server after one failure, at least.
	leastPenalty = time.Second

	// mostPenalty is what doubling leads to, the longest interval between the probes of
	// a server that fails, and how long a probe without an answer prevents the next.
	mostPenalty = 16 * time.Second

	// passedOver is how many requests a server must have lost since it last had one
	// before it is probed, so that probes are at most every ninth request where
	// requests are rarer than the interval.
	passedOver = 8
)
