// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redisconn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-gateway/tollgate/modules/internal/redistest"
)

var errDemo = errors.New("demo")

func TestBreaker(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		results string // x is a failure
		opens   int    // after how many, or 0
	}{
		{"nothing", "", 0},
		{"four in a row", "xxxx.xxxx.", 0},
		{"five in a row", "xxxxx", 5},
		{"half of twenty", ".x.x.x.x.x.x.x.x.x.x", 20},
		{"half of fewer", ".x.x.x.x.x.x.x.x.x.", 0},
		{"less than half", "..x.x.x.x.x.x.x.x.x...x.x.x.x.x.x.x.x.x.", 0},
		{"half of the last twenty", "....................x.x.x.x.x.x.x.x.x.x", 39},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var b breaker
			opened := 0
			for i, r := range tc.results {
				if b.count(b.phase.Load(), errDemo, r == 'x') {
					opened = i + 1
				}
			}
			if opened != tc.opens || (b.down.Load() != nil) != (tc.opens > 0) {
				t.Errorf("it opened after %d, want %d", opened, tc.opens)
			}
		})
	}
}

// TestBreakerForgets: what began before it closed says nothing about now.
func TestBreakerForgets(t *testing.T) {
	t.Parallel()
	var b breaker
	before := b.phase.Load()
	if !b.open(errDemo) || b.open(io.EOF) || !errors.Is(b.down.Load(), io.EOF) || !errors.Is(b.down.Load(), ErrDown) {
		t.Error("it is not open for the last reason")
	}
	if b.count(b.phase.Load(), errDemo, true) {
		t.Error("it opens twice")
	}
	b.close()
	for range 2 * window {
		if b.count(before, errDemo, true) {
			t.Fatal("the past opens it")
		}
	}
}

func TestFailed(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{redis.Nil, false},
		{errDemo, false},
		{context.Canceled, false},
		{context.DeadlineExceeded, true},
		{fmt.Errorf("demo: %w", os.ErrDeadlineExceeded), true},
		{io.EOF, true},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, true},
		{redis.ErrPoolTimeout, true},
		{redis.ErrClosed, true},
		{&lostError{io.EOF}, true},
		{errors.New("redis: all sentinels specified in configuration are unreachable"), true},
	} {
		if got := failed(tc.err); got != tc.want {
			t.Errorf("failed(%v) = %v", tc.err, got)
		}
	}
}

// TestFailedAnswers asks a real client about real answers.
func TestFailedAnswers(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := connect(t, Options{URLs: []string{s.URL()}})
	for _, tc := range []struct {
		answer string
		want   bool
	}{
		{"ERR ours", false},
		{"WRONGTYPE of a value", false},
		{"NOSCRIPT unknown", false},
		{"EXECABORT of ours", false},
		{"READONLY replica", true},
		{"OOM command not allowed", true},
		{"LOADING data", true},
		{"CLUSTERDOWN slot not served", true},
		{"MASTERDOWN link", true},
		{"MISCONF snapshots", true},
		{"NOREPLICAS enough", true},
		{"BUSY with a script", true},
		{"NOAUTH required", true},
		{"WRONGPASS invalid", true},
		{"NOPERM for this", true},
		{"ERR max number of clients reached", true},
		{"ERR Error running script (call to f_1): @user_script:1: -OOM command not allowed", true},
	} {
		err := c.Client().Eval(context.Background(), "return redis.error_reply(ARGV[1])", nil, tc.answer).Err()
		if got := failed(err); got != tc.want {
			t.Errorf("failed(%v) = %v", err, got)
		}
	}
}

func TestSlot(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]int{
		"": 0, "123456789": 0x31c3, "{123456789}x": 0x31c3, "a{123456789}": 0x31c3, "{}123456789": Slot("{}123456789"),
		"x{123456789}{y}": 0x31c3, "foo": 12182,
	} {
		if got := Slot(key); got != want {
			t.Errorf("Slot(%q) = %d, want %d", key, got, want)
		}
	}
	if Slot("{}a") == Slot("{}b") {
		t.Error("empty braces are a tag")
	}
	for _, slot := range []int{0, 1, 5461, 16383} {
		if tag := tagOf(slot); Slot("key:{"+tag+"}") != slot || tagOf(slot) != tag {
			t.Errorf("the tag of slot %d is %q", slot, tag)
		}
	}
}

// TestDownCostsNothing does not run beside other tests, whose allocations would
// count.
func TestDownCostsNothing(t *testing.T) {
	c, err := New(Options{URLs: []string{"redis://127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if n := testing.AllocsPerRun(100, func() {
		if err := c.Do(ctx, func(ctx context.Context) error { return c.Client().Ping(ctx).Err() }); err == nil {
			t.Error("it is up")
		}
	}); n != 0 {
		t.Errorf("asking a Redis that is down allocates %v times", n)
	}
}

func BenchmarkDo(b *testing.B) {
	s := redistest.Start(b)
	c := connect(b, Options{URLs: []string{s.URL()}})
	ctx := context.Background()
	b.Run("up", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := c.Do(ctx, func(context.Context) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("up, parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := c.Do(ctx, func(context.Context) error { return nil }); err != nil {
					b.Error(err)
				}
			}
		})
	})
	b.Run("ping", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := c.Do(ctx, func(ctx context.Context) error { return c.Client().Ping(ctx).Err() }); err != nil {
				b.Fatal(err)
			}
		}
	})
	down, err := New(Options{URLs: []string{s.URL()}})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("down", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := down.Do(ctx, func(context.Context) error { return nil }); err == nil {
				b.Fatal("it is up")
			}
		}
	})
}
