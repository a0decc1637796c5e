// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitstest

import (
	"slices"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// move moves the clock forward: a little, to the border of a window, or far.
func (w *walk) move() {
	now := w.clock.Now()
	r := w.rules[w.rand.IntN(len(w.rules))]
	to := now.Add(time.Duration(w.rand.Int64N(int64(20 * time.Millisecond))))
	switch w.rand.IntN(4) {
	case 0:
		if r.Window.Kind == limits.Bucket {
			to = now.Add(time.Duration(w.rand.Int64N(int64(r.Window.Length))))
			break
		}
		if r.Window.Kind == limits.Sliding {
			part := r.Window.Part().Microseconds()
			to = time.UnixMicro((now.UnixMicro()/part + 1 + w.rand.Int64N(2)*w.rand.Int64N(limits.Parts+2)) * part)
		} else {
			_, to = r.Window.Span(now)
		}
		to = to.Add(time.Duration(w.rand.IntN(3)-1) * time.Microsecond)
	case 1:
		length := time.Duration(r.Window.Seconds()) * time.Second
		to = now.Add(time.Duration(w.rand.Int64N(int64(length + length/8))))
	}
	if to.After(now) {
		w.clock.Set(to.Truncate(time.Microsecond))
		w.note("now %s", w.clock.Now().UTC().Format(time.RFC3339Nano))
	}
}

// setBack sets the clock back, by less than the length of all windows, so that
// counters stay as they were, or by much more, so that they start afresh.
func (w *walk) setBack() {
	if w.clock.Now().Before(w.ahead) {
		w.clock.Set(w.ahead)
	}
	w.touch()
	before := w.clock.Now()
	length := time.Duration(w.rules[0].Window.Seconds()) * time.Second
	if w.rand.IntN(3) > 0 {
		w.clock.Advance(-time.Duration(w.rand.Int64N(int64(length * 8 / 10))).Truncate(time.Microsecond))
		w.ahead = before
	} else {
		w.clock.Advance(-3*length - time.Duration(w.rand.Int64N(int64(length))).Truncate(time.Microsecond))
		w.ahead = time.Time{}
		w.open = nil
		w.touch()
	}
	w.note("set back by %s", before.Sub(w.clock.Now()))
}

// touch counts something in every counter, so that each has seen what time it is.
func (w *walk) touch() {
	checks := make([]limits.Check, 0, 6*len(w.rules))
	for _, r := range w.rules {
		for _, subject := range []string{"a", "b", "c"} {
			c := on(soft(r), subject, 1)
			checks = append(checks, c)
			c.Key.Level = otherLevel
			checks = append(checks, c)
		}
	}
	_ = w.model.Decide(w.t.Context(), &limits.Decision{Checks: slices.Clone(checks)}) // as in decide
	w.decideAs(&limits.Decision{ID: limits.NewID(), Checks: checks})
}

// forgive leaves out when something frees while the clock shows what it has shown
// before: nobody can say how long a clock will take that is set as one likes.
func (w *walk) forgive(want, got []limits.Check) {
	if w.clock == nil || !w.clock.Now().Before(w.ahead) {
		return
	}
	for i := range want {
		if want[i].Frees != limits.Never {
			want[i].Frees, got[i].Frees = 0, 0
		}
	}
}
