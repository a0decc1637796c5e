// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitdb

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

var threeWindows = []*limits.Rule{
	{Window: limits.Window{Length: time.Minute}, Limit: 1 << 30},
	{Window: limits.Window{Length: time.Hour}, Limit: 1 << 30},
	{Window: limits.Window{Length: day}, Limit: 1 << 30},
}

// BenchmarkUndisturbed reports what the same takes where nothing else runs on the
// machine: the fastest of many batches.
func BenchmarkUndisturbed(b *testing.B) {
	d := mustOpen(b, Options{Dir: b.TempDir()})
	q := &limits.Decision{}
	for _, r := range threeWindows {
		q.Checks = append(q.Checks, check(r, "someone", 1))
	}
	const batch = 50
	best := time.Hour
	for b.Loop() {
		start := time.Now()
		for range batch {
			_ = d.Decide(context.Background(), q)
		}
		best = min(best, time.Since(start))
	}
	b.ReportMetric(float64(best)/batch, "best-ns/decision")
}

// BenchmarkDecide is a decision about windows of a minute, an hour and a day, of
// which two survive: with the journal, on the real file system.
func BenchmarkDecide(b *testing.B) {
	for _, goroutines := range []int{1, 4, 16} {
		b.Run(fmt.Sprintf("windows=3/goroutines=%d", goroutines), func(b *testing.B) {
			d := mustOpen(b, Options{Dir: b.TempDir()})
			b.ReportAllocs()
			b.ResetTimer()
			var all sync.WaitGroup
			for g := range goroutines {
				all.Go(func() {
					q := &limits.Decision{}
					for _, r := range threeWindows {
						q.Checks = append(q.Checks, check(r, strconv.Itoa(g), 1))
					}
					for range b.N / goroutines {
						if err := d.Decide(context.Background(), q); err != nil || q.Denied {
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

// BenchmarkReserve is a reservation of money and its settlement.
func BenchmarkReserve(b *testing.B) {
	d := mustOpen(b, Options{Dir: b.TempDir()})
	budget := &limits.Rule{Unit: limits.Cost, Window: month.Window, Limit: limits.MaxCount}
	b.ReportAllocs()
	for b.Loop() {
		q := limits.Decision{ID: limits.NewID(), Checks: []limits.Check{check(budget, "someone", 100)}}
		if err := d.Decide(context.Background(), &q); err != nil || q.Denied {
			b.Fatal("denied")
		}
		q.Checks[0].Actual = 1
		d.Settle(&q)
	}
}

// BenchmarkOpen reads a hundred thousand counters and as many records.
func BenchmarkOpen(b *testing.B) {
	o := Options{Dir: b.TempDir(), CheckpointEvery: time.Hour}
	budget := &limits.Rule{Unit: limits.Cost, Window: month.Window, Limit: limits.MaxCount}
	d := mustOpen(b, o)
	count := func() {
		for n := range 100_000 {
			q := limits.Decision{Checks: []limits.Check{check(budget, strconv.Itoa(n), 100)}}
			if err := d.Decide(context.Background(), &q); err != nil {
				b.Fatal(err)
			}
		}
	}
	count()
	if err := d.checkpoint(true); err != nil {
		b.Fatal(err)
	}
	count()
	dir := crashed(b, o.Dir)
	for b.Loop() {
		b.StopTimer()
		again := Options{Dir: crashed(b, dir), CheckpointEvery: time.Hour}
		b.StartTimer()
		d, r, err := Open(again)
		if err != nil || r.Counters != 100_000 || r.Records != 100_000 {
			b.Fatalf("Open() = %v after %s", err, r)
		}
		b.StopTimer()
		_ = d.Close()
		b.StartTimer()
	}
}
