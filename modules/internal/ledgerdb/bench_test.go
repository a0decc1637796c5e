// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerdb

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/ledger/ledgertest"
)

// TestRecordAllocations does not run beside other tests, whose allocations would
// count.
func TestRecordAllocations(t *testing.T) {
	d := mustOpen(t, Options{Dir: t.TempDir()})
	r := ledgertest.Call("a", "gpt-4o")
	d.Record(&r)
	if n := testing.AllocsPerRun(1000, func() { d.Record(&r) }); n != 0 {
		t.Errorf("recording into an existing row allocates %v times", n)
	}
}

func benchmarkRecords() []ledger.Record {
	records := make([]ledger.Record, 200)
	for i := range records {
		records[i] = ledgertest.Call(fmt.Sprint("consumer-", i%50), fmt.Sprint("model-", i%4))
		records[i].Tags = "ci,prod"
	}
	return records
}

func BenchmarkRecord(b *testing.B) {
	records := benchmarkRecords()
	b.Run("serial", func(b *testing.B) {
		d := mustOpen(b, Options{Dir: b.TempDir(), CheckpointEvery: DefaultCheckpointEvery})
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			d.Record(&records[i%len(records)])
		}
	})
	b.Run("parallel", func(b *testing.B) {
		d := mustOpen(b, Options{Dir: b.TempDir(), CheckpointEvery: DefaultCheckpointEvery})
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				d.Record(&records[i%len(records)])
			}
		})
	})
}

func BenchmarkEncode(b *testing.B) {
	r := benchmarkRecords()[0]
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = appendRecord(buf[:0], &r)
	}
	b.SetBytes(int64(len(buf)))
}

// BenchmarkOpen replays a million records.
func BenchmarkOpen(b *testing.B) {
	const n = 1_000_000
	dir := b.TempDir()
	records := benchmarkRecords()
	d := mustOpen(b, Options{Dir: dir})
	for i := range n {
		d.Record(&records[i%len(records)])
	}
	if err := d.journal.Sync(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		b.StopTimer()
		killed := copyDir(b, dir)
		b.StartTimer()
		opened, recovery, err := Open(Options{Dir: killed, CheckpointEvery: seldom})
		if err != nil || recovery.Records != n {
			b.Fatal(recovery, err)
		}
		b.StopTimer()
		mustClose(b, opened)
		b.StartTimer()
	}
}

// BenchmarkRows reads a year of 200 rows an hour.
func BenchmarkRows(b *testing.B) {
	dir := b.TempDir()
	d := mustOpen(b, Options{Dir: dir, Bounds: ledger.Options{MaxTotal: 1 << 30}})
	const days = 365
	start := ledgertest.Noon.Truncate(24 * time.Hour)
	records := benchmarkRecords()
	for day := range days {
		sums := ledger.NewTable(ledger.Options{})
		for h := range 24 {
			for i := range records {
				records[i].At = start.AddDate(0, 0, day).Add(time.Duration(h) * time.Hour)
				sums.Record(&records[i])
			}
		}
		d.mu.Lock()
		d.current.sums.AddTable(sums)
		d.current.to++
		d.mu.Unlock()
		if err := d.checkpoint(); err != nil {
			b.Fatal(err)
		}
	}
	info, err := os.Stat(filepath.Join(dir, fileName))
	if err != nil {
		b.Fatal(err)
	}
	month := ledger.Query{Since: start.AddDate(0, 0, 150), Until: start.AddDate(0, 0, 180), By: []ledger.Dimension{ledger.ByConsumer}}
	year := ledger.Query{By: []ledger.Dimension{ledger.ByConsumer, ledger.ByModel}}
	one := ledger.Query{Filter: ledger.Filter{Consumer: "consumer-7"}, By: []ledger.Dimension{ledger.ByDay}}
	today := ledger.Query{Since: start.AddDate(0, 0, days-1), By: []ledger.Dimension{ledger.ByConsumer, ledger.ByHour}}
	for _, q := range []struct {
		name  string
		query ledger.Query
	}{{"a month by consumer", month}, {"the year by consumer and model", year}, {"the year of one consumer by day", one}, {"today", today}} {
		b.Run(q.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ledgertest.Rows(b, d, q.query)
			}
			b.ReportMetric(float64(info.Size())/1e6, "MB-of-file")
		})
	}
}
