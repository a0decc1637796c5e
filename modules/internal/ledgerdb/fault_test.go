// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerdb

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/caddy-gateway/tollgate/modules/internal/boltfile"
	"github.com/caddy-gateway/tollgate/modules/internal/journal"
	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/ledger/ledgertest"
)

// changes collects what OnChange is told.
type changes struct {
	mu   sync.Mutex
	told []error
}

func (c *changes) add(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = append(c.told, err)
}

func (c *changes) list() []error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.told
}

// limit makes the database refuse to grow beyond what it has, or lets it again.
func (d *DB) limit(on bool) {
	d.checkpointing.Lock()
	defer d.checkpointing.Unlock()
	d.file.DB.MaxSize = 0
	if on {
		d.file.DB.MaxSize = 1 // what it has stays
	}
}

// recordMany records requests of ever different consumers.
func recordMany(d *DB, from, to int) {
	for i := from; i < to; i++ {
		d.Record(new(ledgertest.Call(fmt.Sprint("consumer-", i), "x")))
	}
}

// TestFullDisk: traffic goes on, everything is counted, Err and OnChange say what
// is wrong, and when there is space again nothing has been lost.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		journal  bool // is on a full disk
		unsynced bool // or one that does not sync
		database bool // is on a full disk
		want     error
	}{
		{"journal", true, false, false, nil}, // which the database makes up for
		{"journal that does not sync", false, true, false, errSync},
		{"database", false, false, true, berrors.ErrMaxSizeReached},
		{"both", true, false, true, berrors.ErrMaxSizeReached},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var fs disk
			var told changes
			dir := t.TempDir()
			d := mustOpen(t, Options{
				Dir: dir, CheckpointEvery: 5 * time.Millisecond, RetryEvery: time.Millisecond, OnChange: told.add,
				Journal: journal.Options{FS: &fs, SyncDelay: time.Millisecond},
			})
			recordMany(d, 0, 50)
			d.limit(tc.database)
			fs.full.Store(tc.journal)
			fs.unsynced.Store(tc.unsynced)
			n := 50
			eventually(t, "telling that something is wrong", func() bool {
				recordMany(d, n, n+20)
				n += 20
				return len(told.list()) > 0
			})
			recordMany(d, n, n+100)
			n += 100
			if first := told.list()[0]; first == nil || tc.want != nil && !errors.Is(first, tc.want) && !errors.Is(first, syscall.ENOSPC) {
				t.Errorf("OnChange was told %v", first)
			}
			if got := total(t, d).Requests; got != int64(n) {
				t.Errorf("%d requests are there, want %d", got, n)
			}
			fs.full.Store(false)
			fs.unsynced.Store(false)
			d.limit(false)
			eventually(t, "health", func() bool { return d.Err() == nil })
			eventually(t, "telling so", func() bool {
				list := told.list()
				return list[len(list)-1] == nil
			})
			recordMany(d, n, n+10)
			n += 10
			// A kill now loses nothing, and counts nothing twice.
			killed := mustOpen(t, Options{Dir: copyDir(t, dir)})
			if got := total(t, killed).Requests; got != int64(n) {
				t.Errorf("after a kill there are %d requests, want %d", got, n)
			}
			mustClose(t, d)
			if got := total(t, mustOpen(t, Options{Dir: dir})).Requests; got != int64(n) {
				t.Errorf("after the end there are %d requests, want %d", got, n)
			}
		})
	}
}

// TestFullDiskForLong: what is kept in memory is bounded, and no sum is lost.
func TestFullDiskForLong(t *testing.T) {
	t.Parallel()
	var fs disk
	dir := t.TempDir()
	o := Options{
		Dir: dir, RetryEvery: time.Millisecond, Bounds: ledger.Options{MaxRows: 20, MaxTotal: 100},
		Journal: journal.Options{FS: &fs},
	}
	d := mustOpen(t, o)
	recordMany(d, 0, 1)
	if err := d.checkpoint(); err != nil {
		t.Fatal(err)
	}
	d.limit(true)
	fs.full.Store(true)
	const n = 5000
	for i := range n {
		r := ledgertest.Call(fmt.Sprint("consumer-", i%70), fmt.Sprint("model-", i%90))
		r.At = r.At.Add(time.Duration(i) * time.Minute)
		d.Record(&r)
	}
	d.mu.Lock()
	rows := d.current.sums.Len()
	if d.frozen != nil {
		rows += d.frozen.sums.Len()
	}
	d.mu.Unlock()
	if rows > 2*(100+61) {
		t.Errorf("%d rows are in memory", rows)
	}
	if got := total(t, d); got.Requests != n+1 || d.Err() == nil {
		t.Errorf("there is %+v, Err = %v", got, d.Err())
	}
	fs.full.Store(false)
	d.limit(false)
	eventually(t, "health", func() bool { return d.Err() == nil })
	mustClose(t, d)
	if got := total(t, mustOpen(t, Options{Dir: dir})).Requests; got != n+1 {
		t.Errorf("%d requests are left", got)
	}
}

// TestFullAtStart: a ledger that can be read but not written is opened, and says
// so.
func TestFullAtStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := mustOpen(t, Options{Dir: dir})
	recordMany(d, 0, 10)
	killed := copyDir(t, dir) // all of it in the journal
	var fs disk
	fs.full.Store(true)
	d = mustOpen(t, Options{Dir: killed, RetryEvery: time.Millisecond, Journal: journal.Options{FS: &fs}})
	d.limit(true)
	recordMany(d, 10, 20)
	if got := total(t, d).Requests; got != 20 || d.Err() == nil {
		t.Errorf("%d requests, Err = %v", got, d.Err())
	}
	fs.full.Store(false)
	d.limit(false)
	eventually(t, "health", func() bool { return d.Err() == nil })
	if got := total(t, mustOpen(t, Options{Dir: copyDir(t, killed)})).Requests; got != 20 {
		t.Errorf("%d requests are left", got)
	}
}

// TestCommitThatCounts: a transaction that fails at its very end may count. Its
// records must not be added again.
func TestCommitThatCounts(t *testing.T) {
	t.Parallel()
	d := mustOpen(t, Options{Dir: t.TempDir()})
	recordMany(d, 0, 10)
	d.mu.Lock()
	f := d.current
	d.mu.Unlock()
	// What such a transaction leaves behind.
	if err := d.file.DB.Update(func(tx *bbolt.Tx) error { return d.add(tx, &f) }); err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	d.frozen = &f
	d.current = layer{sums: ledger.NewTable(d.o.Bounds), from: f.to, to: f.to}
	d.mu.Unlock()
	if got := total(t, d).Requests; got != 10 {
		t.Errorf("while it is not known to count, there are %d requests", got)
	}
	d.thaw(false)
	recordMany(d, 10, 15)
	if got := total(t, d).Requests; got != 15 {
		t.Errorf("there are %d requests", got)
	}
	if err := d.checkpoint(); err != nil || total(t, d).Requests != 15 {
		t.Errorf("checkpoint = %v, then %+v", err, total(t, d))
	}
}

// TestDamagedRow: it is left out and reported, never read as money; its key can be
// used again.
func TestDamagedRow(t *testing.T) {
	t.Parallel()
	d := mustOpen(t, Options{Dir: t.TempDir()})
	recordMany(d, 0, 3)
	if err := d.checkpoint(); err != nil {
		t.Fatal(err)
	}
	err := d.file.DB.Update(func(tx *bbolt.Tx) error {
		key, value := tx.Bucket(bucketRows).Cursor().First()
		value = append([]byte{}, value...)
		value[len(value)-1] ^= 1
		return tx.Bucket(bucketRows).Put(append([]byte{}, key...), value)
	})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := d.Rows(ledgertest.Everything)
	if !errors.Is(err, ErrDamaged) || len(rows) != 2 || !strings.Contains(err.Error(), "2026-06-01T12") {
		t.Errorf("Rows = %d rows, %v", len(rows), err)
	}
	recordMany(d, 0, 1)
	if err := d.checkpoint(); err != nil {
		t.Fatal(err)
	}
	if got := total(t, d).Requests; got != 3 {
		t.Errorf("there are %d requests", got)
	}
}

// TestDamagedFile: whatever bytes of the file are wrong, nothing panics and nothing
// is invented.
func TestDamagedFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := filled(t, dir, 300)
	want := total(t, d)
	mustClose(t, d)
	data, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	data = data[:min(len(data), 20*boltfile.PageSize)]
	for at := 0; at < len(data); at += 409 {
		bad := filepath.Join(t.TempDir(), "ledger")
		damaged := append([]byte{}, data...)
		damaged[at] ^= 0xff
		put(t, filepath.Join(bad, fileName), damaged)
		b, _, err := Open(Options{Dir: bad, CheckpointEvery: seldom})
		if err != nil {
			continue
		}
		recordMany(b, 0, 5)
		rows, err := b.Rows(ledger.Query{})
		if got := ledger.Sum(rows); got.Requests > want.Requests+5 || got.Cost.Amount() > want.Cost.Amount()+5*300 {
			t.Errorf("byte %d: the sums are %+v (%v)", at, got, err)
		}
		_ = b.checkpoint()
		_, _ = b.Rows(ledgertest.Everything)
		_ = b.Close()
		_ = os.RemoveAll(bad)
	}
}

// TestUnreadableRecords are counted, and those of a newer version not passed over.
func TestUnreadableRecords(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := mustOpen(t, Options{Dir: dir})
	recordMany(d, 0, 2)
	if _, err := d.journal.Append([]byte{recordVersion, 0xff, 1}); err != nil {
		t.Fatal(err)
	}
	killed := copyDir(t, dir)
	b, recovery, err := Open(Options{Dir: killed})
	if err != nil {
		t.Fatal(err)
	}
	if !recovery.Lossy() || recovery.Unreadable != 1 || !strings.Contains(recovery.String(), "1 of them mean nothing") || total(t, b).Requests != 2 {
		t.Errorf("recovery is %q, then there is %+v", recovery, total(t, b))
	}
	mustClose(t, b)
	if _, err := d.journal.Append([]byte{recordVersionCached + 1}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(Options{Dir: copyDir(t, dir)}); err == nil || !strings.Contains(err.Error(), "newer version") {
		t.Errorf("a newer journal: %v", err)
	}
}
