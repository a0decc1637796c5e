// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package latency

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestSamplesDecayByTime(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		decay time.Duration
		gap   time.Duration // between the two samples
		want  time.Duration
	}{
		{"half-life", 10 * time.Second, 10 * time.Second, 60 * ms},
		{"two half-lives", 10 * time.Second, 20 * time.Second, 85 * ms},
		{"other half-life", time.Second, time.Second, 60 * ms},
		{"long ago", time.Second, time.Hour, 110 * ms},
		{"at once, the least weight", 10 * time.Second, 0, 10*ms + 100*ms/16},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := &Options{Decay: tt.decay, Explore: time.Second}
			s := measured(o, time.Minute, 10*ms)
			var a Attempt
			o.Begin(&a, s, time.Minute+tt.gap-110*ms)
			a.Answered(time.Minute + tt.gap)
			wantEstimate(t, s, time.Minute+tt.gap, tt.want)
		})
	}
}

func TestMeanStaysAmongItsSamples(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		o := &Options{Decay: time.Duration(1 + rng.IntN(int(time.Minute))), Explore: time.Second}
		s := new(Server)
		lowest, highest := time.Hour, time.Duration(0)
		now := time.Duration(0)
		for range 50 {
			x := time.Duration(1 + rng.IntN(int(time.Second)))
			lowest, highest = min(lowest, x), max(highest, x)
			now += time.Duration(rng.IntN(int(time.Second)))
			answer(o, s, now, x)
			if e := s.Estimate(now); e < lowest-1 || e > highest+1 {
				t.Fatalf("estimate %s of samples from %s to %s", e, lowest, highest)
			}
		}
	}
}

func TestAgeCountsOnceItExceedsTheMean(t *testing.T) {
	t.Parallel()
	o := usual()
	const start = time.Minute
	s := measured(o, start, 10*ms)
	var a, b Attempt
	o.Begin(&a, s, start)
	o.Begin(&b, s, start+4*ms)
	wantEstimate(t, s, start+10*ms, 10*ms) // 10 and 6: no more than the mean
	wantEstimate(t, s, start+102*ms, 100*ms)
	a.Answered(start + 102*ms)
	wantEstimate(t, s, start+204*ms, 200*ms)
	b.Left(start + 204*ms)
	if n := s.Waiting(); n != 0 {
		t.Errorf("%d attempts wait after all have ended", n)
	}
}

// TestAgeIsRightAfterManyYears guards the sums that wrap.
func TestAgeIsRightAfterManyYears(t *testing.T) {
	t.Parallel()
	o := usual()
	const years = 50 * 365 * 24 * time.Hour
	s := new(Server)
	attempts := make([]Attempt, 1000)
	for i := range attempts {
		o.Begin(&attempts[i], s, years)
	}
	wantEstimate(t, s, years+time.Second, time.Second)
	for i := range attempts {
		attempts[i].Left(years)
	}
	wantEstimate(t, s, years+time.Second, 0)
}

func TestEndings(t *testing.T) {
	t.Parallel()
	const start = time.Minute
	tests := []struct {
		name string
		mean time.Duration // 0: never measured
		end  func(*Attempt)
		want time.Duration
	}{
		{"failed at once", 10 * ms, func(a *Attempt) { a.Failed(start) }, time.Second},
		{"failed at once, unknown", 0, func(a *Attempt) { a.Failed(start) }, time.Second},
		{"failed late", 10 * ms, func(a *Attempt) { a.Failed(start + 5*time.Second) }, 5 * time.Second},
		{"failed, slow server", 4 * time.Second, func(a *Attempt) { a.Failed(start) }, 8 * time.Second},
		{"failed after the first byte", 10 * ms, func(a *Attempt) { a.Answered(start + 10*ms); a.Failed(start + time.Hour) }, time.Second},
		{"left early", 10 * ms, func(a *Attempt) { a.Left(start + 9*ms) }, 10 * ms},
		{"left late", 10 * ms, func(a *Attempt) { a.Left(start + 170*ms) }, 20 * ms},
		{"left late, unknown", 0, func(a *Attempt) { a.Left(start + 170*ms) }, 170 * ms},
		{"left during the answer", 10 * ms, func(a *Attempt) { a.Answered(start + 10*ms); a.Left(start + time.Hour) }, 10 * ms},
		{"interim answer only", 10 * ms, func(a *Attempt) { a.Answered(start); a.Informed(); a.Left(start + time.Hour) }, 10 * ms},
		{"interim answer only, unknown", 0, func(a *Attempt) { a.Answered(start + ms); a.Informed(); a.Left(start + time.Hour) }, 0},
		{"interim answer, then final", 0, func(a *Attempt) { a.Answered(start + ms); a.Informed(); a.Answered(start + 30*ms) }, 30 * ms},
		{"interim answer, then failed", 10 * ms, func(a *Attempt) { a.Answered(start); a.Informed(); a.Failed(start + 3*time.Second) }, 3 * time.Second},
		{"second first byte", 0, func(a *Attempt) { a.Answered(start + 5*ms); a.Answered(start + time.Hour) }, 5 * ms},
		{"first byte after the end", 10 * ms, func(a *Attempt) { a.Left(start); a.Answered(start + time.Hour) }, 10 * ms},
		{"failed after the end", 10 * ms, func(a *Attempt) { a.Left(start); a.Failed(start) }, 10 * ms},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o, s := usual(), new(Server)
			if tt.mean > 0 {
				s = measured(o, start, tt.mean)
			}
			var a Attempt
			o.Begin(&a, s, start)
			tt.end(&a)
			wantEstimate(t, s, start, tt.want)
			a.Left(start)
			if n := s.Waiting(); n != 0 {
				t.Errorf("%d attempts wait", n)
			}
		})
	}
}

func TestNothingComesOfAnAttemptThatNeverBegan(t *testing.T) {
	t.Parallel()
	var a Attempt
	a.Answered(1)
	a.Informed()
	a.Failed(1)
	a.Left(1)
	if a.Server() != nil {
		t.Error("it has a server")
	}
}

// TestInterimAnswerKeepsOthersSamples has a sample taken back that is not the last.
func TestInterimAnswerKeepsOthersSamples(t *testing.T) {
	t.Parallel()
	o := usual()
	s := measured(o, time.Minute, 100*ms)
	var a Attempt
	o.Begin(&a, s, time.Minute)
	a.Answered(time.Minute)
	answer(o, s, time.Minute, 100*ms)
	before := s.Estimate(2 * time.Minute)
	a.Informed()
	if after := s.Estimate(2 * time.Minute); after != before {
		t.Errorf("estimate was %s and is %s", before, after)
	}
}

func TestPenaltiesDoubleUntilAnAnswer(t *testing.T) {
	t.Parallel()
	o := usual()
	now := time.Minute
	s := measured(o, now, 10*ms)
	for _, want := range []time.Duration{1000 * ms, 2000 * ms, 4000 * ms, 8000 * ms, 16000 * ms, 16000 * ms} {
		var a Attempt
		o.Begin(&a, s, now)
		a.Failed(now)
		wantEstimate(t, s, now, want)
	}
	answer(o, s, now, 10*ms)
	wantEstimate(t, s, now, 10*ms)
}

func TestFailuresOnTheirWayAreOne(t *testing.T) {
	t.Parallel()
	o := usual()
	const now = time.Minute
	s := measured(o, now-time.Second, 10*ms)
	attempts := make([]Attempt, 10)
	for i := range attempts {
		o.Begin(&attempts[i], s, now)
	}
	for i := range attempts {
		attempts[i].Failed(now + ms)
	}
	wantEstimate(t, s, now+ms, time.Second)
}

// TestOldFailureIsNoNews has a request time out that was sent before others which have
// been answered since.
func TestOldFailureIsNoNews(t *testing.T) {
	t.Parallel()
	o := usual()
	s := measured(o, time.Minute, 10*ms)
	var old Attempt
	o.Begin(&old, s, time.Minute)
	answer(o, s, 2*time.Minute, 10*ms)
	old.Failed(3 * time.Minute)
	wantEstimate(t, s, 3*time.Minute, 10*ms)
}
