// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitstest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// otherLevel is a second level of quotas in random tests.
const otherLevel = "quota:other/route"

// testRandom makes random operations on the store and on the model, side by side.
func testRandom(t *testing.T, o Opener) {
	still := slices.DeleteFunc(lasting(20), func(r *limits.Rule) bool { return r.Window.Kind == limits.Bucket && r.Limit == 1 })
	minutes := []*limits.Rule{
		sliding(limits.Requests, 12, time.Minute), fixed(limits.Tokens, 25, time.Minute),
		calendar(limits.Cost, 20, limits.Minute, ""), bucket(limits.Requests, 15, 0, time.Minute),
	}
	runs := map[string]struct {
		rules []*limits.Rule
		move  bool
		when  bool
	}{
		"set back": {minutes, true, o.Virtual},
		"lasting":  {still, false, true},
		"passing":  {slices.DeleteFunc(passing(20), func(r *limits.Rule) bool { return r.Unit == limits.Concurrent }), true, o.Virtual},
		"short":    {slices.DeleteFunc(passing(20), func(r *limits.Rule) bool { return r.Unit == limits.Concurrent || r.Window.Seconds() > 90 }), true, o.Virtual},
		"sliding":  {[]*limits.Rule{sliding(limits.Requests, 12, time.Second), sliding(limits.Tokens, 25, 61*time.Second+time.Millisecond), sliding(limits.Cost, 40, time.Hour)}, true, o.Virtual},
	}
	for name, run := range runs {
		if !run.when {
			continue
		}
		t.Run(name, func(t *testing.T) {
			const rounds = 4
			for round := range rounds {
				w := newWalk(t, o, run.rules, rand.New(rand.NewPCG(1, uint64(round))))
				w.still = !run.move
				for range o.Steps / rounds {
					if name == "set back" && w.rand.IntN(30) == 0 {
						w.setBack()
					}
					w.step(run.move)
					if t.Failed() {
						t.Fatalf("round %d; what led there:\n%s", round, w.last())
					}
				}
			}
		})
	}
}

// walk is a random walk of a store and the model.
type walk struct {
	*probe
	model *Model
	rand  *rand.Rand
	rules []*limits.Rule
	open  []pair
	still bool // the clock is not moved
	// ahead is what the clock showed before it was set back.
	ahead time.Time
	// afresh are counters that were reset while something may have been open.
	afresh  map[identity]bool
	history []string
}

// pair is a decision of the model and the same one of the store.
type pair struct {
	want, got *limits.Decision
	at        time.Time
}

func newWalk(t *testing.T, o Opener, rules []*limits.Rule, r *rand.Rand) *walk {
	p := open(t, o)
	return &walk{probe: p, model: NewModel(p.clock), rand: r, rules: rules, afresh: make(map[identity]bool)}
}

func (w *walk) note(format string, args ...any) {
	w.history = append(w.history, fmt.Sprintf(format, args...))
}

// last is the end of the history.
func (w *walk) last() string {
	return strings.Join(w.history[max(0, len(w.history)-25):], "\n")
}

func (w *walk) step(move bool) {
	if move && w.rand.IntN(2) == 0 {
		w.move()
	}
	switch n := w.rand.IntN(100); {
	case n < 70:
		w.decide()
	case n < 85:
		w.settleAny()
	case n < 98:
		w.look(w.check())
	default:
		c := w.check()
		if c.Rule.Unit != limits.Concurrent {
			w.reset(c)
		}
	}
}

// check draws a check: one of few counters, some weight, and a limit as it may be
// at the time.
func (w *walk) check() limits.Check {
	r := *w.rules[w.rand.IntN(len(w.rules))]
	limit := r.Limit
	if w.rand.IntN(4) == 0 {
		limit = 1 + w.rand.Int64N(2*limit)
	}
	if r.Window.Kind == limits.Bucket {
		r.Burst = limit // what leaks depends on the limit, so that it stays
	} else {
		r.Limit = limit
	}
	switch w.rand.IntN(10) {
	case 0:
		r.Soft = true
	case 1:
		r.Shadow = true
	}
	weight := int64(1)
	switch w.rand.IntN(8) {
	case 0:
		weight = 0
	case 1, 2:
		weight = w.rand.Int64N(limit + 1)
	case 3:
		weight = limit + w.rand.Int64N(3)
	case 4:
		weight = 1 + w.rand.Int64N(4)
	}
	c := on(&r, string(rune('a'+w.rand.IntN(3))), weight)
	if w.rand.IntN(3) == 0 {
		c.Key.Level = otherLevel
	}
	return c
}

func (w *walk) decide() {
	var checks []limits.Check
	for range 1 + w.rand.IntN(6) {
		c := w.check()
		if !slices.ContainsFunc(checks, func(o limits.Check) bool { return o.Key == c.Key && o.Rule.ID() == c.Rule.ID() }) {
			checks = append(checks, c)
		}
	}
	d := pair{
		want: &limits.Decision{ID: limits.NewID(), Checks: checks},
		got:  &limits.Decision{Checks: slices.Clone(checks)},
	}
	d.got.ID = d.want.ID
	_ = w.model.Decide(w.t.Context(), d.want) // the context of a test is not done
	w.decideAs(d.got)
	w.note("decide denied %v%s", d.want.Denied, describe(d.want.Checks))
	w.forgive(d.want.Checks, d.got.Checks)
	if s := differs(w.o, d.want, d.got); s != "" {
		w.t.Errorf("%s\ngot%s", s, describe(d.got.Checks))
	}
	if w.clock != nil {
		d.at = w.clock.Now()
	}
	if !d.want.Denied || w.rand.IntN(20) == 0 {
		w.open = append(w.open, d)
	}
	if len(w.open) > 30 {
		w.open = w.open[1:] // its owner has crashed
	}
}

// settleAny settles a decision that was made some time ago, perhaps a second time.
func (w *walk) settleAny() {
	if len(w.open) == 0 {
		return
	}
	i := w.rand.IntN(len(w.open))
	d := w.open[i]
	if w.rand.IntN(4) > 0 || !d.want.Open() {
		w.open = slices.Delete(w.open, i, i+1)
	}
	if w.undecided(d) {
		return
	}
	for j := range d.want.Checks {
		weight := d.want.Checks[j].Weight
		actual := weight
		switch w.rand.IntN(4) {
		case 0:
			actual = 0
		case 1:
			actual = w.rand.Int64N(weight + 1)
		case 2:
			actual = weight + w.rand.Int64N(5)
		}
		d.want.Checks[j].Actual, d.got.Checks[j].Actual = actual, actual
		w.note("settle %s of %v from %d to %d", d.want.Checks[j].Rule.ID(), d.want.Checks[j].Key, weight, actual)
	}
	w.model.Settle(d.want)
	w.settle(d.got)
	for _, c := range d.want.Checks {
		w.look(c)
	}
}

// undecided says that the contract leaves open what settlement comes to: of a
// bucket it is not said when the window of a request has passed.
func (w *walk) undecided(d pair) bool {
	if w.clock == nil {
		return false
	}
	passed := w.clock.Now().Sub(d.at)
	return slices.ContainsFunc(d.want.Checks, func(c limits.Check) bool {
		return c.Rule.Window.Kind == limits.Bucket && passed > c.Rule.Window.Length*9/10 && passed < 5*c.Rule.Window.Length
	})
}

// look compares a counter.
func (w *walk) look(c limits.Check) {
	want, all := []limits.Check{c}, []limits.Check{w.probe.look(c)}
	_ = w.model.Look(w.t.Context(), want) // as in decide
	w.note("look%s", describe(want))
	w.forgive(want, all)
	got := all[0]
	if s := checkDiffers(w.o, &want[0], &got); s != "" {
		w.t.Errorf("look: %s\ngot%s", s, describe(all))
	}
	exact := w.still && !w.afresh[identity{c.Key, c.Rule.ID()}]
	if got.Reserved < 0 || got.Reserved > got.Used || exact && got.Reserved != want[0].Reserved {
		w.t.Errorf("look: %d of %d reserved, want %d", got.Reserved, got.Used, want[0].Reserved)
	}
}

// reset resets a counter. What is open then is left to the store.
func (w *walk) reset(c limits.Check) {
	w.open = slices.DeleteFunc(w.open, func(d pair) bool {
		return slices.ContainsFunc(d.want.Checks, func(o limits.Check) bool { return o.Key == c.Key && o.Rule.ID() == c.Rule.ID() })
	})
	_ = w.model.Reset(w.t.Context(), []limits.Check{c}) // as in decide
	w.resets(c)
	w.afresh[identity{c.Key, c.Rule.ID()}] = true
	w.note("reset %s of %v", c.Rule.ID(), c.Key)
	w.look(c)
}
