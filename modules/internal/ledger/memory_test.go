// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// TestMemoryConcurrency: nothing is lost or torn however many record and read.
func TestMemoryConcurrency(t *testing.T) {
	t.Parallel()
	const workers, rounds = 8, 500
	m := ledger.NewMemory(ledger.Options{MaxRows: 40, MaxPerConsumer: 3})
	var recording, reading sync.WaitGroup
	done := make(chan struct{})
	reading.Go(func() {
		for {
			for _, w := range m.Rows(ledger.Filter{}) {
				if w.Counts[usage.Output] != 10*w.Requests || w.Cost != dollars(300*money.Amount(w.Requests)) {
					t.Errorf("row is torn: %+v", w)
					return
				}
			}
			select {
			case <-done:
				return
			default:
				runtime.Gosched()
			}
		}
	})
	for worker := range workers {
		recording.Go(func() {
			for i := range rounds {
				r := call(fmt.Sprint("consumer-", i%20), fmt.Sprint("model-", (i+worker)%7))
				m.Record(&r)
			}
		})
	}
	recording.Wait()
	close(done)
	reading.Wait()
	if total := ledger.Sum(m.Rows(ledger.Filter{})); total.Requests != workers*rounds {
		t.Errorf("%d of %d requests are there", total.Requests, workers*rounds)
	}
}

// TestMemoryFolds walks through the levels of detail that a full ledger gives up.
func TestMemoryFolds(t *testing.T) {
	t.Parallel()
	const limit = 3
	m := ledger.NewMemory(ledger.Options{MaxRows: limit})
	requests := func(k ledger.Key) int64 {
		t.Helper()
		i := slices.IndexFunc(m.Rows(ledger.Filter{}), func(w ledger.Row) bool { return w.Key == k })
		if i < 0 {
			return 0
		}
		return m.Rows(ledger.Filter{})[i].Requests
	}
	record := func(consumer, provider, model string) {
		t.Helper()
		r := call(consumer, model)
		r.Provider = provider
		m.Record(&r)
	}
	key := func(consumer, provider, model, route string) ledger.Key {
		return ledger.Key{Consumer: consumer, Provider: provider, Model: model, Route: route}
	}
	const other = ledger.Other

	for i := range limit {
		record("a", "openai", fmt.Sprint("m", i))
	}
	record("a", "openai", "m3")
	record("a", "openai", "m4")
	record("a", "openai", "m0")
	if requests(key("a", "openai", other, "chat")) != 2 || requests(key("a", "openai", "m0", "chat")) != 2 {
		t.Error("further models of a consumer fold; those that have a row keep it")
	}
	record("b", "openai", "m0")
	record("c", "openai", "m0")
	record("d", "openai", "m0")
	record("d", "anthropic", "m9")
	if requests(key("d", other, other, other)) != 2 {
		t.Error("then provider and route fold")
	}
	record("e", "openai", "m0")
	record("f", "openai", "m0")
	record("g", "openai", "m0")
	record("h", "openai", "m0")
	if requests(key(other, other, other, other)) != 2 {
		t.Error("and in the end the consumer")
	}
	for i := range 100 {
		record(fmt.Sprint("many", i), fmt.Sprint("p", i), fmt.Sprint("m", i))
	}
	rows := m.Rows(ledger.Filter{})
	if len(rows) != 3*limit+1 {
		t.Errorf("%d rows", len(rows))
	}
	if total := ledger.Sum(rows); total.Requests != 114 {
		t.Errorf("%d requests", total.Requests)
	}
	if got := m.Rows(ledger.Filter{Consumer: other}); len(got) != 1 || got[0].Requests != 102 {
		t.Errorf("rows of %s are %+v", other, got)
	}
}

// TestMemoryPerConsumer guards against one client that invents model names and
// takes the detail from all others.
func TestMemoryPerConsumer(t *testing.T) {
	t.Parallel()
	m := ledger.NewMemory(ledger.Options{MaxPerConsumer: 10})
	for i := range 1000 {
		r := call("greedy", fmt.Sprint("invented-", i))
		m.Record(&r)
	}
	r := call("modest", "gpt-4o")
	m.Record(&r)
	if rows := m.Rows(ledger.Filter{Consumer: "greedy"}); len(rows) != 11 || ledger.Sum(rows).Requests != 1000 {
		t.Errorf("%d rows", len(rows))
	}
	if rows := m.Rows(ledger.Filter{Consumer: "modest", Model: "gpt-4o"}); len(rows) != 1 {
		t.Errorf("rows = %+v", rows)
	}
}

// TestMemoryNames guards against names of any length, which clients choose,
// and against keeping the request body that a name is part of.
func TestMemoryNames(t *testing.T) {
	t.Parallel()
	const most = 256
	for _, tc := range []struct {
		name, model string
		want        int
	}{
		{"short", "m", 1},
		{"longest", strings.Repeat("m", most), most},
		{"too long", strings.Repeat("m", most+1), most},
		{"cut within a character", strings.Repeat("m", most-1) + "é", most - 1},
		{"cut within a long character", strings.Repeat("m", most-3) + "🔑", most - 3},
		{"not UTF-8", strings.Repeat("\x80", 2*most), most - utf8.UTFMax},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			rows := recorded(ledger.Options{}, call("a", tc.model), call("a", tc.model)).Rows(ledger.Filter{})
			if len(rows) != 1 || len(rows[0].Model) != tc.want || !strings.HasPrefix(tc.model, rows[0].Model) {
				t.Errorf("rows = %+v", rows)
			}
		})
	}
}

// TestMemoryAllocations does not run beside other tests, whose allocations
// would count.
func TestMemoryAllocations(t *testing.T) {
	m := ledger.NewMemory(ledger.Options{})
	r := call("a", "gpt-4o")
	m.Record(&r)
	if n := testing.AllocsPerRun(100, func() { m.Record(&r) }); n != 0 {
		t.Errorf("recording into an existing row allocates %v times", n)
	}
}

// TestMemoryFootprint does not run beside other tests, since it measures memory.
func TestMemoryFootprint(t *testing.T) {
	const n = 20_000
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
		r := call(fmt.Sprint("consumer-", i), "gpt-4o")
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
		r := call("consumer", "gpt-4o")
		b.ReportAllocs()
		for b.Loop() {
			m.Record(&r)
		}
	})
	b.Run("10000 rows", func(b *testing.B) {
		m := ledger.NewMemory(ledger.Options{})
		records := make([]ledger.Record, 10_000)
		for i := range records {
			records[i] = call(fmt.Sprint("consumer-", i), "gpt-4o")
			m.Record(&records[i])
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			m.Record(&records[i%len(records)])
		}
	})
	b.Run("folding", func(b *testing.B) {
		m := ledger.NewMemory(ledger.Options{MaxPerConsumer: 1})
		first, r := call("consumer", "gpt-4o"), call("consumer", "another")
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
			r := call("consumer", "gpt-4o")
			for pb.Next() {
				m.Record(&r)
			}
		})
	})
}

func BenchmarkRows(b *testing.B) {
	m := ledger.NewMemory(ledger.Options{})
	for i := range 10_000 {
		r := call(fmt.Sprint("consumer-", i), "gpt-4o")
		m.Record(&r)
	}
	b.ReportAllocs()
	for b.Loop() {
		m.Rows(ledger.Filter{})
	}
}
