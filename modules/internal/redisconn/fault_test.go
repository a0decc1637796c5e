// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redisconn

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/redistest"
)

// callers is how many at once use the connection while it fails.
const callers = 50

// pace is how long each of them does something else after a call, so that it is not
// the machine that fails first.
const pace = 10 * time.Millisecond

// load uses a connection from many goroutines until it is stopped.
type load struct {
	stop    atomic.Bool
	running sync.WaitGroup
	worst   [callers]time.Duration // the slowest call of each
	slow    [callers]int           // calls that took more than a millisecond and failed
	refused [callers]int           // calls that were not made
}

func startLoad(c *Conn, use func(context.Context) error) *load {
	l := &load{}
	for i := range callers {
		l.running.Go(func() {
			for !l.stop.Load() {
				began := time.Now()
				err := c.Do(context.Background(), use)
				took := time.Since(began)
				l.worst[i] = max(l.worst[i], took)
				switch {
				case errors.Is(err, ErrDown):
					l.refused[i]++
				case err != nil && took > time.Millisecond:
					l.slow[i]++
				}
				time.Sleep(pace)
			}
		})
	}
	return l
}

func (l *load) end() (worst time.Duration, slow, refused int) {
	l.stop.Store(true)
	l.running.Wait()
	for i := range callers {
		worst = max(worst, l.worst[i])
		slow = max(slow, l.slow[i])
		refused += l.refused[i]
	}
	return worst, slow, refused
}

// The timeout of these tests is longer than the default, since a test machine does
// other things as well. Bearable is what a call may take then, and soon how long it may
// take until Redis is used again.
const (
	patient  = 300 * time.Millisecond
	bearable = 3 * patient
)

func soon() time.Duration {
	if testing.Short() { // with the race detector
		return 10 * time.Second
	}
	return 3 * time.Second
}

// survive breaks Redis under load and mends it, and checks what is promised of that.
func survive(t *testing.T, o Options, breaks, mends func()) {
	t.Helper()
	var told changes
	o.OnChange, o.Timeout, o.DialTimeout = told.add, patient, patient
	c := connect(t, o)
	mustUp(t, c)
	l := startLoad(c, func(ctx context.Context) error { return c.Client().Incr(ctx, "load").Err() })
	redistest.Eventually(t, "load", func() bool {
		n, err := c.Client().Get(context.Background(), "load").Int()
		return err == nil && n > 200
	})
	breaks()
	noticed := redistest.Within(t, soon(), "the failure is noticed", func() bool { return !c.Up() })
	if err := set(c, "key"); !errors.Is(err, ErrDown) {
		t.Errorf("down, Do = %v", err)
	}
	epoch := c.Epoch()
	mends()
	took := redistest.Within(t, soon(), "Redis is back", c.Up)
	if c.Epoch() == epoch {
		t.Error("it comes back as if nothing could be lost")
	}
	redistest.Within(t, soon(), "it is used", func() bool { return set(c, "key") == nil })
	worst, slow, refused := l.end()
	t.Logf("noticed after %v, worst call %v, at most %d slow calls of one caller, %d refused, back after %v",
		noticed.Round(time.Millisecond), worst.Round(time.Millisecond), slow, refused, took.Round(time.Millisecond))
	if worst > bearable {
		t.Errorf("a call took %v", worst)
	}
	if refused == 0 {
		t.Error("nobody was refused at once")
	}
	got := told.get()
	if testing.Short() { // with the race detector, Redis may be too slow for a moment
		got = got[:min(len(got), 3)]
	}
	if !slices.Equal(got, []bool{true, false, true}) {
		t.Errorf("told %v", got)
	}
}

const password = "demo-password-not-a-secret"

// addUser makes the user that the connections of TestFaults are.
func addUser(s *redistest.Server) {
	s.Do("ACL", "SETUSER", "gateway", "on", ">"+password, "~*", "+@all")
}

func TestFaults(t *testing.T) {
	for _, tc := range []struct {
		name  string
		fault func(*redistest.Server, *redistest.Proxy) (breaks, mends func())
	}{
		{"killed and restarted", func(s *redistest.Server, _ *redistest.Proxy) (breaks, mends func()) {
			return s.Kill, func() { s.Restart(true); addUser(s) }
		}},
		{"frozen", func(s *redistest.Server, _ *redistest.Proxy) (breaks, mends func()) { return s.Stop, s.Cont }},
		{"black hole", func(_ *redistest.Server, p *redistest.Proxy) (breaks, mends func()) {
			return func() { p.BlackHole(true) }, func() { p.BlackHole(false) }
		}},
		{"cut", func(_ *redistest.Server, p *redistest.Proxy) (breaks, mends func()) { return p.Cut, p.Mend }},
		{"slow", func(_ *redistest.Server, p *redistest.Proxy) (breaks, mends func()) {
			return func() { p.SetLatency(3 * patient) }, func() { p.SetLatency(0) }
		}},
		{"very slow", func(_ *redistest.Server, p *redistest.Proxy) (breaks, mends func()) {
			return func() { p.SetLatency(time.Second) }, func() { p.SetLatency(0) }
		}},
		{"read-only", func(s *redistest.Server, _ *redistest.Proxy) (breaks, mends func()) {
			return func() { s.Do("REPLICAOF", "127.0.0.1", "1") }, func() { s.Do("REPLICAOF", "NO", "ONE") }
		}},
		{"full", func(s *redistest.Server, _ *redistest.Proxy) (breaks, mends func()) {
			return func() { s.Do("CONFIG", "SET", "maxmemory", "1") }, func() { s.Do("CONFIG", "SET", "maxmemory", "0") }
		}},
		{"forbidden to write", func(s *redistest.Server, _ *redistest.Proxy) (breaks, mends func()) {
			return func() { s.Do("ACL", "SETUSER", "gateway", "-@write") }, func() { s.Do("ACL", "SETUSER", "gateway", "+@all") }
		}},
		{"another password", func(s *redistest.Server, _ *redistest.Proxy) (breaks, mends func()) {
			return func() { s.Do("ACL", "DELUSER", "gateway") }, func() { addUser(s) }
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := redistest.Start(t)
			addUser(s)
			p := redistest.StartProxy(t, s.Addr)
			breaks, mends := tc.fault(s, p)
			survive(t, Options{URLs: []string{p.URL()}, Username: "gateway", Password: password}, breaks, mends)
		})
	}
}

// TestDownAtStart: the connection starts all the same, says so, and is up soon after
// the server.
func TestDownAtStart(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	p := redistest.StartProxy(t, s.Addr)
	for _, fault := range []struct {
		name          string
		breaks, mends func()
	}{
		{"cut", p.Cut, p.Mend},
		{"black hole", func() { p.BlackHole(true) }, func() { p.BlackHole(false); p.Reset() }},
	} {
		fault.breaks()
		var told changes
		began := time.Now()
		c := connect(t, Options{URLs: []string{p.URL()}, OnChange: told.add})
		if took := time.Since(began); took > time.Second {
			t.Errorf("%s: the start took %v", fault.name, took)
		}
		if got := told.get(); !slices.Equal(got, []bool{false}) || c.Up() {
			t.Errorf("%s: told %v", fault.name, got)
		}
		fault.mends()
		mustUp(t, c)
		redistest.Within(t, time.Second, "told", func() bool { return slices.Equal(told.get(), []bool{false, true}) })
	}
}

// TestFrozenCosts: with the timeout of the gateway, a frozen server costs each of many
// callers that long once, and then nothing.
func TestFrozenCosts(t *testing.T) {
	s := redistest.Start(t)
	c := connect(t, Options{URLs: []string{s.URL()}})
	mustUp(t, c)
	s.Stop()
	var (
		running sync.WaitGroup
		took    [callers]time.Duration
	)
	for i := range callers {
		running.Go(func() {
			began := time.Now()
			if err := set(c, "key"); err == nil {
				t.Error("a frozen server answers")
			}
			took[i] = time.Since(began)
		})
	}
	running.Wait()
	slices.Sort(took[:])
	t.Logf("%v to %v, half of them up to %v", took[0], took[callers-1], took[callers/2])
	if took[callers/2] > 2*DefaultTimeout && !testing.Short() {
		t.Errorf("half of the callers waited for more than %v", took[callers/2])
	}
	began := time.Now()
	for range 1000 {
		if err := set(c, "key"); !errors.Is(err, ErrDown) {
			t.Fatalf("then, Do = %v", err)
		}
	}
	if each := time.Since(began) / 1000; each > 10*time.Microsecond && !testing.Short() {
		t.Errorf("then, a call takes %v", each)
	}
}

func TestFailover(t *testing.T) {
	for _, tc := range []struct {
		name   string
		breaks func(*redistest.Server)
	}{
		{"killed", (*redistest.Server).Kill},
		{"frozen", (*redistest.Server).Stop},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := redistest.StartGroup(t)
			old := g.Master()
			survive(t, Options{URLs: g.URLs(), Master: redistest.MasterName}, func() { tc.breaks(old) }, func() {
				_, took := g.AwaitMaster(old)
				t.Logf("failover took %v", took)
			})
		})
	}
}

func TestClusterFailover(t *testing.T) {
	cluster := redistest.StartCluster(t, true)
	dead := cluster.Owner("load")
	survive(t, Options{URLs: cluster.URLs(), Cluster: true}, dead.Kill, func() {
		for i, s := range cluster.Masters {
			if s == dead {
				redistest.Eventually(t, "a replica takes over", func() bool {
					return cluster.Replicas[i].Info("replication", "role") == "master"
				})
				continue
			}
			redistest.Eventually(t, "all slots are served", func() bool { return cluster.Healthy(s) })
		}
	})
}

// TestClusterReshards: nobody is denied while slots move.
func TestClusterReshards(t *testing.T) {
	cluster := redistest.StartCluster(t, false)
	var told changes
	c := connect(t, Options{URLs: cluster.URLs()[:1], Cluster: true, OnChange: told.add, Timeout: patient, DialTimeout: patient})
	mustUp(t, c)
	var calls, failures atomic.Int64
	var first atomic.Pointer[error]
	l := startLoad(c, func(ctx context.Context) error {
		calls.Add(1)
		err := c.Client().Incr(ctx, "load").Err()
		if err != nil {
			failures.Add(1)
			first.CompareAndSwap(nil, &err)
		}
		return err
	})
	from, slot := cluster.Owner("load"), Slot("load")
	to := cluster.Masters[(slices.Index(cluster.Masters, from)+1)%3]
	for range 5 {
		cluster.MoveSlots(from, to, slot, slot+5)
		from, to = to, from
	}
	worst, _, _ := l.end()
	t.Logf("%d calls, %d failed, the slowest took %v", calls.Load(), failures.Load(), worst)
	if failures.Load()*100 > calls.Load() {
		t.Errorf("%d of %d calls failed, the first with %v", failures.Load(), calls.Load(), *first.Load())
	}
	if got := told.get(); !slices.Equal(got, []bool{true}) {
		t.Errorf("told %v", got)
	}
}
