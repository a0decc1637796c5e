// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitdb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/caddy-gateway/tollgate/modules/internal/journal"
	"github.com/caddy-gateway/tollgate/modules/limits"
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

func decideMany(t testing.TB, d *DB, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		settle(d, decide(t, d, check(month, fmt.Sprint("consumer-", i), 100)), 7)
	}
}

// TestFullDisk: traffic goes on, everything is counted, Err and OnChange say what is
// wrong, and when there is space again nothing has been lost.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		journal  bool // is on a full disk
		unsynced bool // or one that does not sync
		database bool // is on a full disk
	}{
		{"journal", true, false, false},
		{"journal that does not sync", false, true, false},
		{"database", false, false, true},
		{"both", true, false, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var disk disk
			var told changes
			dir := t.TempDir()
			d := mustOpen(t, Options{
				Dir: dir, CheckpointEvery: 5 * time.Millisecond, RetryEvery: time.Millisecond, OnChange: told.add,
				Journal: journal.Options{FS: &disk, SyncDelay: time.Millisecond},
			})
			decideMany(t, d, 0, 50)
			d.limit(tc.database)
			disk.full.Store(tc.journal)
			disk.unsynced.Store(tc.unsynced)
			n := 50
			eventually(t, "telling that something is wrong", func() bool {
				decideMany(t, d, n, n+200)
				n += 200
				return len(told.list()) > 0
			})
			decideMany(t, d, n, n+100)
			n += 100
			if first := told.list()[0]; first == nil {
				t.Error("OnChange was told that all is well")
			}
			disk.full.Store(false)
			disk.unsynced.Store(false)
			d.limit(false)
			eventually(t, "health", func() bool { return d.Err() == nil })
			eventually(t, "telling so", func() bool {
				list := told.list()
				return list[len(list)-1] == nil
			})
			decideMany(t, d, n, n+10)
			n += 10
			if s, err := d.Stats(); err != nil || s.Unwritten != 0 {
				t.Errorf("%d changes are unwritten (%v), want none", s.Unwritten, err)
			}
			for name, again := range map[string]*DB{
				"killed": mustOpen(t, Options{Dir: crashedUnlessBusy(t, d, dir)}),
				"closed": func() *DB { mustClose(t, d); return mustOpen(t, Options{Dir: dir}) }(),
			} {
				for i := range n {
					if got := used(t, again, month, fmt.Sprint("consumer-", i)); got != 7 {
						t.Fatalf("%s: consumer %d of %d has used %d, want 7", name, i, n, got)
					}
				}
			}
		})
	}
}

// crashedUnlessBusy copies a directory between two checkpoints, since a copy that is
// made during one is not what a kill leaves.
func crashedUnlessBusy(t testing.TB, d *DB, dir string) string {
	t.Helper()
	d.checkpointing.Lock()
	defer d.checkpointing.Unlock()
	return crashed(t, dir)
}

// TestMemoryFull: where neither journal nor database can be written, hard limits
// admit until so much would be lost by a kill as is stated, and others for ever.
func TestMemoryFull(t *testing.T) {
	t.Parallel()
	var disk disk
	dir := t.TempDir()
	o := Options{Dir: dir, RetryEvery: time.Hour, CheckpointEvery: time.Hour, Journal: journal.Options{FS: &disk}}
	d := mustOpen(t, o)
	eventually(t, "first checkpoint", func() bool {
		d.checkpointing.Lock()
		defer d.checkpointing.Unlock()
		return d.pruned.last != 0
	})
	decide(t, d, check(month, "a", 1))
	d.limit(true)
	disk.full.Store(true)
	soft := *month
	soft.Soft = true
	hour := surviving[4]
	hard := func() error {
		return d.Decide(context.Background(), &limits.Decision{ID: limits.NewID(), Checks: []limits.Check{check(&limits.Rule{Unit: limits.Cost, Window: month.Window, Limit: limits.MaxCount}, "a", 1)}})
	}
	for n := range MaxUnwritten {
		if err := hard(); err != nil {
			t.Fatalf("decision %d: %v", n, err)
		}
	}
	q := &limits.Decision{ID: limits.NewID(), Checks: []limits.Check{check(&limits.Rule{Unit: limits.Cost, Window: month.Window, Limit: limits.MaxCount}, "a", 1), check(hour, "a", 1)}}
	if err := d.Decide(context.Background(), q); !errors.Is(err, limits.ErrUnavailable) || q.RetryAfter <= 0 {
		t.Errorf("Decide() = %v, to be tried again in %s; want ErrUnavailable", err, q.RetryAfter)
	}
	if got := used(t, d, month, "a"); got != MaxUnwritten+1 {
		t.Errorf("%d used, want %d: what is refused is not counted", got, MaxUnwritten+1)
	}
	if got := used(t, d, hour, "a"); got != 0 {
		t.Errorf("%d used, want what is refused not to be counted in other limits either", got)
	}
	decide(t, d, check(&soft, "b", 1))
	decide(t, d, check(hour, "b", 1))
	if d.Err() == nil {
		t.Error("Err() is nil, with a journal that is full")
	}
	disk.full.Store(false)
	d.limit(false)
	d.retry()
	if err := hard(); err != nil || d.Err() != nil {
		t.Errorf("after the disk has room again: Decide() = %v, Err() = %v", err, d.Err())
	}
	o.Dir, o.Journal = crashed(t, dir), journal.Options{}
	again := mustOpen(t, o)
	if got := used(t, again, month, "a"); got != MaxUnwritten+2 {
		t.Errorf("after a kill %d used, want %d", got, MaxUnwritten+2)
	}
	if got := used(t, again, month, "b"); got != 1 {
		t.Errorf("after a kill %d used of a soft limit, want 1", got)
	}
}

// TestUnsyncedDatabase: after a sync of the database that failed, it is written to a
// new file.
func TestUnsyncedDatabase(t *testing.T) {
	t.Parallel()
	o := Options{Dir: t.TempDir(), RetryEvery: time.Hour, CheckpointEvery: time.Hour}
	d := mustOpen(t, o)
	decideMany(t, d, 0, 10)
	before, err := os.Stat(filepath.Join(o.Dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	d.checkpointing.Lock()
	_ = d.failed(&fs.PathError{Op: "sync", Path: fileName, Err: errSync})
	d.checkpointing.Unlock()
	decideMany(t, d, 10, 20)
	if err := d.checkpoint(true); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(filepath.Join(o.Dir, fileName))
	if err != nil || os.SameFile(before, after) {
		t.Errorf("the database is in the same file (%v), want a new one", err)
	}
	if _, _, err := Open(o); !errors.Is(err, ErrInUse) {
		t.Errorf("Open() = %v, want the new file to be locked", err)
	}
	mustClose(t, d)
	d = mustOpen(t, o)
	for i := range 20 {
		if got := used(t, d, month, fmt.Sprint("consumer-", i)); got != 7 {
			t.Errorf("consumer %d has used %d, want 7", i, got)
		}
	}
}

// TestDamage alters files, and checks that nothing is made up: a counter is what it
// was or begins afresh, or nothing is opened at all.
func TestDamage(t *testing.T) {
	t.Parallel()
	source := Options{Dir: t.TempDir(), CheckpointEvery: time.Hour}
	d := mustOpen(t, source)
	for i := range 100 {
		decide(t, d, check(month, fmt.Sprint("consumer-", i), int64(i)+1))
	}
	mustClose(t, d)
	path := filepath.Join(source.Dir, fileName)
	whole, err := os.ReadFile(path) //nolint:gosec // A file of the test.
	if err != nil {
		t.Fatal(err)
	}
	refused, afresh := 0, 0
	for at := 0; at < len(whole) && at < 64<<10; at += 331 {
		dir := t.TempDir()
		bytes := []byte(string(whole))
		bytes[at] ^= 0x55
		if err := os.WriteFile(filepath.Join(dir, fileName), bytes, 0o600); err != nil {
			t.Fatal(err)
		}
		d, r, err := Open(Options{Dir: dir, CheckpointEvery: time.Hour})
		if err != nil {
			refused++
			continue
		}
		if r.Damaged > 0 && (!r.Lossy() || !strings.Contains(r.String(), "begin afresh")) {
			t.Errorf("byte %d: Open() found %s", at, r)
		}
		missing := 0 // by which alone a hard limit can be exceeded
		for i := range 100 {
			switch got := used(t, d, month, fmt.Sprint("consumer-", i)); got {
			case int64(i) + 1:
			case 0:
				missing++
			default:
				t.Errorf("byte %d: consumer %d has used %d, want %d or none", at, i, got, i+1)
			}
		}
		afresh += missing
		if missing > r.Damaged {
			t.Errorf("byte %d: %d counters are missing, and %d told of", at, missing, r.Damaged)
		}
		_ = d.Close()
	}
	if refused == 0 || afresh == 0 {
		t.Errorf("refused %d times, %d counters begun afresh; want both to happen", refused, afresh)
	}
	// Of a journal with a damaged record the others count.
	o := Options{Dir: t.TempDir(), CheckpointEvery: time.Hour}
	d = mustOpen(t, o)
	eventually(t, "first checkpoint", func() bool {
		d.checkpointing.Lock()
		defer d.checkpointing.Unlock()
		return d.pruned.last != 0
	})
	for i := range 100 {
		decide(t, d, check(month, fmt.Sprint("consumer-", i), 5))
	}
	o.Dir = crashed(t, o.Dir)
	names, err := filepath.Glob(filepath.Join(o.Dir, journalName, "*.journal"))
	if err != nil || len(names) != 1 {
		t.Fatalf("journal is in %v (%v)", names, err)
	}
	bytes, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	bytes[len(bytes)/2] ^= 0x55
	if err := os.WriteFile(names[0], bytes, 0o600); err != nil {
		t.Fatal(err)
	}
	d, r := opened(t, o)
	if !r.Lossy() || r.Records != 99 {
		t.Errorf("Open() found %s, want 99 records and a damage", r)
	}
	sum := int64(0)
	for i := range 100 {
		sum += used(t, d, month, fmt.Sprint("consumer-", i))
	}
	if sum != 99*5 {
		t.Errorf("%d counted, want %d", sum, 99*5)
	}
}

// TestForeign refuses what is no database of counters, or one of another version.
func TestForeign(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := mustOpen(t, Options{Dir: dir})
	d.checkpointing.Lock()
	err := d.file.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketMeta).Put(keyVersion, []byte{99}) })
	d.checkpointing.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, d)
	if _, _, err := Open(Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "version 99") {
		t.Errorf("Open() = %v, want the version to be refused", err)
	}
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, fileName), []byte(strings.Repeat("no database ", 5000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(Options{Dir: dir}); err == nil {
		t.Error("a file of something else is opened")
	}
	// One whose creation was interrupted is made anew.
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, fileName), make([]byte, 100), 0o600); err != nil {
		t.Fatal(err)
	}
	mustClose(t, mustOpen(t, Options{Dir: dir}))
}
