// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package latency

import "time"

// Candidate is a server that may be chosen, with its load at the moment: the number of
// its requests that have not ended. What waits for an answer counts at least, whatever
// the load says.
type Candidate struct {
	Server *Server
	Load   int
}

// Begin makes a an attempt of the only candidate there is.
func (o *Options) Begin(a *Attempt, s *Server, now time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	probe := s.dueLocked(o, now, s.ageLocked(now))
	a.beginLocked(s, o, now, probe)
}

// Choose makes a an attempt of one of two candidates and reports whether that is the
// second. Where nothing else decides it is the first, so callers who have no
// preference give them in random order.
//
// A server of which nothing is known comes first, with one request until it has
// answered. One that failed last gets nothing but probes while the other did not.
// Otherwise the lower score wins, estimate squared times load + 1, unless the loser is
// due for a probe.
//
// Servers share what is in flight in inverse proportion to the factor before the load.
// Were it the estimate itself, a server that takes four times as long would keep a
// fifth of all requests waiting; with its square it is a seventeenth. Where the faster
// is not fast enough for all, requests queue there, its estimate rises, and the other
// gets more.
func (o *Options) Choose(a *Attempt, first, second Candidate, now time.Duration) bool {
	if first.Server == second.Server {
		o.Begin(a, first.Server, now)
		return false
	}
	for range 3 {
		x, y := first.Server.view(o, now), second.Server.view(o, now)
		takeSecond, reason := compare(&x, &y, first.Load, second.Load)
		winner, loser := first.Server, second.Server
		if takeSecond {
			winner, loser = loser, winner
		}
		switch reason {
		case untried:
			if !winner.beginUntried(o, a, now) {
				continue // somebody was faster
			}
			return takeSecond
		case scored:
			if loser.beginDue(o, a, now) {
				return !takeSecond
			}
		case awaiting:
		}
		winner.mu.Lock()
		a.beginLocked(winner, o, now, false)
		winner.mu.Unlock()
		return takeSecond
	}
	o.Begin(a, first.Server, now) // never seen: each turn needs another first request
	return false
}

// beginUntried begins the first attempt of a server, unless there is one.
func (s *Server) beginUntried(o *Options, a *Attempt, now time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.measured || s.penalty > 0 || s.waiting > 0 {
		return false
	}
	a.beginLocked(s, o, now, true)
	return true
}

// beginDue begins a probe if one is due, and counts a lost request otherwise.
func (s *Server) beginDue(o *Options, a *Attempt, now time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.dueLocked(o, now, s.ageLocked(now)) {
		s.passed++
		return false
	}
	a.beginLocked(s, o, now, true)
	return true
}

type reason uint8

const (
	untried  reason = iota // nothing is known of the winner
	awaiting               // a first answer is still due
	scored
)

// compare decides between two views and says why.
func compare(x, y *view, loadX, loadY int) (second bool, why reason) {
	loadX, loadY = max(loadX, x.waiting), max(loadY, y.waiting)
	newX, newY := !x.known && x.waiting == 0, !y.known && y.waiting == 0
	switch {
	case newX && newY:
		return loadY < loadX, untried
	case newX || newY:
		return newY, untried
	case !x.known && !y.known:
		if loadX != loadY {
			return loadY < loadX, awaiting
		}
		return y.age < x.age, awaiting
	case x.failing != y.failing:
		// However busy the other is: who fails at once is never busy.
		return x.failing, scored
	case !x.known:
		return true, awaiting
	case !y.known:
		return false, awaiting
	}
	return y.score(loadY) < x.score(loadX), scored
}

func (v *view) score(load int) float64 { return v.estimate * v.estimate * float64(load+1) }
