// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package recorddb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/caddy-gateway/tollgate/modules/internal/boltfile"
	"github.com/caddy-gateway/tollgate/modules/records"
	"github.com/caddy-gateway/tollgate/modules/records/recordstest"
)

func mustPut(t *testing.T, s records.Store, key, value string, ttl time.Duration) {
	t.Helper()
	if err := s.Put(t.Context(), key, []byte(value), ttl); err != nil {
		t.Fatalf("Put(%s) = %v", key, err)
	}
}

func listed(t *testing.T, s records.Store) string {
	t.Helper()
	list, err := s.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, r := range list {
		fmt.Fprintf(&b, "%s=%s ", r.Key, r.Value)
	}
	return b.String()
}

func mustClose(t *testing.T, d *DB) {
	t.Helper()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestReopen(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "directory")
	clock := recordstest.NewClock(time.Now())
	o := Options{Now: clock.Now}
	d := opened(t, dir, o)
	mustPut(t, d, "a:1", "one", 0)
	mustPut(t, d, "a:2", "two", time.Minute)
	mustPut(t, d, "a:3", "three", time.Hour)
	mustPut(t, d, "a:4", "four", time.Hour)
	if err := d.Delete(t.Context(), "a:4"); err != nil {
		t.Fatal(err)
	}
	mustClose(t, d)
	clock.Advance(2 * time.Minute)
	d = opened(t, dir, o)
	if got := listed(t, d); got != "a:1=one a:3=three " {
		t.Errorf("there is %s", got)
	}
	if got := d.Stats(); got.Records != 2 || got.Bytes < 2*overhead {
		t.Errorf("Stats() = %+v", got)
	}
	mustClose(t, d)
	clock.Advance(-time.Hour) // what has expired is gone even if the clock is set back
	if got := listed(t, opened(t, dir, o)); got != "a:1=one a:3=three " {
		t.Errorf("there is %s", got)
	}
	info, err := os.Stat(filepath.Join(dir, FileName))
	if err != nil || info.Mode().Perm() != fileMode {
		t.Errorf("the file is %v, %v", info, err)
	}
}

func TestInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := opened(t, dir, Options{})
	if _, err := Open(dir, Options{}, nil); !errors.Is(err, ErrInUse) {
		t.Fatalf("the second Open = %v", err)
	}
	mustClose(t, d)
	opened(t, dir, Options{})
}

func TestClosed(t *testing.T) {
	t.Parallel()
	d := opened(t, t.TempDir(), Options{})
	mustPut(t, d, "a:1", "one", 0)
	mustClose(t, d)
	mustClose(t, d)
	ctx := t.Context()
	_, _, errGet := d.Get(ctx, "a:1")
	_, _, errTake := d.Take(ctx, "a:1")
	_, errAdd := d.Add(ctx, "a:2", nil, 0)
	_, errList := d.List(ctx, "")
	for _, err := range []error{errGet, errTake, errAdd, errList, d.Put(ctx, "a:1", nil, 0), d.Delete(ctx, "a:1")} {
		if !errors.Is(err, records.ErrUnavailable) {
			t.Errorf("closed: %v", err)
		}
	}
}

// TestCloseInTheMiddle: whoever was told that it is done finds it again.
func TestCloseInTheMiddle(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := opened(t, dir, Options{})
	var all sync.WaitGroup
	var mu sync.Mutex
	done := make(map[string]bool)
	for who := range 4 {
		all.Go(func() {
			for n := 0; ; n++ {
				key := fmt.Sprintf("w%d:%d", who, n)
				if err := d.Put(t.Context(), key, nil, 0); err != nil {
					if !errors.Is(err, records.ErrUnavailable) {
						t.Errorf("Put = %v", err)
					}
					return
				}
				mu.Lock()
				done[key] = true
				enough := len(done) == 100
				mu.Unlock()
				if enough {
					if err := d.Close(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	d = opened(t, dir, Options{})
	for key := range done {
		if _, found, err := d.Get(t.Context(), key); !found || err != nil {
			t.Errorf("%s: %v, %v", key, found, err)
		}
	}
}

// TestDiskFails: what cannot be written has not been done, and is told once.
func TestDiskFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var told []string
	clock := recordstest.NewClock(time.Now())
	d, err := Open(dir, Options{Now: clock.Now}, func(err error) { told = append(told, fmt.Sprint(err != nil)) })
	if err != nil {
		t.Fatal(err)
	}
	mustPut(t, d, "a:1", "one", 0)
	d.fault = syscall.ENOSPC
	for range 3 {
		if err := d.Put(t.Context(), "a:1", []byte("two"), 0); !errors.Is(err, records.ErrUnavailable) || !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("Put = %v", err)
		}
	}
	if _, found, err := d.Take(t.Context(), "a:1"); found || !errors.Is(err, records.ErrUnavailable) {
		t.Fatalf("Take = %v, %v", found, err)
	}
	if added, err := d.Add(t.Context(), "a:2", nil, 0); added || !errors.Is(err, records.ErrUnavailable) {
		t.Fatalf("Add = %v, %v", added, err)
	}
	if err := d.Err(); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), dir) {
		t.Errorf("Err() = %v", err)
	}
	if got := listed(t, d); got != "a:1=one " {
		t.Errorf("there is %s", got)
	}
	d.fault = nil
	clock.Advance(rewriteEvery)
	mustPut(t, d, "a:2", "two", 0)
	if err := d.Err(); err != nil {
		t.Errorf("Err() = %v", err)
	}
	mustClose(t, d)
	if got := strings.Join(told, " "); got != "true false" {
		t.Errorf("told %s", got)
	}
	if got := listed(t, opened(t, dir, Options{})); got != "a:1=one a:2=two " {
		t.Errorf("there is %s", got)
	}
}

// TestFailedSync: after a sync that failed, a file proves nothing any more, and another one
// takes its place, but not for each of those who ask while the disk fails.
func TestFailedSync(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clock := recordstest.NewClock(time.Now())
	d := opened(t, dir, Options{Now: clock.Now})
	file := func() os.FileInfo {
		info, err := os.Stat(filepath.Join(dir, FileName))
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	mustFail := func() {
		t.Helper()
		if err := d.Put(t.Context(), "a:2", nil, 0); !errors.Is(err, records.ErrUnavailable) {
			t.Fatalf("Put = %v", err)
		}
	}
	mustPut(t, d, "a:1", "one", 0)
	first := file()
	d.fault = &fs.PathError{Op: "write", Err: syscall.ENOSPC} // which says nothing about what was written before
	mustFail()
	d.fault = nil
	mustPut(t, d, "a:2", "two", 0)
	if !os.SameFile(first, file()) {
		t.Error("a full disk needs no other file")
	}
	d.fault = &fs.PathError{Op: "sync", Err: syscall.EIO}
	mustFail()
	mustFail()
	second := file()
	if os.SameFile(first, second) {
		t.Error("the file of which a sync failed is in use")
	}
	mustFail()
	if !os.SameFile(second, file()) {
		t.Error("the file was written anew at once")
	}
	d.fault = nil
	mustFail()
	clock.Advance(rewriteEvery)
	mustPut(t, d, "a:3", "three", 0)
	if os.SameFile(second, file()) {
		t.Error("the second file of which a sync failed is in use")
	}
	mustClose(t, d)
	if got := listed(t, opened(t, dir, Options{})); got != "a:1=one a:2=two a:3=three " {
		t.Errorf("there is %s", got)
	}
}

// TestExpiryIsSweptAfterFailure: what expired while the disk failed makes room later.
func TestExpiryIsSweptAfterFailure(t *testing.T) {
	t.Parallel()
	clock := recordstest.NewClock(time.Now())
	d := opened(t, t.TempDir(), Options{Now: clock.Now, MaxRecords: 4})
	mustPut(t, d, "a:1", "", time.Minute)
	mustPut(t, d, "a:2", "", time.Minute)
	clock.Advance(2 * time.Minute)
	d.fault = syscall.EIO
	if err := d.Put(t.Context(), "a:3", nil, 0); !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	d.fault = nil
	mustPut(t, d, "a:3", "", 0)
	mustPut(t, d, "a:4", "", 0)
	if got := d.Stats().Records; got != 2 {
		t.Errorf("%d records", got)
	}
}

// TestDamage: a file of which something cannot be read is not opened, and stays as it is.
func TestDamage(t *testing.T) {
	t.Parallel()
	write := func(t *testing.T, change func(tx *bbolt.Tx) error) string {
		t.Helper()
		dir := t.TempDir()
		d := opened(t, dir, Options{})
		mustPut(t, d, "a:1", "value-of-the-record", 0)
		if err := d.file.Update(change); err != nil {
			t.Fatal(err)
		}
		mustClose(t, d)
		return dir
	}
	none := func(*bbolt.Tx) error { return nil }
	tests := map[string]struct {
		change func(tx *bbolt.Tx) error
		bytes  func(b []byte) []byte
		want   string
	}{
		"value": {none, func(b []byte) []byte {
			return []byte(strings.ReplaceAll(string(b), "value-of-the", "value-of-THE"))
		}, ErrDamaged.Error()},
		"short record": {func(tx *bbolt.Tx) error { return tx.Bucket(bucketRecords).Put([]byte("a:2"), []byte("x")) }, nil, ErrDamaged.Error()},
		"version":      {func(tx *bbolt.Tx) error { return tx.Bucket(bucketMeta).Put(keyVersion, []byte{9}) }, nil, "newer gateway"},
		"no version":   {func(tx *bbolt.Tx) error { return tx.Bucket(bucketMeta).Delete(keyVersion) }, nil, ErrDamaged.Error()},
		"something else": {func(tx *bbolt.Tx) error {
			return errors.Join(tx.DeleteBucket(bucketMeta), tx.DeleteBucket(bucketRecords), func() error {
				_, err := tx.CreateBucket([]byte("foreign"))
				return err
			}())
		}, nil, "something else"},
		"pages": {none, func(b []byte) []byte {
			for i := 2 * boltfile.PageSize; i < len(b); i++ {
				b[i] = 0xa5
			}
			return b
		}, ErrDamaged.Error()},
		"text": {none, func([]byte) []byte { return []byte(strings.Repeat("no database\n", 4000)) }, "invalid database"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := write(t, tt.change)
			path := filepath.Join(dir, FileName)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if tt.bytes != nil {
				before = tt.bytes(before)
				if err := os.WriteFile(path, before, fileMode); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 { // the lock is given back
				_, err = Open(dir, Options{}, nil)
				if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), dir) {
					t.Fatalf("Open = %v", err)
				}
			}
			if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
				t.Errorf("the file has changed, %v", err)
			}
		})
	}
}

// TestUnfinished: a creation that was interrupted is begun anew.
func TestUnfinished(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, FileName), make([]byte, boltfile.PageSize), fileMode); err != nil {
		t.Fatal(err)
	}
	mustPut(t, opened(t, dir, Options{}), "a:1", "one", 0)
}

// TestReplacedOften: what is due is forgotten with the record that it was about.
func TestReplacedOften(t *testing.T) {
	t.Parallel()
	m := NewMemory(Options{})
	for i := range 10_000 {
		mustPut(t, m, fmt.Sprint("a:", i%10), "x", time.Hour+time.Duration(i))
	}
	if len(m.t.due) > 200 || m.Stats().Records != 10 {
		t.Errorf("%d due, %d records", len(m.t.due), m.Stats().Records)
	}
}

func TestBytesAreBounded(t *testing.T) {
	t.Parallel()
	m := NewMemory(Options{MaxBytes: 1 << 20})
	stored := 0
	for i := range 40 {
		err := m.Put(t.Context(), fmt.Sprintf("%d:x", i), make([]byte, records.MaxValue), 0)
		if err != nil && !errors.Is(err, records.ErrFull) {
			t.Fatal(err)
		}
		if err == nil {
			stored++
		}
	}
	if stored != 15 || m.Stats().Bytes > 1<<20 {
		t.Errorf("%d records of 64 KiB in a MiB, %+v", stored, m.Stats())
	}
}

func BenchmarkDB(b *testing.B) {
	d := opened(b, b.TempDir(), Options{})
	if err := d.Put(b.Context(), "revoked:1", []byte("x"), 0); err != nil {
		b.Fatal(err)
	}
	b.Run("get", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, found, err := d.Get(b.Context(), "revoked:1"); !found || err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("miss", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, found, err := d.Get(b.Context(), "revoked:2"); found || err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("put and take", func(b *testing.B) {
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				if err := d.Put(b.Context(), "ticket:1", []byte("x"), time.Minute); err != nil {
					b.Error(err)
				}
				if _, _, err := d.Take(b.Context(), "ticket:1"); err != nil {
					b.Error(err)
				}
			}
		})
	})
}
