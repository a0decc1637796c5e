// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package latency

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Server is what is known about one server. The zero value is one of which nothing is
// known. A Server must not be copied.
type Server struct {
	used atomic.Int64 // when a registry last handed it out

	mu sync.Mutex

	mean      float64 // of the time to first byte, in nanoseconds
	measured  bool    // there is a mean
	sampledAt time.Duration
	sequence  uint64 // number of samples, to tell whether one is the last

	waiting int    // attempts without an answer
	starts  uint64 // sum of their starts; it wraps, and so does what is taken from it

	penalty  time.Duration // 0 unless the last thing known is a failure
	failedAt time.Duration

	answeredStart time.Duration // the latest start of an attempt that had an answer

	probing bool
	probeAt time.Duration // when the last probe began
	eager   bool          // the last sample was good news
	passed  int           // requests lost since the last one begun
}

// view is a server at one moment, as a choice needs it.
type view struct {
	known    bool // an answer or a failure
	failing  bool // the last thing known is a failure
	waiting  int
	age      float64 // mean age of what waits
	estimate float64 // in nanoseconds
	due      bool
}

func (s *Server) view(o *Options, now time.Duration) view {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.viewLocked(o, now)
}

func (s *Server) viewLocked(o *Options, now time.Duration) view {
	v := view{
		known:   s.measured || s.penalty > 0,
		failing: s.penalty > 0,
		waiting: s.waiting,
		age:     s.ageLocked(now),
	}
	v.estimate = max(s.mean, v.age, float64(s.penalty))
	v.due = s.dueLocked(o, now, v.age)
	return v
}

// ageLocked is the mean age of what waits. The sums are taken modulo 2^64, which is
// right since the result is far below.
func (s *Server) ageLocked(now time.Duration) float64 {
	if s.waiting == 0 {
		return 0
	}
	total := uint64(s.waiting)*uint64(now) - s.starts       //nolint:gosec // modulo 2^64, see above
	return max(0, float64(int64(total))/float64(s.waiting)) //nolint:gosec // modulo 2^64, see above
}

// dueLocked reports whether the server is to be probed if it loses. A request that
// waits will bring a sample by itself, unless it waits too long already.
func (s *Server) dueLocked(o *Options, now time.Duration, age float64) bool {
	if s.probing && now-s.probeAt < mostPenalty {
		return false
	}
	if s.waiting > 0 && age <= max(2*s.mean, float64(o.Explore)) {
		return false
	}
	if s.eager && s.penalty == 0 {
		return true
	}
	interval := o.Explore
	if s.penalty > 0 {
		interval = max(interval, min(s.penalty, mostPenalty))
	}
	last := max(s.sampledAt, s.failedAt, s.probeAt)
	return s.passed >= passedOver && now-last >= interval
}

// Estimate returns what the server is expected to take to the first byte, and 0 if
// nothing is known about it.
func (s *Server) Estimate(now time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Duration(max(s.mean, s.ageLocked(now), float64(s.penalty)))
}

// Waiting returns how many attempts have no answer yet.
func (s *Server) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting
}

// sampleLocked moves the mean towards x by the weight of the time that has passed.
func (s *Server) sampleLocked(o *Options, x, now time.Duration) {
	s.sequence++
	if !s.measured {
		s.mean, s.measured, s.sampledAt = float64(x), true, now
		return
	}
	weight := leastWeight
	if passed := now - s.sampledAt; passed > 0 {
		weight = max(weight, 1-math.Exp2(-float64(passed)/float64(o.Decay)))
	}
	s.mean += weight * (float64(x) - s.mean)
	s.sampledAt = max(s.sampledAt, now)
}

// failLocked raises the penalty after an attempt that began at start and took x. Those
// that were on their way when another one failed are one failure with it.
func (s *Server) failLocked(start, x, now time.Duration) {
	penalty := max(leastPenalty, s.penalty, x, time.Duration(2*s.mean))
	if s.penalty > 0 && start >= s.failedAt {
		penalty = max(penalty, min(2*s.penalty, mostPenalty))
	}
	s.penalty = penalty
	s.failedAt = max(s.failedAt, now)
	s.eager = false
}

// Failing reports whether the last thing known about the server is a failure.
func (s *Server) Failing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.penalty > 0
}
