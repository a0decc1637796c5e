// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cacheredis

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/caching"
	"github.com/caddy-gateway/tollgate/modules/internal/redisconn"
	"github.com/caddy-gateway/tollgate/modules/internal/redistest"
)

// How long a call may take in the tests: the patience that they have, 100 ms for a Get and
// 400 ms for a Put, and what a machine that does eight such tests at once, and others,
// may need besides. A call that waits for Redis waits for good.
const (
	bearableGet = 3 * time.Second
	bearablePut = 5 * time.Second
)

// load gets and puts without end while things happen to Redis.
type load struct {
	t                  *testing.T
	hits, misses, puts atomic.Int64
	worstGet, worstPut atomic.Int64 // nanoseconds
	cancel             context.CancelFunc
	all                sync.WaitGroup
}

func startLoad(t *testing.T, s *Store) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{t: t, cancel: cancel}
	body := strings.Repeat("0123456789", 60_000) // three pieces
	for g := range 4 {
		l.all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				k := caching.Key{byte(g), byte(n % 3)}
				began := time.Now()
				e, err := s.Get(context.Background(), k)
				took(&l.worstGet, began)
				switch {
				case e != nil && string(e.Bytes()) != body:
					t.Error("an entry that is not what was put")
				case e != nil:
					l.hits.Add(1)
				case err != nil && !errors.Is(err, caching.ErrUnavailable):
					t.Errorf("Get() error: %v", err)
				default:
					l.misses.Add(1)
				}
				if e == nil || n%10 == 0 {
					began = time.Now()
					if _, err := s.Put(context.Background(), k, entry(body, "tag"), s.Mark(k)); err == nil {
						l.puts.Add(1)
					} else if !errors.Is(err, caching.ErrUnavailable) {
						t.Errorf("Put() error: %v", err)
					}
					took(&l.worstPut, began)
				}
				select {
				case <-ctx.Done():
				case <-time.After(2 * time.Millisecond):
				}
			}
		})
	}
	t.Cleanup(func() { cancel(); l.all.Wait() })
	return l
}

func took(longest *atomic.Int64, began time.Time) {
	took := int64(time.Since(began))
	for worst := longest.Load(); took > worst && !longest.CompareAndSwap(worst, took); {
		worst = longest.Load()
	}
}

// more waits until a number has grown by n.
func (l *load) more(what string, v *atomic.Int64, n int64) time.Duration {
	l.t.Helper()
	from := v.Load()
	return redistest.Within(l.t, 15*time.Second, what, func() bool { return v.Load() >= from+n })
}

// TestAMissWhateverRedisDoes breaks a Redis in many ways during load: nobody waits, and
// what is stored is found again soon afterwards.
func TestAMissWhateverRedisDoes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		down           bool // a purge has to fail meanwhile
		broken, mended func(*redistest.Server, *redistest.Proxy)
	}{
		"killed": {
			true,
			func(r *redistest.Server, _ *redistest.Proxy) { r.Kill() },
			func(r *redistest.Server, _ *redistest.Proxy) { r.Restart(true) },
		},
		"frozen": {
			true,
			func(r *redistest.Server, _ *redistest.Proxy) { r.Stop() },
			func(r *redistest.Server, _ *redistest.Proxy) { r.Cont() },
		},
		"slow": {
			true,
			func(_ *redistest.Server, p *redistest.Proxy) { p.SetLatency(150 * time.Millisecond) },
			func(_ *redistest.Server, p *redistest.Proxy) { p.SetLatency(0) },
		},
		"black hole": {
			true,
			func(_ *redistest.Server, p *redistest.Proxy) { p.BlackHole(true) },
			func(_ *redistest.Server, p *redistest.Proxy) { p.BlackHole(false) },
		},
		"cut": {
			true,
			func(_ *redistest.Server, p *redistest.Proxy) { p.Cut() },
			func(_ *redistest.Server, p *redistest.Proxy) { p.Mend() },
		},
		"full": {
			true,
			func(r *redistest.Server, _ *redistest.Proxy) { r.Do("CONFIG", "SET", "maxmemory", "1") },
			func(r *redistest.Server, _ *redistest.Proxy) { r.Do("CONFIG", "SET", "maxmemory", "0") },
		},
		"emptied": {
			false,
			func(r *redistest.Server, _ *redistest.Proxy) { r.Do("FLUSHALL") },
			func(*redistest.Server, *redistest.Proxy) {},
		},
		"scripts forgotten": {
			false,
			func(r *redistest.Server, _ *redistest.Proxy) { r.Do("SCRIPT", "FLUSH") },
			func(*redistest.Server, *redistest.Proxy) {},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := redistest.Start(t)
			p := redistest.StartProxy(t, r.Addr)
			// Short enough to notice what is slow, and long enough for a busy machine.
			conn := connect(t, redisconn.Options{URLs: []string{p.URL()}, Timeout: 60 * time.Millisecond, DialTimeout: 60 * time.Millisecond})
			s := New(Options{Conn: conn, Cache: caching.Options{Name: "n"}, Patience: 100 * time.Millisecond})
			l := startLoad(t, s)
			l.more("hits", &l.hits, 50)
			tt.broken(r, p)
			if tt.down {
				l.more("misses", &l.misses, 50)
				redistest.Eventually(t, "the store says so", func() bool { return errors.Is(s.Err(), caching.ErrUnavailable) })
				if _, err := s.Purge(t.Context(), "tag"); !errors.Is(err, caching.ErrUnavailable) {
					t.Errorf("Purge() error without Redis: %v", err)
				}
			}
			tt.mended(r, p)
			t.Logf("hits again after %v", l.more("hits again", &l.hits, 50))
			redistest.Eventually(t, "a purge succeeds", func() bool { _, err := s.Purge(t.Context(), "tag"); return err == nil })
			l.cancel()
			l.all.Wait()
			get, put := time.Duration(l.worstGet.Load()), time.Duration(l.worstPut.Load())
			t.Logf("%d hits, %d misses, %d puts, worst Get %v, worst Put %v", l.hits.Load(), l.misses.Load(), l.puts.Load(), get, put)
			if get > bearableGet || put > bearablePut {
				t.Errorf("a Get took %v, a Put %v", get, put)
			}
		})
	}
}

// TestWithoutRedisFromTheStart has never met one.
func TestWithoutRedisFromTheStart(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	r.Kill()
	conn := connect(t, redisconn.Options{URLs: []string{r.URL()}, Timeout: 50 * time.Millisecond, DialTimeout: 50 * time.Millisecond})
	s := New(Options{Conn: conn})
	began := time.Now()
	const n = 100
	for range n {
		if e, err := s.Get(t.Context(), caching.Key{}); e != nil || !errors.Is(err, caching.ErrUnavailable) {
			t.Fatalf("Get() = %v, %v", e, err)
		}
	}
	if took := time.Since(began) / n; took > 5*time.Millisecond {
		t.Errorf("a miss takes %v", took)
	}
	mark := s.Mark(caching.Key{})
	r.Restart(true)
	redistest.Eventually(t, "Redis is used", func() bool { return s.Err() == nil })
	put(t, s, caching.Key{1}, entry("new"))
	present(t, s, caching.Key{1}, true)
	// What was asked for before anybody could purge is subject to all purges.
	if _, err := s.Purge(t.Context(), "tag"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), caching.Key{2}, entry("old", "tag"), mark); err != nil {
		t.Fatal(err)
	}
	present(t, s, caching.Key{2}, false)
	present(t, s, caching.Key{1}, true)
}
