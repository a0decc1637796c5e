// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package latency

import "time"

// Attempt is one request to one server, from the choice to its end. Its methods may be
// called in any order, from any goroutine and more often than once: what comes after
// the end, or does not fit, changes nothing. The zero value is an attempt that has not
// begun. An Attempt must not be copied once it has.
type Attempt struct {
	server  *Server
	options *Options
	start   time.Duration
	phase   phase // guarded by the server's mutex
	probe   bool
	before  memory // what the sample replaced
}

type phase uint8

const (
	idle     phase = iota
	waiting        // for the first byte
	informed       // had an interim answer, which says nothing about the final one
	answered       // had the first byte
	ended
)

// memory is what a sample changes.
type memory struct {
	mean      float64
	measured  bool
	eager     bool
	sampledAt time.Duration
	sequence  uint64 // of the server after the sample
}

// Server returns the server of an attempt that has begun, else nil.
func (a *Attempt) Server() *Server { return a.server }

// Started returns when the attempt began.
func (a *Attempt) Started() time.Duration { return a.start }

// Waiting reports whether the attempt has begun, has not ended, and has had no answer,
// not even an interim one.
func (a *Attempt) Waiting() bool {
	s := a.server
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return a.phase == waiting
}

// beginLocked makes an attempt one of s.
func (a *Attempt) beginLocked(s *Server, o *Options, now time.Duration, probe bool) {
	*a = Attempt{server: s, options: o, start: now, phase: waiting, probe: probe}
	s.waiting++
	s.starts += uint64(now) //nolint:gosec // modulo 2^64, see Server.ageLocked
	s.passed = 0
	if probe {
		s.probing, s.probeAt = true, now
	}
}

// settleLocked takes an attempt out of what waits.
func (a *Attempt) settleLocked(next phase) {
	s := a.server
	if a.phase == waiting {
		s.waiting--
		s.starts -= uint64(a.start) //nolint:gosec // modulo 2^64, see Server.ageLocked
		if a.probe && s.probeAt == a.start {
			s.probing = false
		}
	}
	a.phase = next
}

// Answered says that the first byte came at the time now, which is a sample. It lifts
// the server's penalty.
func (a *Attempt) Answered(now time.Duration) {
	s := a.server
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.phase != waiting && a.phase != informed {
		return
	}
	a.settleLocked(answered)
	x := max(0, now-a.start)
	a.before = memory{mean: s.mean, measured: s.measured, eager: s.eager, sampledAt: s.sampledAt}
	s.penalty = 0
	s.answeredStart = max(s.answeredStart, a.start)
	s.eager = s.measured && float64(x) < s.mean/2
	s.sampleLocked(a.options, x, now)
	a.before.sequence = s.sequence
}

// Informed says that the first byte was that of an interim answer (status 1xx) and no
// sample. The attempt counts no longer as waiting either: the server is alive, and
// when it gives its final answer may not be known before the end.
func (a *Attempt) Informed() {
	s := a.server
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.phase != answered && a.phase != waiting {
		return
	}
	if a.phase == answered && a.before.sequence == s.sequence {
		// Otherwise others have been added to it, and it stays among them.
		s.mean, s.measured, s.eager, s.sampledAt = a.before.mean, a.before.measured, a.before.eager, a.before.sampledAt
		s.sequence++
	}
	a.settleLocked(informed)
}

// Failed ends the attempt as one that the server has not served. As a penalty, the
// server's estimate becomes the largest of: one second, the time that the attempt
// took, twice the mean, and, if the attempt began after the failure before, twice the
// penalty there was (up to 16 s). An attempt without any answer that began before one
// which had an answer is no news and changes nothing. The first byte of any later answer lifts it. Until then the server gets only probes, as long as there is
// one to prefer; the penalty is the interval between them, if longer than Explore.
func (a *Attempt) Failed(now time.Duration) {
	s := a.server
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.phase == idle || a.phase == ended {
		return
	}
	x := now - a.start
	outdated := a.phase == waiting && a.start < s.answeredStart
	if a.phase == answered {
		x = 0 // how long the answer took to its end says nothing
	}
	a.settleLocked(ended)
	if !outdated {
		s.failLocked(a.start, x, now)
	}
}

// Left ends the attempt without saying anything about the server, because the client
// has gone or the request is over. If there was no first byte yet and the attempt took
// longer than the mean, the time it took is a sample: the answer would have taken at
// least that long.
func (a *Attempt) Left(now time.Duration) {
	s := a.server
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.phase == idle || a.phase == ended {
		return
	}
	late := a.phase == waiting
	a.settleLocked(ended)
	if x := now - a.start; late && float64(x) > s.mean {
		s.eager = false
		s.sampleLocked(a.options, x, now)
	}
}
