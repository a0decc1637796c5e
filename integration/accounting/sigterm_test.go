// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package accounting

import (
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestSIGTERM ends the gateway in an orderly way while streams are open: those that end
// within the grace period are charged what the provider says, the others what has been
// delivered of them.
func TestSIGTERM(t *testing.T) {
	const streams = 60
	u := newUpstream(t)
	s := newSite(t, u)
	s.ledger = t.TempDir()
	s.globals = "grace_period 1s"
	gateway := s.start(t)

	outcomes := make([]outcome, streams)
	var open sync.WaitGroup
	for i := range streams {
		p := planned("held", i)
		known := u.call(p)
		for range delivered(i) {
			known.permits <- struct{}{}
		}
		c := newClient(t, s.addr, i%3 == 0)
		open.Go(func() { outcomes[i] = c.do(t.Context(), u, p) })
	}
	for i := range streams {
		u.await(t, planned("held", i), delivered(i))
	}
	signalled := time.Now()
	if err := gateway.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("send SIGTERM: %v", err)
	}
	if gateway.wait(t, "shutting down") == "" {
		t.Fatalf("caddy has ended at once:\n%s", gateway)
	}
	for i := range streams / 2 {
		close(u.call(planned("held", i)).permits)
	}
	if code := gateway.code(t); code != 0 {
		t.Errorf("exit code %d, want 0:\n%s", code, gateway)
	}
	t.Logf("the process ended after %v", time.Since(signalled).Round(time.Millisecond))
	open.Wait()

	want := make(account)
	for i, got := range outcomes {
		p := planned("held", i)
		switch {
		case i < streams/2:
			if !got.complete {
				t.Errorf("stream %q of %s, which ended in time, was cut: %+v", p.name, p.wire.name, got)
			}
			want.add(p.caller(), sums{requests: 1, exact: 1, counts: p.usage, cost: p.usage.cost(p.model)})
		default:
			if got.complete || got.err == nil || got.wrong != "" || got.received != delivered(i) {
				t.Errorf("stream %q of %s, which did not end in time: %+v, want it broken after %d events", p.name, p.wire.name, got, delivered(i))
			}
			c := p.partial(delivered(i))
			want.add(p.caller(), sums{requests: 1, failed: 1, estimated: 1, counts: c, cost: c.cost(p.model)})
		}
	}
	s.start(t)
	same(t, "the ledger after a restart", usage(t, s.admin), want)
}

// delivered is how many events of a stream have left when the signal comes.
func delivered(stream int) int { return 1 + stream%8 }
