// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redisconn

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/redistest"
)

// changes are the calls of OnChange.
type changes struct {
	mu   sync.Mutex
	list []bool
}

func (c *changes) add(up bool, _ error) {
	c.mu.Lock()
	c.list = append(c.list, up)
	c.mu.Unlock()
}

func (c *changes) get() []bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.list)
}

// connect returns a started connection, which ends with the test.
func connect(t testing.TB, o Options) *Conn {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	c.Start()
	return c
}

// mustUp waits for a connection to be up.
func mustUp(t testing.TB, c *Conn) time.Duration {
	t.Helper()
	return redistest.Within(t, soon(), "Redis is up", c.Up)
}

// set writes by Do.
func set(c *Conn, key string) error {
	return c.Do(context.Background(), func(ctx context.Context) error {
		return c.Client().Set(ctx, key, "value", time.Minute).Err()
	})
}

func TestConn(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	var told changes
	c, err := New(Options{URLs: []string{s.URL()}, OnChange: told.add, Instance: "one"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Up() || !errors.Is(c.Err(), ErrDown) || c.Epoch() != 0 || c.Instances() != 1 {
		t.Errorf("before the start: up %v, %v, epoch %d, %d instances", c.Up(), c.Err(), c.Epoch(), c.Instances())
	}
	c.Start()
	c.Start()
	if !c.Up() || c.Err() != nil || c.Epoch() != 1 {
		t.Errorf("after the start: up %v, %v, epoch %d", c.Up(), c.Err(), c.Epoch())
	}
	if err := set(c, "key"); err != nil {
		t.Error(err)
	}
	other := connect(t, Options{URLs: []string{s.URL()}, Instance: "two"})
	redistest.Within(t, time.Second, "both know of each other", func() bool { return c.Instances() == 2 && other.Instances() == 2 })
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("the second time: %v", err)
	}
	c.Start()
	if c.Up() || !errors.Is(set(c, "key"), ErrDown) {
		t.Error("a closed connection is used")
	}
	redistest.Within(t, time.Second, "one has left", func() bool { return other.Instances() == 1 })
	if got := told.get(); !slices.Equal(got, []bool{true}) {
		t.Errorf("told %v", got)
	}
}

// TestInstancesThatDie: who does not say goodbye is forgotten.
func TestInstancesThatDie(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	p := redistest.StartProxy(t, s.Addr)
	dying := connect(t, Options{URLs: []string{p.URL()}})
	c := connect(t, Options{URLs: []string{s.URL()}})
	redistest.Within(t, time.Second, "two instances", func() bool { return c.Instances() == 2 && dying.Instances() == 2 })
	p.BlackHole(true)
	redistest.Within(t, 4*time.Second, "one instance", func() bool { return c.Instances() == 1 })
	if dying.Instances() != 2 {
		t.Errorf("down, it forgets the others: %d", dying.Instances())
	}
}

// TestEpoch: whenever something may be lost, the epoch changes, and only then.
func TestEpoch(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := connect(t, Options{URLs: []string{s.URL()}})
	other := connect(t, Options{URLs: []string{s.URL()}})
	called := make(chan uint64, 100)
	c.OnEpoch(func() { called <- c.Epoch() })
	epochs := func() [2]uint64 { return [2]uint64{c.Epoch(), other.Epoch()} }
	for _, tc := range []struct {
		name string
		lose func()
	}{
		{"flush", func() { s.Do("FLUSHALL") }},
		{"another process", func() { s.Restart(true) }},
		{"a restart with all data", func() { s.Restart(false) }},
		{"an evicted mark", func() { s.Do("DEL", "tollgate:epoch") }},
		{"down for a while", func() {
			s.Stop()
			redistest.Eventually(t, "both notice", func() bool { return !c.Up() && !other.Up() })
			s.Cont()
		}},
	} {
		before := epochs()
		tc.lose()
		took := redistest.Within(t, 2*time.Second, tc.name, func() bool {
			now := epochs()
			return now[0] > before[0] && now[1] > before[1] && c.Up() && other.Up()
		})
		t.Logf("%s: noticed within %v", tc.name, took)
		for n := range called {
			if n > before[0] {
				break
			}
		}
	}
	before := epochs()
	s.Do("SET", "something", "else")
	mark := s.Do("GET", "tollgate:epoch")
	last := func() any { return s.Do("ZRANGE", "tollgate:instances", "-1", "-1", "WITHSCORES").([]any)[1] }
	for range 3 {
		heard := last()
		redistest.Eventually(t, "another beat", func() bool { return last() != heard })
	}
	if s.Do("GET", "tollgate:epoch") != mark {
		t.Error("the mark changes by itself")
	}
	if epochs() != before {
		t.Errorf("the epoch changes by itself, from %v to %v", before, epochs())
	}
}

// TestDoIsBounded: f has the time of the options, and the caller's own end is no
// failure of Redis.
func TestDoIsBounded(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := connect(t, Options{URLs: []string{s.URL()}})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for range 3 * window {
		err := c.Do(ctx, func(ctx context.Context) error { return c.Client().Get(ctx, "key").Err() })
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("canceled: %v", err)
		}
	}
	if !c.Up() {
		t.Fatal("callers that went away opened the breaker")
	}
	for range 3 * window {
		if err := c.Do(context.Background(), func(ctx context.Context) error {
			return c.Client().Eval(ctx, "return redis.error_reply('ERR ours')", nil).Err()
		}); err == nil || errors.Is(err, ErrDown) {
			t.Fatalf("an error of a script: %v", err)
		}
	}
	if !c.Up() {
		t.Fatal("errors of scripts opened the breaker")
	}
	began := time.Now()
	err := c.Do(context.Background(), func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	})
	if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took < DefaultTimeout || took > time.Second {
		t.Errorf("%v after %v", err, took)
	}
}

// TestNothingLeaks does not run beside other tests, whose goroutines would count.
func TestNothingLeaks(t *testing.T) {
	s := redistest.Start(t)
	p := redistest.StartProxy(t, s.Addr)
	stack := func() string {
		buf := make([]byte, 1<<20)
		return string(buf[:runtime.Stack(buf, true)])
	}
	before := runtime.NumGoroutine()
	for _, fault := range []func(){func() {}, func() { p.BlackHole(true) }, func() { p.Cut() }} {
		c, err := New(Options{URLs: []string{p.URL()}})
		if err != nil {
			t.Fatal(err)
		}
		c.Start()
		fault()
		var load sync.WaitGroup
		for range 50 {
			load.Go(func() { _ = set(c, "key") }) // it may fail
		}
		load.Wait()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		p.Mend()
		p.BlackHole(false)
		p.Reset()
	}
	deadline := time.Now().Add(3 * time.Second)
	for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines became %d:\n%s", before, after, stack())
	}
}
