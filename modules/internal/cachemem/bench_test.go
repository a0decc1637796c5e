// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachemem

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/caching"
)

func BenchmarkHit(b *testing.B) {
	for _, size := range []int{1 << 10, 20 << 10, 1 << 20} {
		for _, compress := range []bool{false, true} {
			b.Run(fmt.Sprintf("%d KB compressed %t", size>>10, compress), func(b *testing.B) {
				s := open(b, caching.Options{Compress: compress})
				e := typical(1, 0)
				e.Body = [][]byte{[]byte(strings.Repeat("data: {\"delta\":{\"content\":\"one\"}}\n\n", size/30+1)[:size])}
				if _, err := s.Put(b.Context(), numbered(1), e, caching.Mark{}); err != nil {
					b.Fatal(err)
				}
				k := numbered(1)
				b.ReportAllocs()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if e, err := s.Get(b.Context(), k); e == nil || err != nil {
							b.Error("a miss")
							return
						}
					}
				})
			})
		}
	}
}

func BenchmarkMiss(b *testing.B) {
	s := open(b, caching.Options{})
	k := numbered(1)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = s.Get(b.Context(), k)
	}
}

// BenchmarkPut puts keys that never come again into a store that is full.
func BenchmarkPut(b *testing.B) {
	s := open(b, caching.Options{MaxBytes: 16 << 20, OwnerShare: 1})
	flood(b, s, 2, sizesOf["1 KB"])
	b.ReportAllocs()
	n := uint64(1) << 40
	for b.Loop() {
		n++
		if _, err := s.Put(b.Context(), numbered(n), typical(n, 1000), caching.Mark{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPurge looks for a consumer in a full store of 128 MiB.
func BenchmarkPurge(b *testing.B) {
	s := open(b, caching.Options{OwnerShare: 1})
	flood(b, s, 1, sizesOf["1 KB"])
	b.ReportMetric(float64(s.Stats().Entries), "entries")
	for b.Loop() {
		if _, err := s.Purge(b.Context(), "consumer:none"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFlood measures the live heap of 128 MiB under a flood of unique keys, and what
// the garbage collector adds to it.
func BenchmarkFlood(b *testing.B) {
	for name, size := range sizesOf {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				before := live()
				s := New(caching.Options{OwnerShare: 1})
				flood(b, s, 2, size)
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				b.ReportMetric(float64(live()-before)/DefaultMaxBytes, "live/max")
				b.ReportMetric(float64(m.Sys)/DefaultMaxBytes, "sys/max")
				_ = s.Close()
			}
		})
	}
}

// BenchmarkPutBesideHits is what puts cost those who hit.
func BenchmarkPutBesideHits(b *testing.B) {
	s := open(b, caching.Options{MaxBytes: 16 << 20, OwnerShare: 1})
	flood(b, s, 2, sizesOf["1 KB"])
	r := rand.New(rand.NewPCG(1, 2))
	z := rand.NewZipf(r, 1.1, 1, 100_000)
	b.ReportAllocs()
	for b.Loop() {
		k := numbered(z.Uint64())
		if e, _ := s.Get(b.Context(), k); e == nil {
			e := typical(1, 1000)
			e.Expires = time.Now().Add(time.Minute)
			_, _ = s.Put(b.Context(), k, e, caching.Mark{})
		}
	}
}
