// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package latency

import (
	"container/heap"
	"math/rand/v2"
	"testing"
	"time"
)

// simulation has a number of clients, each of which sends its next request as soon as
// the one before has ended, in virtual time.
type simulation struct {
	options *Options
	rng     *rand.Rand
	servers []*Server
	takes   func(server int, now time.Duration) (took time.Duration, fails bool)
	load    []int
	events  events
	counts  []int
}

type event struct {
	at      time.Duration
	server  int
	attempt *Attempt
	fails   bool
}

type events []event

func (e events) Len() int           { return len(e) }
func (e events) Less(i, j int) bool { return e[i].at < e[j].at }
func (e events) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)        { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

func simulate(servers, clients int, takes func(int, time.Duration) (time.Duration, bool)) *simulation {
	s := &simulation{options: usual(), rng: rand.New(rand.NewPCG(3, 4)), takes: takes, load: make([]int, servers), counts: make([]int, servers)}
	for range servers {
		s.servers = append(s.servers, new(Server))
	}
	for range clients {
		s.send(0)
	}
	return s
}

func (s *simulation) send(now time.Duration) {
	i := s.rng.IntN(len(s.servers))
	j := s.rng.IntN(len(s.servers) - 1)
	if j >= i {
		j++
	}
	a := new(Attempt)
	if s.options.Choose(a, Candidate{s.servers[i], s.load[i]}, Candidate{s.servers[j], s.load[j]}, now) {
		i = j
	}
	took, fails := s.takes(i, now)
	s.load[i]++
	s.counts[i]++
	heap.Push(&s.events, event{now + took, i, a, fails})
}

// run lets time pass until a moment and returns how many requests went to each server.
func (s *simulation) run(until time.Duration) []int {
	clear(s.counts)
	for s.events[0].at < until {
		e := heap.Pop(&s.events).(event)
		if e.fails {
			e.attempt.Failed(e.at)
		} else {
			e.attempt.Answered(e.at)
			e.attempt.Left(e.at)
		}
		s.load[e.server]--
		s.send(e.at)
	}
	return append([]int(nil), s.counts...)
}

// wantShare checks which part of the requests went to a server.
func wantShare(t *testing.T, when string, counts []int, server int, lowest, highest float64) {
	t.Helper()
	total := 0
	for _, n := range counts {
		total += n
	}
	share := float64(counts[server]) / float64(total)
	t.Logf("%s: %v, server %d has %.1f %%", when, counts, server, 100*share)
	if share < lowest || share > highest {
		t.Errorf("%s: server %d has %.1f %% of %v, want %.0f to %.0f", when, server, 100*share, counts, 100*lowest, 100*highest)
	}
}

func TestFasterServerIsPreferred(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		clients int
		takes   []time.Duration
		spread  bool // exponentially distributed times
		lowest  float64
	}{
		{"10 ms and 40 ms, 16 in flight", 16, []time.Duration{10 * ms, 40 * ms}, false, 0.9},
		{"10 ms and 40 ms, 1 in flight", 1, []time.Duration{10 * ms, 40 * ms}, false, 0.9},
		{"10 ms and 40 ms, 500 in flight", 500, []time.Duration{10 * ms, 40 * ms}, false, 0.9},
		{"irregular", 16, []time.Duration{10 * ms, 40 * ms}, true, 0.9},
		{"five servers, one slow", 32, []time.Duration{10 * ms, 10 * ms, 400 * ms, 10 * ms, 10 * ms}, false, 0.2},
		{"seconds", 16, []time.Duration{2 * time.Second, 8 * time.Second}, false, 0.85},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(5, 6))
			s := simulate(len(tt.takes), tt.clients, func(i int, _ time.Duration) (time.Duration, bool) {
				if tt.spread {
					return time.Duration(rng.ExpFloat64() * float64(tt.takes[i])), false
				}
				return tt.takes[i], false
			})
			seconds := max(2*time.Second, 50*tt.takes[0])
			wantShare(t, "from the start", s.run(seconds), 0, tt.lowest, 1)
			wantShare(t, "afterwards", s.run(2*seconds), 0, tt.lowest, 1)
		})
	}
}

func TestEqualServersShareEqually(t *testing.T) {
	t.Parallel()
	s := simulate(2, 16, func(int, time.Duration) (time.Duration, bool) { return 20 * ms, false })
	wantShare(t, "equal servers", s.run(5*time.Second), 0, 0.4, 0.6)
}

// TestChangesAreFollowed has the faster of two servers become slow, hang or fail at the
// fifth second, and be as before at the tenth. Requests sent meanwhile keep their fate.
func TestChangesAreFollowed(t *testing.T) {
	t.Parallel()
	const change, recovery = 5 * time.Second, 10 * time.Second
	tests := []struct {
		name    string
		clients int
		bad     time.Duration
		fails   bool
		back    time.Duration // how long after recovery it is used again
	}{
		{"slowed to 1 s", 16, time.Second, false, 2 * time.Second},
		{"slowed to 1 s, one client", 1, time.Second, false, 6 * time.Second},
		{"hangs for 4 s", 16, 4 * time.Second, false, 6 * time.Second},
		{"refuses", 16, 100 * time.Microsecond, true, 6 * time.Second},
		{"refuses, 200 clients", 200, 100 * time.Microsecond, true, 6 * time.Second},
		{"times out", 16, 3 * time.Second, true, 12 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := simulate(2, tt.clients, func(i int, now time.Duration) (time.Duration, bool) {
				switch {
				case i == 1:
					return 40 * ms, false
				case now >= change && now < recovery:
					return tt.bad, tt.fails
				default:
					return 10 * ms, false
				}
			})
			wantShare(t, "before", s.run(change), 0, 0.9, 1)
			t.Logf("in the second after the change: %v", s.run(change+time.Second))
			// One client sends but 25 requests in a second.
			wantShare(t, "a second later", s.run(recovery), 0, 0, 0.05)
			s.run(recovery + tt.back)
			wantShare(t, "after recovery", s.run(recovery+tt.back+time.Second), 0, 0.9, 1)
		})
	}
}

// TestBusyServersShareTheWork has servers with a few workers each, before which requests
// queue: all of them are needed, and preferring the faster must not leave the other idle.
func TestBusyServersShareTheWork(t *testing.T) {
	t.Parallel()
	const workers = 4
	tests := []struct {
		name            string
		takes           [2]time.Duration
		lowest, highest float64 // share of the first
	}{
		{"equal", [2]time.Duration{20 * ms, 20 * ms}, 0.45, 0.55},
		{"one twice as fast", [2]time.Duration{20 * ms, 40 * ms}, 0.6, 0.75},
		{"one four times as fast", [2]time.Duration{10 * ms, 40 * ms}, 0.75, 0.9},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var free [2][workers]time.Duration
			rng := rand.New(rand.NewPCG(7, 8))
			s := simulate(2, 64, func(i int, now time.Duration) (time.Duration, bool) {
				worker := &free[i][0]
				for w := range free[i] {
					if free[i][w] < *worker {
						worker = &free[i][w]
					}
				}
				*worker = max(*worker, now) + time.Duration(rng.ExpFloat64()*float64(tt.takes[i]))
				return *worker - now, false
			})
			const length = 20 * time.Second
			counts := s.run(length)
			wantShare(t, "busy", counts, 0, tt.lowest, tt.highest)
			possible := workers * (float64(length)/float64(tt.takes[0]) + float64(length)/float64(tt.takes[1]))
			if done := float64(counts[0] + counts[1]); done < 0.95*possible {
				t.Errorf("%.0f requests done of %.0f possible", done, possible)
			}
		})
	}
}
