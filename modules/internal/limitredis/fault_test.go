// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/redisconn"
	"github.com/caddy-gateway/tollgate/modules/internal/redistest"
	"github.com/caddy-gateway/tollgate/modules/limits"
)

// rush is a load that goes on while things happen to Redis.
type rush struct {
	t      *testing.T
	rule   *limits.Rule
	cancel context.CancelFunc
	done   sync.WaitGroup

	admitted, denied, degraded, shared atomic.Int64
	worst                              atomic.Int64 // nanoseconds
}

// rushOf has callers ask each of the stores, again and again.
func rushOf(t *testing.T, stores []*Store, rule *limits.Rule) *rush {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	u := &rush{t: t, rule: rule, cancel: cancel}
	for _, s := range stores {
		for range 8 {
			u.done.Go(func() {
				for ctx.Err() == nil {
					u.ask(s)
					select {
					case <-ctx.Done():
					case <-time.After(2 * time.Millisecond):
					}
				}
			})
		}
	}
	t.Cleanup(func() { cancel(); u.done.Wait() })
	return u
}

func (u *rush) ask(s *Store) {
	d := limits.Decision{Checks: []limits.Check{{Rule: u.rule, Key: limits.Key{Level: "rush", Subject: "all"}, Weight: 1}}}
	start := time.Now()
	err := s.Decide(context.Background(), &d)
	took := time.Since(start).Nanoseconds()
	for worst := u.worst.Load(); took > worst && !u.worst.CompareAndSwap(worst, took); {
		worst = u.worst.Load()
	}
	switch {
	case err != nil:
		u.t.Errorf("Decide() error: %v", err)
	case d.Denied:
		u.denied.Add(1)
	default:
		u.admitted.Add(1)
	}
	if d.Degraded {
		u.degraded.Add(1)
	} else if err == nil {
		u.shared.Add(1)
	}
}

// more waits until a number has grown by n.
func (u *rush) more(what string, v *atomic.Int64, n int64) time.Duration {
	u.t.Helper()
	from := v.Load()
	return redistest.Within(u.t, 10*time.Second, what, func() bool { return v.Load() >= from+n })
}

// end ends it and checks how long it took.
func (u *rush) end() {
	u.t.Helper()
	u.cancel()
	u.done.Wait()
	worst := time.Duration(u.worst.Load())
	u.t.Logf("%d admitted, %d denied, %d without Redis, worst %v", u.admitted.Load(), u.denied.Load(), u.degraded.Load(), worst)
	// Two time-outs of 25 ms and some for a machine that is busy.
	if worst > 750*time.Millisecond {
		u.t.Errorf("a decision took %v", worst)
	}
}

// faulty connects as a gateway does, with its short time-outs unless the options have others.
func faulty(t *testing.T, n int, o redisconn.Options) (all []*Store) {
	t.Helper()
	if o.Timeout == 0 {
		o.Timeout, o.DialTimeout = redisconn.DefaultTimeout, redisconn.DefaultDialTimeout
	}
	for range n {
		all = append(all, open(t, Options{Conn: connect(t, o)}))
	}
	return all
}

// endless is a limit that nobody reaches.
var endless = &limits.Rule{Unit: limits.Requests, Limit: 1 << 30, Window: limits.Window{Kind: limits.Sliding, Length: time.Hour}}

// TestNothingHangsWhateverRedisDoes breaks a Redis in many ways during load. Limits
// of requests never answer with an error, and are shared again soon.
func TestNothingHangsWhateverRedisDoes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		// local says that the fault is one that has the local share decide.
		local  bool
		broken func(*redistest.Server, *redistest.Proxy)
		mended func(*redistest.Server, *redistest.Proxy)
	}{
		"killed": {
			local:  true,
			broken: func(r *redistest.Server, _ *redistest.Proxy) { r.Kill() },
			mended: func(r *redistest.Server, _ *redistest.Proxy) { r.Restart(true) },
		},
		"stopped": {
			local:  true,
			broken: func(r *redistest.Server, _ *redistest.Proxy) { r.Stop() },
			mended: func(r *redistest.Server, _ *redistest.Proxy) { r.Cont() },
		},
		"slow": {
			local:  true,
			broken: func(_ *redistest.Server, p *redistest.Proxy) { p.SetLatency(100 * time.Millisecond) },
			mended: func(_ *redistest.Server, p *redistest.Proxy) { p.SetLatency(0) },
		},
		"black hole": {
			local:  true,
			broken: func(_ *redistest.Server, p *redistest.Proxy) { p.BlackHole(true) },
			mended: func(_ *redistest.Server, p *redistest.Proxy) { p.BlackHole(false) },
		},
		"cut": {
			local:  true,
			broken: func(_ *redistest.Server, p *redistest.Proxy) { p.Cut() },
			mended: func(_ *redistest.Server, p *redistest.Proxy) { p.Mend() },
		},
		"flushed": {
			broken: func(r *redistest.Server, _ *redistest.Proxy) { r.Do("FLUSHALL") },
		},
		"scripts forgotten": {
			broken: func(r *redistest.Server, _ *redistest.Proxy) { r.Do("SCRIPT", "FLUSH") },
		},
		"read-only": {
			local:  true,
			broken: func(r *redistest.Server, _ *redistest.Proxy) { r.Do("REPLICAOF", "127.0.0.1", "1") },
			mended: func(r *redistest.Server, _ *redistest.Proxy) { r.Do("REPLICAOF", "NO", "ONE") },
		},
		"full": {
			local:  true,
			broken: func(r *redistest.Server, _ *redistest.Proxy) { r.Do("CONFIG", "SET", "maxmemory", "1") },
			mended: func(r *redistest.Server, _ *redistest.Proxy) { r.Do("CONFIG", "SET", "maxmemory", "0") },
		},
		"password changed": {
			local: true,
			broken: func(r *redistest.Server, _ *redistest.Proxy) {
				r.Do("ACL", "SETUSER", "default", "resetkeys")
			},
			mended: func(r *redistest.Server, _ *redistest.Proxy) {
				r.Do("ACL", "SETUSER", "default", "allkeys")
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := redistest.Start(t, tt.args...)
			p := redistest.StartProxy(t, r.Addr)
			u := rushOf(t, faulty(t, 2, redisconn.Options{URLs: []string{p.URL()}}), endless)
			u.more("shared decisions", &u.shared, 50)
			tt.broken(r, p)
			if tt.local {
				u.more("decisions without Redis", &u.degraded, 100)
				tt.mended(r, p)
			}
			t.Logf("shared again after %v", u.more("shared decisions again", &u.shared, 50))
			u.end()
		})
	}
}

// TestDecidesAloneWithAWrongPassword starts with a password that is wrong.
func TestDecidesAloneWithAWrongPassword(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t, "--requirepass", "demo-password-not-a-secret")
	u := rushOf(t, faulty(t, 1, redisconn.Options{URLs: []string{r.URL()}, Password: "demo-wrong-not-a-secret"}), endless)
	u.more("decisions without Redis", &u.degraded, 100)
	u.end()
	if n := u.shared.Load(); n > 0 {
		t.Errorf("%d decisions were shared with a wrong password", n)
	}
}

// TestShareWithoutRedis admits the share of each gateway, from where Redis was, and
// tells Redis afterwards.
func TestShareWithoutRedis(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	// Long enough that Redis makes each decision that it is asked for, on a busy machine too:
	// one that it makes too late counts twice.
	const timeout = 250 * time.Millisecond
	stores := faulty(t, 2, redisconn.Options{URLs: []string{r.URL()}, Timeout: timeout, DialTimeout: timeout})
	for _, s := range stores {
		redistest.Eventually(t, "two gateways", func() bool { return s.conn.Instances() == 2 })
	}
	rule := &limits.Rule{Unit: limits.Requests, Limit: 101, Window: limits.Window{Kind: limits.Calendar, Period: limits.Year}}
	ask := func(s *Store) *limits.Decision {
		t.Helper()
		d := &limits.Decision{Checks: []limits.Check{{Rule: rule, Key: limits.Key{Level: "share", Subject: "all"}, Weight: 1}}}
		if err := s.Decide(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		return d
	}
	for i := range 40 {
		if d := ask(stores[i%2]); d.Denied || d.Degraded {
			t.Fatalf("denied %v, degraded %v", d.Denied, d.Degraded)
		}
	}
	r.Stop()
	admitted := 0
	for _, s := range stores {
		for range 60 {
			if d := ask(s); !d.Denied {
				admitted++
			} else if !d.Degraded {
				t.Error("denied as if by Redis")
			}
		}
	}
	// ceil(101/2) = 51 each, of which 20 were used.
	if admitted < 60 || admitted > 62 {
		t.Errorf("%d were admitted without Redis, want 61 or 62", admitted)
	}
	r.Cont()
	redistest.Eventually(t, "redis to know", func() bool {
		look := []limits.Check{{Rule: rule, Key: limits.Key{Level: "share", Subject: "all"}}}
		return stores[0].conn.Up() && stores[0].Look(t.Context(), look) == nil && look[0].Used >= 101
	})
	redistest.Eventually(t, "redis to decide", func() bool { return !ask(stores[1]).Degraded })
	if d := ask(stores[0]); !d.Denied {
		t.Error("admitted beyond the limit")
	}
}

// TestHardLimitsAreRefusedWithoutRedis answers that they cannot be decided.
func TestHardLimitsAreRefusedWithoutRedis(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	s := faulty(t, 1, redisconn.Options{URLs: []string{r.URL()}})[0]
	rule := &limits.Rule{Unit: limits.Cost, Limit: 1000, Window: limits.Window{Kind: limits.Calendar, Period: limits.Month}}
	ask := func() (*limits.Decision, error) {
		d := &limits.Decision{ID: limits.NewID(), Checks: []limits.Check{{Rule: rule, Key: limits.Key{Level: "budget", Subject: "all"}, Weight: 1}}}
		return d, s.Decide(t.Context(), d)
	}
	redistest.Eventually(t, "the epoch to be old enough", func() bool { _, err := ask(); return err == nil })
	r.Stop()
	for range 20 {
		d, err := ask()
		if err == nil {
			t.Fatal("decided without Redis")
		}
		if d.RetryAfter < 500*time.Millisecond || d.RetryAfter > 3*time.Second {
			t.Errorf("retry after %v, want 1 to 3 s", d.RetryAfter)
		}
	}
	r.Cont()
	redistest.Eventually(t, "it to be decided again", func() bool { _, err := ask(); return err == nil })
	// What was given up is taken back: only what was admitted is left.
	settled(t, []*Store{s})
}
