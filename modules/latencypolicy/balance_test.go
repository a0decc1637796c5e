// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package latencypolicy

import (
	"net/http"
	"testing"
	"time"
)

// inFlight is how many requests the tests of balance keep in flight.
const inFlight = 16

// fewest is what 16 requests in flight at 10 ms should exceed in a second by far. If
// they do not, waiting for a processor takes longer than the upstreams do, and what
// differs by 30 ms on paper is nearly the same.
const fewest = 1000

func wantShare(t *testing.T, when string, counts map[string]int, u *upstream, lowest, highest float64) {
	t.Helper()
	total := 0
	for _, n := range counts {
		total += n
	}
	share := float64(counts[u.address()]) / float64(total)
	t.Logf("%s: %.1f %% of %d requests", when, 100*share, total)
	if total < fewest && lowest > 0 {
		t.Logf("%s: the machine is too busy for times as short as these to differ much", when)
		lowest = 0.5
	}
	if share < lowest || share > highest {
		t.Errorf("%s: %.1f %% of the requests, want %.0f to %.0f: %v", when, 100*share, 100*lowest, 100*highest, counts)
	}
}

// TestFasterUpstreamIsPreferred goes through the life of two upstreams: one is faster,
// is slowed down, and recovers.
func TestFasterUpstreamIsPreferred(t *testing.T) {
	fast, slow := newUpstream(t, 10*time.Millisecond), newUpstream(t, 40*time.Millisecond)
	p := newProxy(t, "", fast, slow)
	wantShare(t, "10 ms against 40 ms", p.during(t, inFlight, 2*time.Second), fast, 0.9, 1)

	fast.takes.Store(int64(time.Second))
	p.during(t, inFlight, 500*time.Millisecond) // and until the last of these are answered
	wantShare(t, "within the second after being slowed to 1 s", p.during(t, inFlight, time.Second), fast, 0, 0.05)

	fast.takes.Store(int64(10 * time.Millisecond))
	eventually(t, "the recovered upstream is preferred again", func() bool {
		counts := p.during(t, inFlight, 200*time.Millisecond)
		return counts[fast.address()] > 2*counts[slow.address()]
	})
	wantShare(t, "recovered", p.during(t, inFlight, time.Second), fast, 0.9, 1)
	wantNothingWaiting(t)
}

// TestHangingUpstreamIsLeftBeforeItAnswers checks that the requests in flight count.
func TestHangingUpstreamIsLeftBeforeItAnswers(t *testing.T) {
	fast, slow := newUpstream(t, 5*time.Millisecond), newUpstream(t, 40*time.Millisecond)
	p := newProxy(t, "lb_retries 1\ntransport http {\nresponse_header_timeout 2s\n}", fast, slow)
	wantShare(t, "5 ms against 40 ms", p.during(t, inFlight, time.Second), fast, 0.9, 1)
	release := make(chan struct{})
	fast.handle(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	got := fast.got.Load()
	counts := p.during(t, inFlight, 1500*time.Millisecond)
	if n := fast.got.Load() - got; n > 2*inFlight {
		t.Errorf("a hanging upstream got %d requests", n)
	}
	if counts[slow.address()] == 0 || counts[""] > 0 {
		t.Errorf("answers by upstream: %v", counts)
	}
	close(release)
	wantNothingWaiting(t)
}

// TestKilledUpstreamIsLeftAndUsedAgain has no health checks and no retries: what fails
// is what the policy sends there.
func TestKilledUpstreamIsLeftAndUsedAgain(t *testing.T) {
	fast, slow := newUpstream(t, 5*time.Millisecond), newUpstream(t, 40*time.Millisecond)
	p := newProxy(t, "", fast, slow)
	wantShare(t, "before", p.during(t, inFlight, time.Second), fast, 0.9, 1)
	fast.stop()
	counts := p.during(t, inFlight, time.Second)
	if n := counts[""]; n > 3*inFlight || n == 0 {
		t.Errorf("%d requests failed, want at least one and few more than were in flight: %v", n, counts)
	}
	again := upstreamAt(t, fast.address(), 5*time.Millisecond)
	eventually(t, "the restarted upstream is preferred", func() bool {
		counts := p.during(t, inFlight, 200*time.Millisecond)
		return counts[again.address()] > 2*counts[slow.address()]
	})
	wantNothingWaiting(t)
}

// TestRefusingUpstreamIsLeft has an upstream that answers errors faster than the other
// answers at all.
func TestRefusingUpstreamIsLeft(t *testing.T) {
	for _, status := range []int{http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			broken, sound := newUpstream(t, 0), newUpstream(t, 20*time.Millisecond)
			broken.status.Store(int64(status))
			p := newProxy(t, "", broken, sound)
			counts := p.during(t, inFlight, time.Second)
			if n := counts[""]; n == 0 || n > counts[sound.address()]/4 {
				t.Errorf("%d requests got the error, %d were served", n, counts[sound.address()])
			}
			wantNothingWaiting(t)
		})
	}
}

// TestAnswersOfClientsFaultAreGood checks that 404 is no failure.
func TestAnswersOfClientsFaultAreGood(t *testing.T) {
	u := newUpstream(t, 0)
	u.status.Store(http.StatusNotFound)
	p := newProxy(t, "", u)
	for range 5 {
		p.wantStatus(t, http.StatusNotFound)
	}
	if e := estimate(t, u); e == 0 || e > 500*time.Millisecond {
		t.Errorf("estimate %s", e)
	}
}
