// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package budgets

import (
	"context"
	"sync"
	"testing"
	"time"
)

// held makes calls that the upstream never answers, and waits until all of them have
// reserved. It returns what each of them has.
func held(t *testing.T, g *gateway, consumer string, n int) (bound int64, wait func()) {
	t.Helper()
	var calls sync.WaitGroup
	ctx, leave := context.WithCancel(t.Context())
	t.Cleanup(leave)
	client := newClient(t)
	for range n {
		calls.Go(func() {
			c := call{plan: plan{Ending: silent, Model: "mixed"}, consumer: consumer, most: most}
			c.send(ctx, client, g)
		})
	}
	var now map[string]level
	eventually(t, "all calls have reserved", func() bool {
		now = g.budget(t, consumer)
		return now["concurrent"].used == int64(n)
	})
	cost := now["cost"]
	if cost.reserved == 0 || cost.reserved%int64(n) != 0 || cost.reserved != cost.used {
		t.Errorf("%d calls of the same kind have reserved %+v", n, now)
	}
	return cost.reserved / int64(n), calls.Wait
}

// leaseEnds is the most that a test waits for the lease of a gateway that is dead: it
// ends 30 seconds after it was renewed last.
const leaseEnds = 32 * time.Second

// TestKilledOnRedis kills a gateway with calls in flight. What they have reserved stays
// reserved until the lease ends, then it is charged.
func TestKilledOnRedis(t *testing.T) {
	t.Parallel()
	const inFlight = 7
	s := newSite(t, newUpstream(t))
	s.models = reserving
	s.onRedis(newRedis(t).addr, "5s")
	gateways := s.fleet(t, 2)
	denyWithin(t, gateways[0])
	consumer := consumerName(1)
	bound, wait := held(t, gateways[0], consumer, inFlight)
	gateways[0].kill()
	killed := time.Now()
	wait()
	look := func() map[string]level { return gateways[1].budget(t, consumer) }
	want := level{used: inFlight * bound, reserved: inFlight * bound}
	if got := look(); got["cost"] != want || got["concurrent"].used != inFlight {
		t.Errorf("after the kill of their gateway, %d calls have %+v, want %+v", inFlight, got, want)
	}
	gateways[0].launch(t)
	gateways[0].serves(t)
	if got := look(); got["cost"] != want {
		t.Errorf("after the start of another gateway with that directory, %d calls have %+v, want %+v", inFlight, got, want)
	}
	mixed := &outcomes{gateways: gateways, consumer: consumerName(0)}
	mixed.killing(t, scaled(2000, 400), bound)
	if testing.Short() {
		return
	}
	eventuallyBy(t, "the lease ends", killed.Add(leaseEnds), func() bool { return look()["concurrent"].used == 0 })
	took := time.Since(killed)
	if got := look(); got["cost"] != (level{used: inFlight * bound}) || got["tokens"].reserved != 0 {
		t.Errorf("when the lease has ended, %d calls have %+v, want %d used", inFlight, got, inFlight*bound)
	}
	if took < 15*time.Second {
		t.Errorf("the lease ended %v after its owner, which it may outlive by 20 to 30 seconds", took)
	}
	t.Logf("what a killed gateway had reserved was charged after %v", took.Round(100*time.Millisecond))
	eventuallyBy(t, "the lease of those in the middle of others ends", time.Now().Add(leaseEnds), func() bool {
		l := gateways[1].budget(t, mixed.consumer)
		return l["cost"].reserved == 0 && l["concurrent"].used == 0
	})
	mixed.between(t, bound)
}

// TestKilledWithEmbedded kills a gateway again and again in the middle of calls. What
// was in flight is charged as it was reserved.
func TestKilledWithEmbedded(t *testing.T) {
	t.Parallel()
	s := newSite(t, newUpstream(t))
	s.models = reserving
	gateways := s.fleet(t, 1)
	denyWithin(t, gateways[0])
	bound, wait := held(t, gateways[0], consumerName(1), 1)
	wait()
	mixed := &outcomes{gateways: gateways, consumer: consumerName(0)}
	for range scaled(3, 1) {
		mixed.killing(t, scaled(1000, 400), bound)
		mixed.quiet(t)
		mixed.between(t, bound)
		if t.Failed() {
			return
		}
	}
}

// killing makes calls and kills the first gateway in the middle of them.
func (o *outcomes) killing(t *testing.T, calls int, bound int64) {
	t.Helper()
	o.begun.Store(0)
	o.wrong = nil
	var load sync.WaitGroup
	load.Go(func() { o.run(t, calls) })
	eventually(t, "half of the calls are made", func() bool { return o.begun.Load() > int64(calls/2) })
	o.gateways[0].restart(t)
	o.kills++
	load.Wait()
	o.asPlanned(t, o.perKill())
	t.Logf("%+v when all calls have ended", o.gateways[len(o.gateways)-1].budget(t, o.consumer))
	if l := o.gateways[0].budget(t, o.consumer)["cost"]; l.reserved > int64(o.perKill())*bound {
		t.Errorf("%d is reserved, and %d calls can have been in flight, which reserve %d", l.reserved, o.perKill(), bound)
	}
}

// perKill is how many calls can have been in flight when a gateway died: one of each
// side of it, and those that clients have left a moment ago.
func (o *outcomes) perKill() int { return sides/len(o.gateways) + 8 }

// between checks that what is used of the budget is what calls have cost, and no more
// than what calls in flight had reserved when their gateway was killed besides.
func (o *outcomes) between(t *testing.T, bound int64) {
	t.Helper()
	const calls = 1e6 // at most; of each the cost is rounded up to a billionth of a dollar
	used := o.gateways[0].budget(t, o.consumer)["cost"].used
	cost := charged(t, o.gateways, o.consumer) / 1000
	if extra := used - cost; extra < 0 || extra > int64(o.kills*o.perKill())*bound+calls {
		t.Errorf("%d is used, calls have cost %d, and what was in flight at %d kills had reserved %d each", used, cost, o.kills, bound)
	}
	t.Logf("%d kills: %d billionths of a dollar are used, %d of them by what the ledgers do not have", o.kills, used, used-cost)
}

// eventuallyBy is eventually with a time.
func eventuallyBy(t *testing.T, what string, deadline time.Time, ok func() bool) {
	t.Helper()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
