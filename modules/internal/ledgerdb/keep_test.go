// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerdb

import (
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/ledger/ledgertest"
)

// hours lists for how many hours before noon the rows of d are.
func hours(t testing.TB, d *DB) (ago []int) {
	t.Helper()
	for _, w := range ledgertest.Rows(t, d, ledger.Query{By: []ledger.Dimension{ledger.ByHour}}) {
		ago = append(ago, int(ledgertest.Noon.Sub(w.Hour)/time.Hour))
	}
	return ago
}

func TestKeep(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		keep time.Duration
		now  time.Time
		want []int
	}{
		{"for ever", 0, ledgertest.Noon, []int{5, 4, 3, 2, 1, 0}},
		{"longer than there is", 100 * time.Hour, ledgertest.Noon, []int{5, 4, 3, 2, 1, 0}},
		{"three hours", 3 * time.Hour, ledgertest.Noon.Add(59 * time.Minute), []int{3, 2, 1, 0}},
		{"less than an hour", time.Minute, ledgertest.Noon.Add(30 * time.Minute), []int{0}},
		{"a clock that is behind", 3 * time.Hour, ledgertest.Noon.AddDate(-30, 0, 0), []int{5, 4, 3, 2, 1, 0}},
		{"a clock that is far ahead", 3 * time.Hour, ledgertest.Noon.AddDate(30, 0, 0), []int{2, 1, 0}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := mustOpen(t, Options{Dir: t.TempDir(), Keep: tc.keep, Now: func() time.Time { return tc.now }})
			for h := range 6 {
				r := ledgertest.Call("a", "x")
				r.At = r.At.Add(-time.Duration(h) * time.Hour)
				d.Record(&r)
			}
			if err := d.checkpoint(); err != nil {
				t.Fatal(err)
			}
			if err := d.prune(false); err != nil {
				t.Fatal(err)
			}
			if got := hours(t, d); !slices.Equal(got, tc.want) {
				t.Errorf("hours %v are left, want %v", got, tc.want)
			}
		})
	}
}

// TestKeepByItself: old hours go at the start, and when an hour has passed.
func TestKeepByItself(t *testing.T) {
	t.Parallel()
	var now atomic.Int64
	now.Store(ledgertest.Noon.Unix())
	o := Options{
		Dir: t.TempDir(), CheckpointEvery: time.Millisecond,
		Now: func() time.Time { return time.Unix(now.Load(), 0) },
	}
	d := mustOpen(t, o)
	record := func(h int) {
		t.Helper()
		r := ledgertest.Call("a", "x")
		r.At = r.At.Add(time.Duration(h) * time.Hour)
		d.Record(&r)
	}
	for h := range 6 {
		record(-h)
	}
	mustClose(t, d)
	o.Keep = 2 * time.Hour
	d = mustOpen(t, o)
	eventually(t, "deleting at the start", func() bool { return slices.Equal(hours(t, d), []int{2, 1, 0}) })
	record(1)
	if err := d.checkpoint(); err != nil {
		t.Fatal(err)
	}
	now.Add(3600)
	eventually(t, "deleting after an hour", func() bool { return slices.Equal(hours(t, d), []int{1, 0, -1}) })
}

// TestKeepDeletesInSteps: however much there is to delete, a transaction deletes a
// bounded number of rows.
func TestKeepDeletesInSteps(t *testing.T) {
	t.Parallel()
	d := mustOpen(t, Options{Dir: t.TempDir(), Now: func() time.Time { return ledgertest.Noon }})
	r := ledgertest.Call("a", "x")
	for h := range pruneAtOnce + 10 {
		r.At = ledgertest.Noon.Add(-time.Duration(h) * time.Hour)
		d.Record(&r)
	}
	if err := d.checkpoint(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []bool{true, false} {
		if more, err := d.pruneSome(time.Hour, math.MaxInt32); err != nil || more != want {
			t.Errorf("pruneSome = %v, %v, want %v", more, err, want)
		}
	}
	if got := hours(t, d); !slices.Equal(got, []int{1, 0}) {
		t.Errorf("hours %v are left", got)
	}
}

// TestSetKeep: another time to keep is applied at once, and not only in the next
// hour.
func TestSetKeep(t *testing.T) {
	t.Parallel()
	d := mustOpen(t, Options{
		Dir: t.TempDir(), Keep: 100 * time.Hour, CheckpointEvery: time.Millisecond,
		Now: func() time.Time { return ledgertest.Noon },
	})
	for h := range 6 {
		r := ledgertest.Call("a", "x")
		r.At = r.At.Add(-time.Duration(h) * time.Hour)
		d.Record(&r)
	}
	if err := d.checkpoint(); err != nil {
		t.Fatal(err)
	}
	d.SetKeep(0)
	if got := hours(t, d); len(got) != 6 {
		t.Errorf("hours %v are left of what is kept for ever", got)
	}
	d.SetKeep(2 * time.Hour)
	eventually(t, "deleting after the change", func() bool { return slices.Equal(hours(t, d), []int{2, 1, 0}) })
}

// TestKeepWithRowsOfTheFuture: a clock that was ahead while requests were recorded
// costs little of what there is.
func TestKeepWithRowsOfTheFuture(t *testing.T) {
	t.Parallel()
	future := ledgertest.Noon.AddDate(5, 0, 0)
	var looks atomic.Int64
	d := mustOpen(t, Options{Dir: t.TempDir(), Keep: 400 * 24 * time.Hour, RetryEvery: time.Millisecond, Now: func() time.Time {
		looks.Add(1)
		return future
	}})
	// It looks for old rows by itself when it is opened. When it looks at the clock again it
	// has done so, and will not until the hour changes.
	eventually(t, "there were no old rows", func() bool { return looks.Load() > 1 })
	r := ledgertest.Call("a", "x")
	for h := range 100 {
		r.At = ledgertest.Noon.Add(-time.Duration(h) * time.Hour)
		d.Record(&r)
	}
	r.At = future
	d.Record(&r)
	if err := d.checkpoint(); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{101 - pruneHours, 101 - 2*pruneHours, 1} {
		if err := d.prune(false); err != nil {
			t.Fatal(err)
		}
		if got := len(hours(t, d)); got != want {
			t.Errorf("after %d hours under the wrong clock %d rows are left, want %d", i+1, got, want)
		}
	}
}
