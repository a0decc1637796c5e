// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitstest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// testLinearizable records short histories of several goroutines, and checks that
// each could have come of a store that does one thing after the other.
func testLinearizable(t *testing.T, o Opener) {
	counts := []int{1}
	if o.Several != nil {
		counts = append(counts, 3)
	}
	for _, n := range counts {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			probes := gateways(t, o, n)
			for round := range max(20, o.Steps/20) {
				h := &history{
					probes: probes, subject: fmt.Sprint("round ", round), settles: round%3 > 0,
					rule: fixed([]limits.Unit{limits.Tokens, limits.Cost}[round%2], int64(3+round%10), 366*day),
				}
				if round%5 == 4 {
					h.rule = sliding(limits.Tokens, 6, 30*day)
				}
				if calls := h.record(uint64(round)); !linearizable(calls) {
					t.Fatalf("limit %d; in no order do these answers come about:\n%s", h.rule.Limit, tell(calls))
				}
			}
		})
	}
}

// history records what goroutines do with a few counters of one rule.
type history struct {
	probes  []*probe
	rule    *limits.Rule
	subject string
	settles bool // else resets
	ticks   atomic.Int64
	mu      sync.Mutex
	calls   []operation
}

// record runs four goroutines of five calls each.
func (h *history) record(seed uint64) []operation {
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			p := h.probes[i%len(h.probes)]
			var open []*limits.Decision
			for range 5 {
				switch n := r.IntN(10); {
				case n < 6:
					if d := h.decide(p, r); !d.Denied {
						open = append(open, d)
					}
				case n < 9 && h.settles && len(open) > 0:
					h.settle(p, open[0], r)
					open = open[1:]
				case n == 9 && !h.settles:
					h.reset(p, r.IntN(len(figures{})))
				default:
					h.look(p, r.IntN(len(figures{})))
				}
			}
		})
	}
	wg.Wait()
	for _, p := range h.probes {
		p.flush()
	}
	for k := range (figures{}) {
		h.look(h.probes[0], k)
	}
	return h.calls
}

func (h *history) add(c operation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, c)
}

func (h *history) check(k int, weight int64) limits.Check {
	return on(h.rule, fmt.Sprint(h.subject, " ", k), weight)
}

// decide records a decision about one counter or several.
func (h *history) decide(p *probe, r *rand.Rand) *limits.Decision {
	keys := r.Perm(len(figures{}))[:1+r.IntN(len(figures{}))]
	checks := make([]limits.Check, 0, len(keys))
	for _, k := range keys {
		checks = append(checks, h.check(k, r.Int64N(4)))
	}
	c := operation{start: h.ticks.Add(1)}
	d := p.ask(checks...)
	c.end = h.ticks.Add(1)
	c.apply = func(f figures) (figures, bool) {
		want := limits.Decision{Checks: slices.Clone(checks)}
		after := f
		for i, k := range keys {
			w := &want.Checks[i]
			w.Exceeded = w.Weight > 0 && f[k]+w.Weight > h.rule.Limit
			want.Denied = want.Denied || w.Exceeded
			after[k] += w.Weight
		}
		if want.Denied {
			after = f
		}
		for i, k := range keys {
			want.Checks[i].Used = after[k]
		}
		if want.Denied != d.Denied {
			return f, false
		}
		for i := range keys {
			recalled := p.o.Recalled && d.Denied && !d.Checks[i].Exceeded
			if w, g := &want.Checks[i], &d.Checks[i]; !recalled && (w.Exceeded != g.Exceeded || w.Used != g.Used) {
				return f, false
			}
		}
		return after, true
	}
	c.text = fmt.Sprintf("decide about %v: denied %v%s", keys, d.Denied, describe(d.Checks))
	h.add(c)
	return d
}

// settle records a settlement, which comes about at once or later.
func (h *history) settle(p *probe, d *limits.Decision, r *rand.Rand) {
	var delta figures
	c := operation{start: h.ticks.Add(1), text: "settle"}
	for i := range d.Checks {
		s := &d.Checks[i]
		s.Actual = r.Int64N(s.Weight + 2)
		var k int
		_, _ = fmt.Sscan(s.Key.Subject[len(h.subject):], &k) // it was written by check
		delta[k] = s.Actual - s.Weight
		c.text += fmt.Sprintf(" %d from %d to %d", k, s.Weight, s.Actual)
	}
	p.s.Settle(d)
	c.end = h.ticks.Add(1)
	if p.o.Flush != nil {
		c.end = math.MaxInt64
	}
	c.apply = func(f figures) (figures, bool) {
		for k := range f {
			f[k] += delta[k]
		}
		return f, true
	}
	h.add(c)
}

func (h *history) look(p *probe, k int) {
	c := operation{start: h.ticks.Add(1)}
	checks := []limits.Check{h.check(k, 0)}
	if err := p.s.Look(p.t.Context(), checks); err != nil {
		p.t.Errorf("Look() error: %v", err)
	}
	used := checks[0].Used
	c.end = h.ticks.Add(1)
	c.apply = func(f figures) (figures, bool) { return f, f[k] == used }
	c.text = fmt.Sprintf("look at %d: %d", k, used)
	h.add(c)
}

func (h *history) reset(p *probe, k int) {
	c := operation{start: h.ticks.Add(1)}
	if err := p.s.Reset(p.t.Context(), []limits.Check{h.check(k, 0)}); err != nil {
		p.t.Errorf("Reset() error: %v", err)
	}
	c.end = h.ticks.Add(1)
	c.apply = func(f figures) (figures, bool) {
		f[k] = 0
		return f, true
	}
	c.text = fmt.Sprintf("reset %d", k)
	h.add(c)
}

// tell writes a history down.
func tell(calls []operation) string {
	slices.SortFunc(calls, func(a, b operation) int { return int(a.start - b.start) })
	var b strings.Builder
	for _, c := range calls {
		fmt.Fprintf(&b, "%3d-%3d %s\n", c.start, min(c.end, 999), c.text)
	}
	return b.String()
}
