// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package budgets

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// asked is a request of the load, limited by requests alone or by a budget.
type asked struct {
	gateway int
	began   time.Time
	took    time.Duration
	outcome
}

// load is a steady demand on all gateways: of many more requests than the limit admits,
// and calls of models.
type load struct {
	consumer string
	away     int // how often Redis was
	stop     context.CancelFunc
	sides    sync.WaitGroup

	mu       sync.Mutex
	requests []asked
	calls    []asked
}

// demand begins a load. Each gateway is asked for something at the one interval, and
// for model calls at the other.
func demand(t *testing.T, gateways []*gateway, consumer string, every, callEvery time.Duration) *load {
	t.Helper()
	const sides = 2
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	l := &load{consumer: consumer, stop: stop}
	t.Cleanup(func() { l.end() })
	client := newClient(t)
	for i, g := range gateways {
		for range sides {
			l.repeat(ctx, i, sides*every, &l.requests, func() (got outcome) {
				got.status, got.err = g.request(context.WithoutCancel(ctx), client)
				return got
			})
		}
		l.repeat(ctx, i, callEvery, &l.calls, func() outcome {
			return small(consumer).send(context.WithoutCancel(ctx), client, g)
		})
	}
	return l
}

// small is a call that costs an eighth of others.
func small(consumer string) *call {
	c := bounded(consumer, false)
	c.most, c.Output, c.Pause = c.most/8, c.Output/8, 0
	return c
}

// repeat asks at an interval, or whenever there is an answer if that takes longer.
func (l *load) repeat(ctx context.Context, gateway int, every time.Duration, list *[]asked, ask func() outcome) {
	l.sides.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			a := asked{gateway: gateway, began: time.Now()}
			a.outcome = ask()
			a.took = time.Since(a.began)
			l.mu.Lock()
			*list = append(*list, a)
			l.mu.Unlock()
		}
	})
}

// end ends the load.
func (l *load) end() {
	l.stop()
	l.sides.Wait()
}

// between returns what began between two times.
func (l *load) between(from, until time.Time) (requests, calls []asked) {
	l.mu.Lock()
	defer l.mu.Unlock()
	within := func(list []asked) (found []asked) {
		for _, a := range list {
			if a.began.After(from) && a.began.Before(until) {
				found = append(found, a)
			}
		}
		return found
	}
	return within(l.requests), within(l.calls)
}

// decides returns which gateways have decided about a model call that began after a time.
func (l *load) decides(since time.Time) (gateways map[int]bool) {
	_, calls := l.between(since, time.Now())
	gateways = make(map[int]bool)
	for _, c := range calls {
		if c.status == http.StatusOK || c.code == codeBudget {
			gateways[c.gateway] = true
		}
	}
	return gateways
}

// latency is how long requests took.
type latency struct{ median, worst time.Duration }

func latencyOf(list []asked) (l latency) {
	var all []time.Duration
	for _, a := range list {
		all = append(all, a.took)
	}
	if slices.Sort(all); len(all) > 0 {
		l = latency{all[len(all)/2], all[len(all)-1]}
	}
	return l
}

// mostIn returns how many requests at most were admitted in any window of a length.
func mostIn(window time.Duration, list []asked) (most int) {
	var at []time.Time
	for _, a := range list {
		if a.status == http.StatusOK {
			// It was decided before the answer came. What takes long is the wait for Redis
			// before a decision without it.
			at = append(at, a.began.Add(a.took))
		}
	}
	slices.SortFunc(at, time.Time.Compare)
	from := 0
	for i := range at {
		for at[i].Sub(at[from]) >= window {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}
