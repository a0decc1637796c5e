// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package budgets

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// outcomes is a number of calls with any ending, made from many sides at once.
type outcomes struct {
	gateways []*gateway
	consumer string

	begun atomic.Int64 // calls
	kills int          // of gateways meanwhile

	mu      sync.Mutex
	endings [numEndings]int
	wrong   []string // calls that ended otherwise than planned
}

// anyCall is a call with any ending, always the same for one number.
func anyCall(consumer string, n int) *call {
	r := rand.New(rand.NewPCG(uint64(n), 2)) //nolint:gosec // The same call again.
	c := &call{consumer: consumer, most: most, plan: plan{
		Stream: r.IntN(2) == 0, Model: "mixed", Input: r.Int64N(1000), Output: r.Int64N(most + 1), Pause: 1 + r.IntN(8),
	}}
	switch n := r.IntN(100); {
	case n < 40:
		c.Ending = completes
	case n == 99:
		c.Ending = silent // the gateway has to wait for it
	default:
		c.Ending = [...]ending{refused, fails, hangsUp, cut, impatient, leaves, unpriced, unreadable, inner}[n%9]
	}
	c.Stream = c.Stream || c.Ending == leaves
	return c
}

// expected says whether an outcome is what the plan says.
func (c *call) expected(got outcome) bool {
	switch c.Ending {
	case completes:
		return got.status == http.StatusOK && got.complete
	case refused:
		return got.status == http.StatusBadRequest
	case fails:
		return got.status == http.StatusInternalServerError
	case hangsUp:
		return got.status == http.StatusBadGateway
	case cut:
		// A document of which a part was to come may not have begun at its client.
		return !got.complete && got.err != nil
	case silent:
		return got.status == http.StatusGatewayTimeout
	case impatient:
		return got.status == 0 && got.err != nil
	case leaves:
		return got.status == http.StatusOK && got.err == nil
	case unpriced:
		return got.status == http.StatusForbidden && got.code == "cost_not_bounded"
	case unreadable:
		return got.status == http.StatusBadRequest
	default:
		return got.status == http.StatusTooManyRequests && got.code == "rate_limit_exceeded"
	}
}

// sides is how many calls are made at once.
const sides = 64

// run makes calls, each until a gateway has taken it: a listener that a reload closes
// resets connections that it has not accepted, and a gateway that was killed refuses
// them.
func (o *outcomes) run(t *testing.T, calls int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(4*soak())*patience)
	defer cancel()
	var clients sync.WaitGroup
	for side := range sides {
		g := o.gateways[side%len(o.gateways)]
		client := newClient(t)
		clients.Go(func() {
			for n := int(o.begun.Add(1)); n <= calls && ctx.Err() == nil; n = int(o.begun.Add(1)) {
				c := anyCall(o.consumer, n)
				got := c.send(ctx, client, g)
				for got.status == 0 && !c.expected(got) && ctx.Err() == nil {
					if errors.Is(got.err, syscall.ECONNREFUSED) {
						time.Sleep(10 * time.Millisecond)
					}
					got = c.send(ctx, client, g)
				}
				o.note(c, got)
			}
		})
	}
	clients.Wait()
	if ctx.Err() != nil {
		t.Fatalf("only %d of %d calls have ended", o.begun.Load()-sides, calls)
	}
}

func (o *outcomes) note(c *call, got outcome) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.endings[c.Ending]++
	if !c.expected(got) {
		o.wrong = append(o.wrong, fmt.Sprintf("%s, stream %t: %+v", endingNames[c.Ending], c.Stream, got))
	}
}

// asPlanned fails the test if more calls than so many ended otherwise than planned.
func (o *outcomes) asPlanned(t *testing.T, exceptions int) {
	t.Helper()
	var text []string
	for e, n := range o.endings {
		text = append(text, fmt.Sprint(endingNames[e], " ", n))
	}
	t.Logf("calls: %s; %d otherwise than planned", strings.Join(text, ", "), len(o.wrong))
	if len(o.wrong) > exceptions {
		t.Errorf("%d calls ended otherwise than planned, among them:\n%s", len(o.wrong), strings.Join(o.wrong[:min(8, len(o.wrong))], "\n"))
	}
}

// quiet waits until nothing is reserved for the consumer and nothing in flight.
func (o *outcomes) quiet(t *testing.T) {
	t.Helper()
	var left map[string]level
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		left = o.gateways[0].budget(t, o.consumer)
		if left["cost"].reserved == 0 && left["tokens"].reserved == 0 && left["concurrent"] == (level{}) {
			break
		}
		if time.Since(began) > patience {
			t.Fatalf("there is still something reserved or in flight: %+v", left)
		}
	}
	if within := o.gateways[0].levels(t, "within", "subject="+withinHeader); within["requests"].used > 1 {
		t.Errorf("the quota within has counted calls that it has denied: %+v", within)
	}
}

// exact checks that what is used of the budget is what the calls have cost, each
// rounded up, and that this is what the ledgers have.
func (o *outcomes) exact(t *testing.T) {
	t.Helper()
	var used int64
	var entries logged
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		used, entries = o.gateways[0].budget(t, o.consumer)["cost"].used, accessOf(t, o.gateways, o.consumer)
		if used == entries.nano {
			break
		}
		if time.Since(began) > patience {
			t.Fatalf("%d billionths of a dollar are used, and by the access logs calls have cost %d", used, entries.nano)
		}
	}
	ledger := charged(t, o.gateways, o.consumer)
	if ledger != entries.pico || ledger == 0 {
		t.Errorf("the ledgers have %s USD, and the access logs %s", usd(ledger), usd(entries.pico))
	}
	t.Logf("%d calls in the access logs cost %s USD; used of the budget: %s", entries.lines, usd(ledger), usd(used*1000))
}

// reserving are limits that reserve, and that no test of theirs reaches.
const reserving = "cost 100000usd/month\n\t\t\ttokens 1000M/day\n\t\t\tconcurrent 100000"

// denyWithin has the quota within deny from now on.
func denyWithin(t *testing.T, g *gateway) {
	t.Helper()
	c := call{plan: plan{Ending: inner, Model: "mixed", Output: 1}, consumer: consumerName(consumers - 1), most: most}
	eventually(t, "the quota within denies", func() bool { return c.expected(c.send(t.Context(), newClient(t), g)) })
}

// TestReservationsEnd makes calls with all kinds of endings, and looks what is left of
// their reservations: nothing, but what they have cost.
func TestReservationsEnd(t *testing.T) {
	calls := scaled(10_000, 1000)
	shared := newSite(t, newUpstream(t))
	shared.models = reserving
	alone := *shared
	shared.onRedis(newRedis(t).addr, "5s")
	for _, store := range []struct {
		name     string
		gateways []*gateway
	}{{"redis", shared.fleet(t, 2)}, {"embedded", alone.fleet(t, 1)}} {
		t.Run(store.name, func(t *testing.T) {
			denyWithin(t, store.gateways[0])
			o := &outcomes{gateways: store.gateways, consumer: consumerName(0)}
			began, stop := time.Now(), reloading(t, 200*time.Millisecond, store.gateways...)
			o.run(t, calls/2)
			t.Logf("%d calls and %d reloads in %v", calls/2, stop(), time.Since(began).Round(time.Millisecond))
			o.asPlanned(t, 0)
			o.quiet(t)
			o.exact(t)
		})
	}
}
