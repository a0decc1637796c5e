// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitmem

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

var threeWindows = []*limits.Rule{
	{Window: limits.Window{Length: time.Minute}, Limit: 1 << 30},
	{Window: limits.Window{Length: time.Hour}, Limit: 1 << 30},
	{Window: limits.Window{Length: 24 * time.Hour}, Limit: 1 << 30},
}

func decisionOf(key string, rules ...*limits.Rule) *limits.Decision {
	d := &limits.Decision{Checks: make([]limits.Check, len(rules))}
	for i, r := range rules {
		d.Checks[i] = limits.Check{Rule: r, Key: limits.Key{Level: "plan:standard/consumer", Subject: key}, Weight: 1}
	}
	return d
}

// BenchmarkDecide is a decision about three sliding windows of one key: always the
// same key, or one of ten thousand.
func BenchmarkDecide(b *testing.B) {
	for _, spread := range []int{1, 10_000} {
		name := "spread"
		if spread == 1 {
			name = "hot"
		}
		for _, goroutines := range []int{1, 2, 4, 16} {
			b.Run(fmt.Sprintf("windows=3/%s/goroutines=%d", name, goroutines), func(b *testing.B) {
				s := New(Options{})
				keys := make([]string, spread)
				for i := range keys {
					keys[i] = "consumer-" + strconv.Itoa(i)
					_ = s.Decide(context.Background(), decisionOf(keys[i], threeWindows...))
				}
				b.ReportAllocs()
				b.ResetTimer()
				var all sync.WaitGroup
				for range goroutines {
					all.Go(func() {
						d := decisionOf(keys[0], threeWindows...)
						n := rand.IntN(spread) //nolint:gosec // Any number will do.
						for range b.N / goroutines {
							if n++; n >= spread {
								n = 0
							}
							for i := range d.Checks {
								d.Checks[i].Key.Subject = keys[n]
							}
							if err := s.Decide(context.Background(), d); err != nil || d.Denied {
								b.Error("denied")
								return
							}
						}
					})
				}
				all.Wait()
			})
		}
	}
}

// BenchmarkUndisturbed reports what a decision about three sliding windows takes where
// nothing else runs on the machine: the fastest of many batches.
func BenchmarkUndisturbed(b *testing.B) {
	for _, keys := range []int{1, 1_000, 10_000} {
		b.Run(fmt.Sprintf("windows=3/keys=%d", keys), func(b *testing.B) {
			s := New(Options{})
			decisions := make([]*limits.Decision, keys)
			for i := range decisions {
				decisions[i] = decisionOf("consumer-"+strconv.Itoa(i), threeWindows...)
				for range 3 {
					_ = s.Decide(context.Background(), decisions[i])
				}
			}
			const batch = 100
			best, n := time.Hour, 0
			for b.Loop() {
				start := time.Now()
				for range batch {
					_ = s.Decide(context.Background(), decisions[n%keys])
					n++
				}
				best = min(best, time.Since(start))
			}
			b.ReportMetric(float64(best)/batch, "best-ns/decision")
		})
	}
}

// BenchmarkReserve is a decision that reserves, and its settlement.
func BenchmarkReserve(b *testing.B) {
	s := New(Options{})
	d := decisionOf("someone",
		&limits.Rule{Unit: limits.Tokens, Window: limits.Window{Length: time.Minute}, Limit: 1 << 30},
		&limits.Rule{Unit: limits.Cost, Window: limits.Window{Kind: limits.Calendar, Period: limits.Month}, Limit: limits.MaxCount})
	b.ReportAllocs()
	for n := range b.N {
		d.ID[0], d.ID[1], d.ID[2] = byte(n), byte(n>>8), byte(n>>16)
		if err := s.Decide(context.Background(), d); err != nil || d.Denied {
			b.Fatal("denied")
		}
		s.Settle(d)
	}
}

// BenchmarkKinds is one check of each kind of window.
func BenchmarkKinds(b *testing.B) {
	for _, r := range []*limits.Rule{
		{Window: limits.Window{Kind: limits.Sliding, Length: time.Minute}, Limit: 1 << 30},
		{Window: limits.Window{Kind: limits.Fixed, Length: time.Minute}, Limit: 1 << 30},
		{Window: limits.Window{Kind: limits.Calendar, Period: limits.Day}, Limit: 1 << 30},
		{Window: limits.Window{Kind: limits.Bucket, Length: time.Second}, Limit: 1 << 30},
	} {
		b.Run(r.Window.Kind.String(), func(b *testing.B) {
			s := New(Options{})
			d := decisionOf("someone", r)
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Decide(context.Background(), d); err != nil || d.Denied {
					b.Fatal("denied")
				}
			}
		})
	}
}

// BenchmarkFlood is a decision about a key that never comes again, in a store that
// is full of such.
func BenchmarkFlood(b *testing.B) {
	s := New(Options{MaxEntries: 100_000})
	d := decisionOf("", threeWindows[0])
	flood := func(n int) {
		d.Checks[0].Key.Subject = strconv.Itoa(n)
		if err := s.Decide(context.Background(), d); err != nil || d.Denied {
			b.Fatal("denied")
		}
	}
	for n := range 150_000 {
		flood(-n)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for n := range b.N {
		flood(n)
	}
}

// BenchmarkMemory reports what a counter takes of the heap, the index included,
// where there are a million keys.
func BenchmarkMemory(b *testing.B) {
	const keys = 1_000_000
	for _, r := range []*limits.Rule{
		{Window: limits.Window{Kind: limits.Sliding, Length: time.Minute}, Limit: 100},
		{Window: limits.Window{Kind: limits.Fixed, Length: time.Minute}, Limit: 100},
		{Window: limits.Window{Kind: limits.Calendar, Period: limits.Day}, Limit: 100},
		{Window: limits.Window{Kind: limits.Bucket, Length: time.Second}, Limit: 100},
	} {
		b.Run(r.Window.Kind.String(), func(b *testing.B) {
			for b.Loop() {
				before := heap()
				s := New(Options{MaxEntries: 2 * keys, MaxBytes: 1 << 30})
				d := decisionOf("", r)
				for n := range keys {
					d.Checks[0].Key.Subject = strconv.Itoa(n)
					if err := s.Decide(context.Background(), d); err != nil || d.Denied {
						b.Fatal("denied")
					}
				}
				b.ReportMetric(float64(heap()-before)/keys, "B/key")
				if n := s.Stats().Entries; n != keys {
					b.Fatalf("%d counters, want %d", n, keys)
				}
				b.ReportMetric(float64(s.Stats().Bytes)/keys, "stated-B/key")
			}
		})
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
