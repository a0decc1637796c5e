// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package journal

import (
	"bytes"
	"slices"
	"testing"
	"time"
)

// BenchmarkAppend is what a record costs its caller, on the real file system with
// syncs going on beside it.
func BenchmarkAppend(b *testing.B) {
	j, _, _ := opened(b, Options{Dir: b.TempDir()}, 0)
	payload := bytes.Repeat([]byte{7}, 150)
	b.ReportAllocs()
	b.SetBytes(150)
	for b.Loop() {
		if _, err := j.Append(payload); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAppendParallel is the same from many goroutines.
func BenchmarkAppendParallel(b *testing.B) {
	j, _, _ := opened(b, Options{Dir: b.TempDir()}, 0)
	payload := bytes.Repeat([]byte{7}, 150)
	b.ReportAllocs()
	b.SetBytes(150)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := j.Append(payload); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkAppendPaced appends every 100 µs, and reports how long Append took at
// worst and how old a record gets until it is synced.
func BenchmarkAppendPaced(b *testing.B) {
	j, _, _ := opened(b, Options{Dir: b.TempDir()}, 0)
	payload := bytes.Repeat([]byte{7}, 150)
	took := make([]time.Duration, 0, b.N)
	age := make([]time.Duration, 0, b.N)
	var at []time.Time // of the records that are not synced
	oldest := uint64(1)
	ticker := time.NewTicker(100 * time.Microsecond)
	defer ticker.Stop()
	b.ResetTimer()
	for range b.N {
		<-ticker.C
		start := time.Now()
		if _, err := j.Append(payload); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
		at = append(at, start)
		for synced := j.Synced(); oldest <= synced; oldest++ {
			age = append(age, time.Since(at[0]))
			at = at[1:]
		}
	}
	b.StopTimer()
	for name, sample := range map[string][]time.Duration{"append": took, "unsynced": age} {
		if len(sample) == 0 {
			continue
		}
		slices.Sort(sample)
		b.ReportMetric(float64(sample[len(sample)/2].Microseconds()), name+"-p50-µs")
		b.ReportMetric(float64(sample[len(sample)*99/100].Microseconds()), name+"-p99-µs")
		b.ReportMetric(float64(sample[len(sample)-1].Microseconds()), name+"-max-µs")
	}
}

// BenchmarkReplay reads a million records of 150 bytes, in three segments.
func BenchmarkReplay(b *testing.B) {
	const records = 1_000_000
	o := Options{Dir: b.TempDir()}
	j, _, _ := opened(b, o, 0)
	payload := bytes.Repeat([]byte{7}, 150)
	for range records {
		if _, err := j.Append(payload); err != nil {
			b.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		n := 0
		j, _, err := Open(o, 0, func(_ uint64, p []byte) error {
			n += len(p)
			return nil
		})
		if err != nil || n != records*150 {
			b.Fatalf("Open() = %v after %d bytes", err, n)
		}
		_ = j.Close()
	}
	b.ReportMetric(float64(records)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
