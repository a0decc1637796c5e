// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerdb

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/boltfile"
	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/ledger/ledgertest"
	"github.com/caddy-gateway/tollgate/modules/internal/money"
)

// seldom keeps checkpoints from happening but when a test makes one.
const seldom = 24 * time.Hour

func mustOpen(t testing.TB, o Options) *DB {
	t.Helper()
	if o.CheckpointEvery == 0 {
		o.CheckpointEvery = seldom
	}
	d, _, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func mustClose(t testing.TB, d *DB) {
	t.Helper()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

// total is the sum of everything in l.
func total(t testing.TB, l ledger.Ledger) ledger.Row {
	t.Helper()
	return ledger.Sum(ledgertest.Rows(t, l, ledger.Query{}))
}

// eventually waits for what the goroutine of a ledger does.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 10 seconds", what)
		}
		<-time.After(time.Millisecond)
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	opened := func(every time.Duration) ledgertest.Open {
		return func(t *testing.T, o ledger.Options) ledger.Ledger {
			t.Helper()
			return mustOpen(t, Options{Dir: t.TempDir(), Bounds: o, CheckpointEvery: every})
		}
	}
	inFile := func(t *testing.T, o ledger.Options) ledger.Ledger {
		t.Helper()
		return &written{mustOpen(t, Options{Dir: t.TempDir(), Bounds: o})}
	}
	oneByOne := func(t *testing.T, o ledger.Options) ledger.Ledger {
		t.Helper()
		return &inOrder{written{mustOpen(t, Options{Dir: t.TempDir(), Bounds: o})}}
	}
	for _, tc := range []struct {
		name string
		run  func(*testing.T, ledgertest.Open)
		open ledgertest.Open
	}{
		{"in memory", ledgertest.Run, opened(seldom)},
		{"in the database", ledgertest.Run, inFile},
		{"checkpoints meanwhile", ledgertest.Run, opened(time.Millisecond)},
		{"bounds in memory", ledgertest.RunBounds, opened(seldom)},
		{"bounds in the database", ledgertest.RunBounds, oneByOne},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.run(t, tc.open)
		})
	}
}

// written is a ledger that answers from the database alone.
type written struct{ *DB }

func (w *written) Rows(q ledger.Query) ([]ledger.Row, error) {
	if err := w.checkpoint(); err != nil {
		return nil, err
	}
	return w.DB.Rows(q)
}

// inOrder is a ledger whose rows are made in the order of the records, which
// decides on the detail they have.
type inOrder struct{ written }

func (i *inOrder) Record(r *ledger.Record) {
	i.DB.Record(r)
	_ = i.checkpoint() // Rows tells
}

// random returns a record of any of some keys and hours.
func random(r *rand.Rand) *ledger.Record {
	rec := ledgertest.Call(fmt.Sprint("consumer-", r.IntN(3)), fmt.Sprint("model-", r.IntN(3)))
	rec.At = rec.At.Add(time.Duration(r.Int64N(int64(100 * time.Hour))))
	rec.Exact, rec.Failed = r.IntN(2) == 0, r.IntN(5) == 0
	rec.Cached, rec.Avoided = r.IntN(4) == 0, money.Amount(r.Int64N(1000))
	return &rec
}

// copyDir copies what a process that is killed now would leave behind.
func copyDir(t testing.TB, from string) (to string) {
	t.Helper()
	to = t.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return to
}

// TestReopen: after a proper end as after a kill, whatever was recorded before is
// there once.
func TestReopen(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // The same records each time.
	dir := t.TempDir()
	d := mustOpen(t, Options{Dir: dir})
	var want ledger.Row
	for i := range 50 {
		for range r.IntN(40) {
			rec := random(r)
			want.AddRecord(rec)
			d.Record(rec)
		}
		if r.IntN(3) == 0 {
			if err := d.checkpoint(); err != nil {
				t.Fatal(err)
			}
		}
		killed := mustOpen(t, Options{Dir: copyDir(t, dir)})
		if got := total(t, killed); got != want {
			t.Fatalf("kill %d: the sums are %+v, want %+v", i, got, want)
		}
		mustClose(t, killed)
		if i%10 != 9 {
			continue
		}
		mustClose(t, d)
		d = mustOpen(t, Options{Dir: dir})
		if got := total(t, d); got != want {
			t.Fatalf("end %d: the sums are %+v, want %+v", i, got, want)
		}
	}
}

// TestKillBeforeRelease: a journal whose records are in the database already adds
// nothing.
func TestKillBeforeRelease(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := mustOpen(t, Options{Dir: dir})
	for range 10 {
		d.Record(new(ledgertest.Call("a", "x")))
	}
	before := copyDir(t, dir)
	if err := d.checkpoint(); err != nil {
		t.Fatal(err)
	}
	d.Record(new(ledgertest.Call("a", "x")))
	want := total(t, d)
	mustClose(t, d)
	// The database after the commit, and the journal as it was before.
	data, err := os.ReadFile(filepath.Join(dir, fileName))
	if err == nil {
		err = os.WriteFile(filepath.Join(before, fileName), data, fileMode)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := total(t, mustOpen(t, Options{Dir: before})); got != want || want.Requests != 11 {
		t.Errorf("the sums are %+v, want %+v", got, want)
	}
}

func TestSecondProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := mustOpen(t, Options{Dir: dir})
	_, _, err := Open(Options{Dir: dir})
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "another process uses it") {
		t.Errorf("the second one gets %v", err)
	}
	mustClose(t, d)
	mustClose(t, mustOpen(t, Options{Dir: dir}))
}

func TestClosed(t *testing.T) {
	t.Parallel()
	d := mustOpen(t, Options{Dir: t.TempDir()})
	mustClose(t, d)
	mustClose(t, d)
	d.Record(new(ledgertest.Call("a", "x")))
	if err := d.Err(); !errors.Is(err, ErrClosed) {
		t.Errorf("Err = %v", err)
	}
	if _, err := d.Rows(ledger.Query{}); err == nil {
		t.Error("a closed ledger answers")
	}
	if err := d.Backup(&strings.Builder{}); !errors.Is(err, ErrClosed) {
		t.Errorf("Backup = %v", err)
	}
}

// TestOpenRefuses what it cannot use, in words that name it.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		prepare func(t *testing.T, dir string)
		want    string
	}{
		{"a file instead of the directory", func(t *testing.T, dir string) {
			t.Helper()
			put(t, dir, nil)
		}, "make ledger directory"},
		{"another kind of file", func(t *testing.T, dir string) {
			t.Helper()
			put(t, filepath.Join(dir, fileName), make([]byte, 1<<16))
		}, "invalid database"},
		{"a directory in its place", func(t *testing.T, dir string) {
			t.Helper()
			if err := os.MkdirAll(filepath.Join(dir, fileName), dirMode); err != nil {
				t.Fatal(err)
			}
		}, "is a directory"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "ledger")
			tc.prepare(t, dir)
			_, _, err := Open(Options{Dir: dir})
			if err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Open = %v, want %q and the directory", err, tc.want)
			}
		})
	}
}

func put(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), dirMode); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, fileMode); err != nil {
		t.Fatal(err)
	}
}

func TestStats(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := mustOpen(t, Options{Dir: dir})
	check := func(applied, last uint64, pending int, oldest time.Time) {
		t.Helper()
		s, err := d.Stats()
		if err != nil || s.Dir != dir || s.Bytes == 0 || s.Applied != applied || s.Last != last || s.Pending != pending || !s.Oldest.Equal(oldest) {
			t.Errorf("Stats = %+v, %v", s, err)
		}
	}
	check(0, 0, 0, time.Time{})
	for _, c := range []string{"a", "b", "a"} {
		d.Record(new(ledgertest.Call(c, "x")))
	}
	check(0, 3, 2, time.Time{})
	if err := d.checkpoint(); err != nil {
		t.Fatal(err)
	}
	check(3, 3, 0, ledgertest.Noon)
	mustClose(t, d)
	if _, err := d.Stats(); err == nil {
		t.Error("a closed ledger has facts")
	}
}

// TestInterruptedCreation: a file that was never finished does not stand in the
// way.
func TestInterruptedCreation(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, boltfile.PageSize, boltfile.Smallest - 1} {
		dir := t.TempDir()
		put(t, filepath.Join(dir, fileName), make([]byte, size))
		d := mustOpen(t, Options{Dir: dir})
		d.Record(new(ledgertest.Call("a", "x")))
		if err := d.checkpoint(); err != nil || total(t, d).Requests != 1 {
			t.Errorf("after %d bytes the ledger has %+v, %v", size, total(t, d), err)
		}
	}
}
