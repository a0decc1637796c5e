// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitstest

import (
	"cmp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// testRealTime uses windows of a second, for stores whose clock cannot be set. The
// time of each call is only known to lie between its beginning and its end, and
// only what is wrong whenever it was is reported.
func testRealTime(t *testing.T, o Opener) {
	for _, r := range []*limits.Rule{
		sliding(limits.Requests, 40, time.Second),
		fixed(limits.Requests, 40, time.Second),
		bucket(limits.Requests, 40, 0, time.Second),
	} {
		t.Run(r.ID(), func(t *testing.T) {
			t.Parallel()
			p := open(t, o)
			calls := pester(p, r, 2*time.Second)
			checkSpans(t, r, calls)
			if n := len(calls); n < 60 {
				t.Errorf("%d admitted in two seconds at 40 a second", n)
			}
			// Who waits as told passes.
			d := p.decide(on(r, "b", 40))
			for !d.Denied { // the second may just have passed
				d = p.decide(on(r, "b", 40))
			}
			wait := d.Checks[0].Frees
			if wait <= 0 || wait > 1100*time.Millisecond {
				t.Fatalf("want it denied for a second: %s", describe(d.Checks))
			}
			<-time.After(wait + time.Millisecond)
			p.admit(on(r, "b", 40))
		})
	}
}

// call is when an admission began and when it had ended.
type call struct{ start, end time.Time }

// pester asks from several goroutines for a while, and returns what was admitted,
// in order of its beginning.
func pester(p *probe, r *limits.Rule, d time.Duration) (admitted []call) {
	var (
		wg sync.WaitGroup
		mu sync.Mutex
	)
	until := time.Now().Add(d)
	for range 4 {
		wg.Go(func() {
			for time.Now().Before(until) {
				c := call{start: time.Now()}
				denied := p.ask(on(r, "a", 1)).Denied
				c.end = time.Now()
				if !denied {
					mu.Lock()
					admitted = append(admitted, c)
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	slices.SortFunc(admitted, func(a, b call) int { return cmp.Compare(a.start.UnixNano(), b.start.UnixNano()) })
	return admitted
}

// checkSpans checks what a rule promises of spans of its length.
func checkSpans(t *testing.T, r *limits.Rule, calls []call) {
	t.Helper()
	limit := r.Limit
	if r.Window.Kind != limits.Sliding {
		limit = 2 * r.Limit
	}
	for i := range calls {
		inside := int64(0)
		for _, c := range calls[i:] {
			if c.end.Sub(calls[i].start) < r.Window.Length {
				inside++
			}
		}
		if inside > limit {
			t.Fatalf("%d admitted in a second, of %d", inside, limit)
		}
	}
}
