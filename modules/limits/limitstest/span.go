// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitstest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// admission is a weight that was admitted, and when, in microseconds.
type admission struct{ at, weight int64 }

// sum adds up what was admitted after a time.
func sum(log []admission, after int64) (total int64) {
	for i := len(log) - 1; i >= 0 && log[i].at > after; i-- {
		total += log[i].weight
	}
	return total
}

// demands are ways to ask, as the time until the next request.
func demands(r *rand.Rand, w limits.Window, limit int64) map[string]func(i int) (time.Duration, int64) {
	even := w.Length / time.Duration(limit)
	one := func(d time.Duration) (time.Duration, int64) { return d, 1 }
	return map[string]func(i int) (time.Duration, int64){
		"twice the limit": func(int) (time.Duration, int64) { return one(even / 2) },
		"ten times":       func(int) (time.Duration, int64) { return one(even / 10) },
		"barely":          func(int) (time.Duration, int64) { return one(even - even/100) },
		"bursts at the window": func(i int) (time.Duration, int64) {
			if i%int(2*limit) == 0 {
				return one(w.Length)
			}
			return one(0)
		},
		"bursts around parts": func(i int) (time.Duration, int64) {
			if i%7 == 0 {
				return one(w.Part() - time.Microsecond)
			}
			return one(time.Microsecond * time.Duration(i%3))
		},
		"random": func(int) (time.Duration, int64) {
			return time.Duration(r.ExpFloat64() * float64(even)), r.Int64N(max(2, limit/5))
		},
		"random bursts": func(int) (time.Duration, int64) {
			if r.IntN(int(limit)) == 0 {
				return time.Duration(r.Int64N(int64(2 * w.Length))), 1
			}
			return time.Duration(r.Int64N(int64(even / 20))), 1 + r.Int64N(3)
		},
	}
}

// testAnySpan checks with an exact log what the contract says of sliding windows:
// never more than the limit in any span of the length, and nothing denied that
// the length and one part have room for.
func testAnySpan(t *testing.T, o Opener) {
	for _, r := range []*limits.Rule{
		sliding(limits.Requests, 50, time.Second),
		sliding(limits.Tokens, 100, time.Minute),
		sliding(limits.Cost, 30, 61*time.Second+7*time.Millisecond),
	} {
		random := rand.New(rand.NewPCG(4, uint64(r.Limit)))
		for name, demand := range demands(random, r.Window, r.Limit) {
			t.Run(fmt.Sprint(r.ID(), " ", name), func(t *testing.T) {
				p := open(t, o)
				length, part := r.Window.Length.Microseconds(), r.Window.Part().Microseconds()
				var log []admission
				var admitted int64
				began := p.clock.Now()
				for i := range o.Steps / 6 {
					wait, weight := demand(i)
					p.clock.Advance(wait.Truncate(time.Microsecond))
					now := p.clock.Now().UnixMicro()
					d := p.decide(on(r, "a", weight))
					if d.Denied {
						if room := r.Limit - sum(log, now-length-part); weight <= room {
							t.Fatalf("weight %d is denied, though there is room for %d", weight, room)
						}
						continue
					}
					log = append(log, admission{now, weight})
					admitted += weight
					if got := sum(log, now-length); got > r.Limit {
						t.Fatalf("%d admitted in a span of %s, of %d", got, r.Window.Length, r.Limit)
					}
				}
				if name == "twice the limit" || name == "ten times" {
					full := float64(p.clock.Now().Sub(began)) / float64(r.Window.Length) * float64(r.Limit)
					if float64(admitted) < 0.97*full-1 {
						t.Errorf("%d admitted under steady demand, of %.0f possible", admitted, full)
					}
				}
			})
		}
	}
}

// testBucket checks the shape of a bucket: a burst, then the rate.
func testBucket(t *testing.T, o Opener) {
	p := open(t, o)
	r := bucket(limits.Requests, 10, 40, time.Second)
	for range 40 {
		p.admit(on(r, "a", 1))
	}
	if d := p.deny(on(r, "a", 1)); d.Checks[0].Used != 40 || d.Checks[0].Frees > 101*time.Millisecond {
		t.Errorf("after a burst: %s", describe(d.Checks))
	}
	admitted := 0
	for range 5000 {
		p.clock.Advance(time.Millisecond)
		if !p.decide(on(r, "a", 1)).Denied {
			admitted++
		}
	}
	if admitted != 50 {
		t.Errorf("%d admitted in 5 s at 10 a second", admitted)
	}
	// Asking often loses nothing, be the share of a question ever so small.
	slow := bucket(limits.Tokens, 7, 0, time.Hour)
	p.admit(on(slow, "a", 7))
	d := p.deny(on(slow, "a", 1))
	for range 100 {
		p.clock.Advance(d.Checks[0].Frees / 101)
		p.deny(on(slow, "a", 1))
	}
	p.clock.Advance(d.Checks[0].Frees / 50)
	p.admit(on(slow, "a", 1))
	p.deny(on(slow, "a", 1))
	// It never holds more than the burst.
	p.clock.Advance(90 * day)
	p.admit(on(r, "a", 40))
	p.deny(on(r, "a", 1))
	p.admit(on(slow, "a", 7))
	p.deny(on(slow, "a", 1))
}

// testClock sets the clock back and forth: nobody is locked out for longer than a
// window, and nobody gets more than one limit by it.
func testClock(t *testing.T, o Opener) {
	for _, r := range passing(10) {
		if r.Unit == limits.Concurrent {
			continue
		}
		length := time.Duration(r.Window.Seconds()) * time.Second
		t.Run(r.ID(), func(t *testing.T) {
			for _, back := range []time.Duration{time.Microsecond, time.Second / 100, length / 2, length * 4 / 5} {
				p := open(t, o)
				p.admit(on(r, "a", 10))
				p.clock.Advance(-back)
				if d := p.deny(on(r, "a", 10)); d.Checks[0].Used < 9 {
					t.Errorf("back by %s, and %d used", back, d.Checks[0].Used)
				}
				p.clock.Advance(back)
				p.holds(on(r, "a", 0), 10)
				p.clock.Advance(length*11/10 + time.Hour%length)
				p.admit(on(r, "a", 10))
			}
			p := open(t, o)
			p.admit(on(r, "a", 10))
			p.clock.Advance(-3 * length)
			p.admit(on(r, "a", 10)) // it starts afresh
			p.deny(on(r, "a", 10))
			p.clock.Advance(2 * length)
			p.admit(on(r, "a", 10))
			p.clock.Advance(1000 * day)
			p.admit(on(r, "a", 10))
			p.deny(on(r, "a", 10))
		})
	}
}
