// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/ledger/ledgertest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	open := func(_ *testing.T, o ledger.Options) ledger.Ledger { return ledger.NewMemory(o) }
	ledgertest.Run(t, open)
	ledgertest.RunBounds(t, open)
}

// TestMemoryAllocations does not run beside other tests, whose allocations
// would count.
func TestMemoryAllocations(t *testing.T) {
	m := ledger.NewMemory(ledger.Options{})
	r := ledgertest.Call("a", "gpt-4o")
	m.Record(&r)
	if n := testing.AllocsPerRun(100, func() { m.Record(&r) }); n != 0 {
		t.Errorf("recording into an existing row allocates %v times", n)
	}
}

// TestMemoryFootprint does not run beside other tests, since it measures memory.
func TestMemoryFootprint(t *testing.T) {
	const n = 10_000
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	before := heap()
	m := ledger.NewMemory(ledger.Options{})
	for i := range n {
		r := ledgertest.Call(fmt.Sprint("consumer-", i), "gpt-4o")
		m.Record(&r)
	}
	each := float64(heap()-before) / n
	t.Logf("%.0f bytes per row", each)
	if each > 800 {
		t.Errorf("a row takes %.0f bytes", each)
	}
	runtime.KeepAlive(m)
}

func BenchmarkRecord(b *testing.B) {
	b.Run("one row", func(b *testing.B) {
		m := ledger.NewMemory(ledger.Options{})
		r := ledgertest.Call("consumer", "gpt-4o")
		b.ReportAllocs()
		for b.Loop() {
			m.Record(&r)
		}
	})
	b.Run("10000 rows", func(b *testing.B) {
		m := ledger.NewMemory(ledger.Options{})
		records := make([]ledger.Record, 10_000)
		for i := range records {
			records[i] = ledgertest.Call(fmt.Sprint("consumer-", i), "gpt-4o")
			m.Record(&records[i])
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			m.Record(&records[i%len(records)])
		}
	})
	b.Run("folding", func(b *testing.B) {
		m := ledger.NewMemory(ledger.Options{MaxPerConsumer: 1})
		first, r := ledgertest.Call("consumer", "gpt-4o"), ledgertest.Call("consumer", "another")
		m.Record(&first)
		b.ReportAllocs()
		for b.Loop() {
			m.Record(&r)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		m := ledger.NewMemory(ledger.Options{})
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			r := ledgertest.Call("consumer", "gpt-4o")
			for pb.Next() {
				m.Record(&r)
			}
		})
	})
}

func BenchmarkRows(b *testing.B) {
	m := ledger.NewMemory(ledger.Options{})
	for i := range 10_000 {
		r := ledgertest.Call(fmt.Sprint("consumer-", i), "gpt-4o")
		m.Record(&r)
	}
	b.ReportAllocs()
	for b.Loop() {
		ledgertest.Rows(b, m, ledgertest.Everything)
	}
}
