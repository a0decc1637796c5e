// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package latency

import (
	"sync"
	"testing"
	"time"
)

// choose begins an attempt of a or b, whichever Choose takes.
func choose(o *Options, a, b Candidate, now time.Duration) (*Attempt, bool) {
	at := new(Attempt)
	second := o.Choose(at, a, b, now)
	return at, second
}

func TestChoose(t *testing.T) {
	t.Parallel()
	const now = time.Minute
	o := usual()
	known := func(mean time.Duration) func() *Server {
		return func() *Server { return measured(o, now, mean) }
	}
	begun := func(ago ...time.Duration) func() *Server {
		return func() *Server {
			s := new(Server)
			for _, d := range ago {
				o.Begin(new(Attempt), s, now-d)
			}
			return s
		}
	}
	hanging := func() *Server {
		s := measured(o, now-time.Second, 10*ms)
		o.Begin(new(Attempt), s, now-time.Second)
		return s
	}
	failing := func(times int) func() *Server {
		return func() *Server {
			s := measured(o, now, 10*ms)
			for range times {
				var a Attempt
				o.Begin(&a, s, now)
				a.Failed(now)
			}
			return s
		}
	}
	tests := []struct {
		name         string
		first        func() *Server
		load         int
		second       func() *Server
		load2        int
		chooseSecond bool
	}{
		{"faster", known(10 * ms), 0, known(40 * ms), 0, false},
		{"equal", known(10 * ms), 0, known(10 * ms), 0, false},
		{"equal, less to do", known(10 * ms), 2, known(10 * ms), 1, true},
		{"faster but busy", known(10 * ms), 16, known(40 * ms), 0, true},
		{"busy but still faster", known(10 * ms), 14, known(40 * ms), 0, false},
		{"never tried", known(ms), 0, untouched, 9, true},
		{"neither tried", untouched, 1, untouched, 0, true},
		{"first answer due", known(40 * ms), 50, begun(0), 0, false},
		{"first answers due, fewer", begun(0, 0), 0, begun(ms), 0, true},
		{"first answers due, younger", begun(5 * ms), 0, begun(ms), 0, true},
		{"hanging", hanging, 0, known(400 * ms), 0, true},
		{"failing, others busy", failing(1), 0, known(time.Second), 1000, true},
		{"failing, first answer due", failing(1), 0, begun(time.Hour), 0, true},
		{"failing more often", failing(2), 0, failing(1), 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x, y := Candidate{tt.first(), tt.load}, Candidate{tt.second(), tt.load2}
			at, second := choose(o, x, y, now)
			if second != tt.chooseSecond {
				t.Errorf("chose the second: %v", second)
			}
			want := x.Server
			if second {
				want = y.Server
			}
			if at.Server() != want {
				t.Error("the attempt is not one of the chosen server")
			}
			x, y = Candidate{tt.second(), tt.load2}, Candidate{tt.first(), tt.load}
			if _, second := choose(o, x, y, now); tt.name != "equal" && second == tt.chooseSecond {
				t.Errorf("the other way round, chose the second: %v", second)
			}
		})
	}
}

func untouched() *Server { return new(Server) }

func TestSameServerTwice(t *testing.T) {
	t.Parallel()
	s := new(Server)
	at, second := choose(usual(), Candidate{Server: s}, Candidate{Server: s}, 0)
	if second || at.Server() != s || s.Waiting() != 1 {
		t.Errorf("chose the second: %v, waiting %d", second, s.Waiting())
	}
}

// lose has loser pass over n requests at the time now and returns how many it got.
func lose(o *Options, winner, loser *Server, n int, now time.Duration) (probes []*Attempt) {
	for range n {
		at, second := choose(o, Candidate{Server: winner}, Candidate{Server: loser}, now)
		if second {
			probes = append(probes, at)
			continue
		}
		at.Answered(now + ms)
		at.Left(now + ms)
	}
	return probes
}

func TestLoserIsProbedOnceInAWhile(t *testing.T) {
	t.Parallel()
	o := usual()
	const start = time.Minute
	winner, loser := measured(o, start, ms), measured(o, start, time.Second)
	if n := len(lose(o, winner, loser, 100, start+999*ms)); n != 0 {
		t.Errorf("%d probes before the interval is over", n)
	}
	probes := lose(o, winner, loser, 100, start+time.Second)
	if len(probes) != 1 {
		t.Fatalf("%d probes at once, want 1", len(probes))
	}
	if n := len(lose(o, winner, loser, 100, start+1500*ms)); n != 0 {
		t.Errorf("%d probes while one waits", n)
	}
	probes[0].Answered(start + 2*time.Second)
	if n := len(lose(o, winner, loser, 100, start+2900*ms)); n != 0 {
		t.Errorf("%d probes soon after bad news", n)
	}
	if n := len(lose(o, winner, loser, 1, start+3*time.Second)); n != 1 {
		t.Errorf("%d probes when the next interval is over, want 1", n)
	}
}

func TestProbesAreAShareOfFewRequests(t *testing.T) {
	t.Parallel()
	o := usual()
	now := time.Minute
	winner, loser := measured(o, now, ms), measured(o, now, time.Second)
	probes := 0
	for range 900 {
		now += time.Minute
		for _, p := range lose(o, winner, loser, 1, now) {
			p.Answered(now + time.Second)
			p.Left(now + time.Second)
			probes++
		}
	}
	if probes != 100 {
		t.Errorf("%d probes of 900 requests, want every ninth", probes)
	}
}

func TestGoodNewsIsFollowedUp(t *testing.T) {
	t.Parallel()
	o := usual()
	now := time.Minute
	winner, loser := measured(o, now, 10*ms), measured(o, now, time.Second)
	now += time.Second
	probes := 0
	for range 200 {
		for _, p := range lose(o, winner, loser, 1, now) {
			p.Answered(now + ms)
			p.Left(now + ms)
			probes++
		}
		now += ms
	}
	if e := loser.Estimate(now); e > 20*ms {
		t.Errorf("after %d good probes in 200 ms the estimate is %s", probes, e)
	}
}

func TestHangingServerIsProbed(t *testing.T) {
	t.Parallel()
	o := usual()
	const start = time.Minute
	winner, loser := measured(o, start, ms), measured(o, start, 10*ms)
	for range 16 {
		o.Begin(new(Attempt), loser, start)
	}
	if n := len(lose(o, winner, loser, 100, start+2*time.Second)); n != 1 {
		t.Errorf("%d probes, want 1", n)
	}
	if n := len(lose(o, winner, loser, 100, start+17*time.Second)); n != 0 {
		t.Errorf("%d more while it waits, want none", n)
	}
	if n := len(lose(o, winner, loser, 100, start+18*time.Second)); n != 1 {
		t.Errorf("%d probes once the first waits for too long, want 1", n)
	}
}

func TestFailingServerIsProbedLessAndLess(t *testing.T) {
	t.Parallel()
	o := usual()
	now := time.Minute
	winner, loser := measured(o, now, ms), measured(o, now, ms)
	var a Attempt
	o.Begin(&a, loser, now)
	a.Failed(now)
	var gaps []time.Duration
	last := now
	for range 600 {
		now += 100 * ms
		for _, p := range lose(o, winner, loser, 20, now) {
			p.Failed(now)
			gaps = append(gaps, now-last)
			last = now
		}
	}
	want := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 16 * time.Second}
	for i, w := range want[:5] {
		if i >= len(gaps) || gaps[i] != w {
			t.Fatalf("probes after %v, want %v", gaps, want)
		}
	}
}

// TestConcurrentChoices has many goroutines choose: the first request of an untried
// server goes out once, counters return to zero.
func TestConcurrentChoices(t *testing.T) {
	t.Parallel()
	o := usual()
	a, b := measured(o, time.Second, ms), new(Server)
	var mu sync.Mutex
	first := 0
	var wg sync.WaitGroup
	attempts := make([]Attempt, 64)
	for i := range attempts {
		wg.Go(func() {
			if o.Choose(&attempts[i], Candidate{Server: a}, Candidate{Server: b}, time.Second) {
				mu.Lock()
				first++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if first != 1 {
		t.Errorf("%d requests before the first answer, want 1", first)
	}
	for i := range attempts {
		wg.Go(func() {
			for n := range 200 {
				now := time.Second + time.Duration(n)
				switch n % 4 {
				case 0:
					attempts[i].Answered(now)
				case 1:
					attempts[i].Failed(now)
				case 2:
					attempts[i].Informed()
				}
				attempts[i].Left(now)
				o.Choose(&attempts[i], Candidate{Server: a}, Candidate{Server: b}, now)
			}
			attempts[i].Left(time.Second)
		})
	}
	wg.Wait()
	if a.Waiting() != 0 || b.Waiting() != 0 || a.starts != 0 || b.starts != 0 {
		t.Errorf("waiting %d and %d, starts %d and %d", a.Waiting(), b.Waiting(), a.starts, b.starts)
	}
}
