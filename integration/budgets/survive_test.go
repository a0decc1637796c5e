// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package budgets

import (
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// request asks for something that is limited by requests alone.
func (g *gateway) request(ctx context.Context, client *http.Client) (status int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+g.addr+"/api/", nil)
	if err != nil {
		return 0, err
	}
	res, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close() //nolint:errcheck // It is read.
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, err
}

// counted is what is used of the limit of a day and of the budget of a month.
type counted struct{ requests, nano int64 }

func (g *gateway) counted(t *testing.T, consumer string) counted {
	t.Helper()
	return counted{g.levels(t, "api", "")["requests"].used, settled(t, g, consumer, 0)}
}

// TestCountsSurvive ends the gateway again and again, without a warning and with one. The
// count of a day and the budget of a month go on where they were.
func TestCountsSurvive(t *testing.T) {
	const limit, each = 1000, 60
	s := newSite(t, newUpstream(t))
	s.requests = "requests 1000/day"
	g := s.fleet(t, 1)[0]
	consumer, client := consumerName(0), newClient(t)
	var want counted
	for cycle := range scaled(4, 2) {
		want.requests = min(limit, want.requests+each)
		for range each {
			if status, err := g.request(t.Context(), client); status != http.StatusOK && want.requests < limit {
				t.Fatalf("request: %d, %v", status, err)
			}
		}
		c := bounded(consumer, cycle%2 == 0)
		c.Pause = 0
		for range 5 {
			if got, _ := c.definite(t, client, g); got.status == http.StatusOK {
				want.nano += bound / 1000
			} else if want.nano*1000+bound <= budget {
				t.Fatalf("call: %+v", got)
			}
		}
		if got := g.counted(t, consumer); got != want {
			t.Fatalf("before the end, %+v is used, want %+v", got, want)
		}
		if cycle%3 == 2 {
			if err := g.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatalf("end the gateway: %v", err)
			}
			<-g.exited
		}
		g.restart(t)
		if got := g.counted(t, consumer); got != want {
			t.Fatalf("after restart %d, %+v is used, want %+v", cycle+1, got, want)
		}
	}

	// Killed in the middle of requests, it has at least those that were answered.
	var answered, begun atomic.Int64
	var load sync.WaitGroup
	for range 8 {
		load.Go(func() {
			for begun.Add(1) < limit {
				status, err := g.request(t.Context(), client)
				if err != nil {
					return
				}
				if status == http.StatusOK {
					answered.Add(1)
				}
			}
		})
	}
	eventually(t, "requests are being answered", func() bool { return answered.Load() > 100 })
	g.restart(t)
	load.Wait()
	got := g.counted(t, consumer)
	if low, high := want.requests+answered.Load(), want.requests+begun.Load(); got.requests < low || got.requests > high || got.nano != want.nano {
		t.Errorf("after a kill under load, %+v is used, want %d to %d requests and %d", got, low, high, want.nano)
	}
	t.Logf("%d requests were answered when the gateway was killed, %d are counted", want.requests+answered.Load(), got.requests)

	// All that is left is admitted, and no more.
	for left := limit - got.requests; left > 0; left-- {
		if status, err := g.request(t.Context(), client); status != http.StatusOK {
			t.Fatalf("with %d left: %d, %v", left, status, err)
		}
	}
	if status, err := g.request(t.Context(), client); status != http.StatusTooManyRequests {
		t.Errorf("with nothing left: %d, %v", status, err)
	}
}
