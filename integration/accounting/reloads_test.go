// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package accounting

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// loadNumber begins the numbers of requests that are only load.
const loadNumber = 100_000

// TestReloads replaces the configuration again and again while streams are open.
func TestReloads(t *testing.T) {
	streams, reloads := 1000, 100*soak()
	if testing.Short() {
		streams, reloads = 200, 40
	}
	u := newUpstream(t)
	s := newSite(t, u)
	s.ledger = t.TempDir()
	gateway := s.start(t)
	clients := make([]*client, 16)
	for i := range clients {
		clients[i] = newClient(t, s.addr, i%2 == 1)
	}

	// What a first request of each kind sets up is not of interest.
	for i := range 100 {
		if got := clients[i%2].do(t.Context(), u, planned("row", 2*loadNumber+i)); !got.complete {
			t.Fatalf("first requests: %+v", got)
		}
	}
	u.dropIdle(clients)
	files, goroutines, memory := gateway.files(t), gateway.goroutines(t, s), gateway.memory(t)

	outcomes := make([]outcome, streams)
	var open sync.WaitGroup
	for i := range streams {
		c, p := clients[i%len(clients)], planned("held", i)
		known := u.call(p)
		for range 8 {
			known.permits <- struct{}{}
		}
		open.Go(func() { outcomes[i] = c.do(t.Context(), u, p) })
	}
	for i := range streams {
		u.await(t, planned("held", i), 8)
	}
	gateway.light(t, s, streams, memory)

	stop := make(chan struct{})
	charged := make([]account, 4)
	var load sync.WaitGroup
	for i := range charged {
		load.Go(func() { charged[i] = s.busy(t, u, i, stop) })
	}
	began := time.Now()
	for i := range reloads {
		s.reload(t, i+1)
		for j := i % 10; j < streams && i < 20; j += 10 {
			u.call(planned("held", j)).permits <- struct{}{}
		}
	}
	t.Logf("%d reloads in %v", reloads, time.Since(began).Round(time.Millisecond))
	for i := range streams {
		close(u.call(planned("held", i)).permits)
	}
	open.Wait()
	close(stop)
	load.Wait()

	want := make(account)
	for _, a := range charged {
		for c, s := range a {
			want.add(c, s)
		}
	}
	requests := len(want)
	for i, got := range outcomes {
		p := planned("held", i)
		if !got.complete {
			t.Errorf("stream %q of %s was cut: %+v", p.name, p.wire.name, got)
		}
		want.add(p.caller(), sums{requests: 1, exact: 1, counts: p.usage, cost: p.usage.cost(p.model)})
	}
	for i := range 100 {
		p := planned("row", 2*loadNumber+i)
		want.add(p.caller(), sums{requests: 1, exact: 1, counts: p.usage, cost: p.usage.cost(p.model)})
	}
	same(t, fmt.Sprintf("%d streams and %d other requests", streams, requests), usage(t, s.admin), want)

	u.dropIdle(clients)
	gateway.settle(t, s, files, goroutines)
}

// light checks that open streams take no more than 100 MiB of resident memory, of which
// Caddy's own buffers are four fifths. What opening them has left behind, and the
// process will give back, is not theirs.
func (p *process) light(t *testing.T, s *site, streams int, before int64) {
	t.Helper()
	const limit = 100 << 20
	first := p.memory(t) - before
	grown := first
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		_ = admin(t, http.MethodGet, s.admin, "/debug/pprof/heap?debug=1&gc=1", "").Body.Close()
		if grown = min(grown, p.memory(t)-before); grown <= limit || time.Now().After(deadline) {
			break
		}
	}
	t.Logf("%d open streams take %d KiB of resident memory, after a garbage collection %d KiB", streams, first>>10, grown>>10)
	if grown > limit {
		t.Errorf("%d open streams take %d MiB of resident memory, want at most %d", streams, grown>>20, limit>>20)
	}
}

// busy sends requests one after another, and returns what they have used.
func (s *site) busy(t *testing.T, u *upstream, worker int, stop chan struct{}) account {
	used := make(account)
	c := newClient(t, s.addr, worker%2 == 1)
	defer c.http.CloseIdleConnections()
	for i := range 500 {
		select {
		case <-stop:
			return used
		default:
		}
		p := planned("row", loadNumber*(1+worker)/10+i)
		if got := c.do(t.Context(), u, p); !got.complete {
			t.Errorf("request %q of %s was cut: %+v", p.name, p.wire.name, got)
		}
		used.add(p.caller(), sums{requests: 1, exact: 1, counts: p.usage, cost: p.usage.cost(p.model)})
	}
	return used
}

// reload gives the program another configuration.
func (s *site) reload(t *testing.T, number int) {
	t.Helper()
	res := admin(t, http.MethodPost, s.admin, "/load", s.caddyfile(number))
	defer res.Body.Close()
	if answer, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusOK {
		t.Errorf("reload %d: status %d: %s", number, res.StatusCode, answer)
	}
}

// await returns when so many events of a plan have left.
func (u *upstream) await(t *testing.T, p *plan, events int) {
	t.Helper()
	for deadline := time.Now().Add(patience); u.call(p).seen().left < events; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("of %q, %+v has left, want %d events", p.name, u.call(p).seen(), events)
		}
	}
}

// dropIdle ends connections that serve nobody, on both sides of the gateway.
func (u *upstream) dropIdle(clients []*client) {
	for _, c := range clients {
		c.http.CloseIdleConnections()
	}
	u.http.SetKeepAlivesEnabled(false) // which ends those that are idle
	u.http.SetKeepAlivesEnabled(true)
}

// goroutines returns how many the process has.
func (p *process) goroutines(t *testing.T, s *site) (n int) {
	t.Helper()
	res := admin(t, http.MethodGet, s.admin, "/debug/pprof/goroutine?debug=1", "")
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil {
		_, err = fmt.Sscanf(string(text), "goroutine profile: total %d", &n)
	}
	if err != nil {
		t.Fatalf("count goroutines: %v: %s", err, text)
	}
	return n
}

// settle waits until the process has no more open and running than before. A few
// connections to the admin endpoint may come and go.
func (p *process) settle(t *testing.T, s *site, files, goroutines int) {
	t.Helper()
	const few = 8
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		f, g := p.files(t), p.goroutines(t, s)
		if f <= files+few && g <= goroutines+few {
			t.Logf("files: %d before, %d after; goroutines: %d before, %d after", files, f, goroutines, g)
			return
		}
		if time.Now().After(deadline) {
			res := admin(t, http.MethodGet, s.admin, "/debug/pprof/goroutine?debug=1", "")
			defer res.Body.Close()
			profile, _ := io.ReadAll(res.Body)
			t.Errorf("files: %d before, %d after; goroutines: %d before, %d after:\n%s", files, f, goroutines, g, profile)
			return
		}
	}
}

// memory returns how much memory of a process is resident, in bytes.
func (p *process) memory(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatalf("read memory of caddy: %v", err)
	}
	for line := range strings.Lines(string(status)) {
		var n int64
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &n); err == nil {
			return n << 10
		}
	}
	t.Fatalf("no memory is told:\n%s", status)
	return 0
}

// files returns how many files and connections a process has open.
func (p *process) files(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	if err != nil {
		t.Fatalf("list open files of caddy: %v", err)
	}
	return len(list)
}
