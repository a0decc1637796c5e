// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package boltfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

var (
	errDemo = errors.New("the demo is damaged")
	bucket  = []byte("demo")
)

func mustOpen(t *testing.T, path string) *File {
	t.Helper()
	f, err := Open(path, Options{Damaged: errDemo})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func mustClose(t *testing.T, f *File) {
	t.Helper()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// put writes many values, so that there are pages to damage.
func put(t *testing.T, f *File, value string) {
	t.Helper()
	err := f.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(bucket)
		for i := 0; i < 500 && err == nil; i++ {
			err = b.Put(fmt.Append(nil, "key ", i), []byte(value))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, f *File) (value string) {
	t.Helper()
	err := f.View(func(tx *bbolt.Tx) error {
		value = string(tx.Bucket(bucket).Get([]byte("key 7")))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestOneProcessAtATime(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "demo.db")
	f := mustOpen(t, path)
	put(t, f, "one")
	if _, err := Open(path, Options{Damaged: errDemo}); !errors.Is(err, ErrInUse) {
		t.Errorf("the second one gets %v", err)
	}
	mustClose(t, f)
	f = mustOpen(t, path)
	if got := get(t, f); got != "one" {
		t.Errorf("there is %q", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != fileMode {
		t.Errorf("the file is %v, %v", info, err)
	}
	mustClose(t, f)
}

// TestInterruptedCreation: a file that never was a database becomes one; others stay.
func TestInterruptedCreation(t *testing.T) {
	t.Parallel()
	for size, whole := range map[int]bool{0: true, 100: true, PageSize: true, Smallest - 1: true, Smallest: false} {
		path := filepath.Join(t.TempDir(), "demo.db")
		before := bytes.Repeat([]byte("x"), size)
		if err := os.WriteFile(path, before, fileMode); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path, Options{Damaged: errDemo})
		if whole != (err == nil) {
			t.Fatalf("with %d bytes: %v", size, err)
		}
		if err == nil {
			put(t, f, "one")
			mustClose(t, f)
		} else if after, _ := os.ReadFile(path); !bytes.Equal(before, after) { //nolint:gosec // A file of the test.
			t.Errorf("a file of %d bytes, which may be somebody's, was changed", size)
		}
	}
}

// TestFullDisk: what could not be made is not left behind.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "demo.db")
	full := func(name string, flag int, mode os.FileMode) (*os.File, error) {
		f, err := os.OpenFile(name, flag, mode) //nolint:gosec // A file of the test.
		if err != nil {
			return nil, err
		}
		return f, errors.Join(syscall.ENOSPC, f.Truncate(PageSize), f.Close())
	}
	if _, err := Open(path, Options{Damaged: errDemo, OpenFile: full}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Open = %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is left: %v", err)
	}
}

// TestDamage: damage is an error, and once the file is closed the next one who opens it
// is told of damage again, not that somebody uses it.
func TestDamage(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "demo.db")
	f := mustOpen(t, path)
	put(t, f, strings.Repeat("value ", 20))
	mustClose(t, f)
	data, err := os.ReadFile(path) //nolint:gosec // A file of the test.
	if err != nil {
		t.Fatal(err)
	}
	for i := 2 * PageSize; i < len(data); i++ {
		data[i] = 0xa5
	}
	if err := os.WriteFile(path, data, fileMode); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		f, err := Open(path, Options{Damaged: errDemo})
		if err == nil {
			err = f.View(func(tx *bbolt.Tx) error { return tx.Bucket(bucket).ForEach(func(_, _ []byte) error { return nil }) })
			mustClose(t, f)
		}
		if !errors.Is(err, errDemo) {
			t.Fatalf("the damage is told as %v", err)
		}
	}
	if err := Check(path, errDemo, func(*bbolt.Tx) error { return nil }); !errors.Is(err, errDemo) {
		t.Errorf("Check = %v", err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "demo.db")
	f := mustOpen(t, path)
	put(t, f, "one")
	mustClose(t, f)
	if err := Check(path, errDemo, func(*bbolt.Tx) error { return nil }); err != nil {
		t.Error(err)
	}
	other := errors.New("not what was expected")
	if err := Check(path, errDemo, func(*bbolt.Tx) error { return other }); !errors.Is(err, other) {
		t.Errorf("Check = %v", err)
	}
	mustClose(t, mustOpen(t, path)) // Check has given the lock back
}

// TestRewrite: the new file has the lock and everything that was in the old one.
func TestRewrite(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "demo.db")
	f := mustOpen(t, path)
	put(t, f, "one")
	for range 3 {
		old := f
		if err := f.Rewrite(func(fresh *File) { f = fresh }); err != nil {
			t.Fatal(err)
		}
		if f == old || !f.At(path) || get(t, f) != "one" {
			t.Fatal("the new file has not taken the place of the old one")
		}
		if _, err := Open(path, Options{Damaged: errDemo}); !errors.Is(err, ErrInUse) {
			t.Errorf("the second one gets %v", err)
		}
	}
	obstacle := filepath.Join(path+Rewriting, "demo")
	if err := os.MkdirAll(obstacle, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := f.Rewrite(func(*File) { t.Error("there is no new file") }); err == nil {
		t.Error("a file was written over a directory")
	}
	put(t, f, "two")
	mustClose(t, f)
}

// TestReplace: whoever replaces a database is told of others who use it, or may; one that
// cannot be opened is nobody's.
func TestReplace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, fresh, before := filepath.Join(dir, "demo.db"), filepath.Join(dir, "fresh.db"), filepath.Join(dir, "before.db")
	if f, err := OpenExisting(path, Options{Damaged: errDemo}); f != nil || err != nil {
		t.Errorf("where there is none: %v, %v", f, err)
	}
	old := mustOpen(t, path)
	put(t, old, "old")
	if _, err := OpenExisting(path, Options{Damaged: errDemo}); !errors.Is(err, ErrInUse) {
		t.Errorf("in use: %v", err)
	}
	mustClose(t, old)
	for _, why := range []error{fs.ErrPermission, syscall.EMFILE} {
		closed := func(string, int, os.FileMode) (*os.File, error) {
			return nil, &fs.PathError{Op: "open", Path: path, Err: why}
		}
		if _, err := OpenExisting(path, Options{Damaged: errDemo, OpenFile: closed}); !errors.Is(err, why) {
			t.Errorf("closed to this process: %v, want %v", err, why)
		}
	}
	f := mustOpen(t, fresh)
	put(t, f, "new")
	mustClose(t, f)
	old, err := OpenExisting(path, Options{Damaged: errDemo})
	if err != nil || old == nil {
		t.Fatal(old, err)
	}
	if err := Replace(path, fresh, before); err != nil {
		t.Fatal(err)
	}
	mustClose(t, old)
	for path, want := range map[string]string{path: "new", before: "old"} {
		f := mustOpen(t, path)
		if got := get(t, f); got != want {
			t.Errorf("%s holds %q", path, got)
		}
		mustClose(t, f)
	}
	if err := os.WriteFile(path, bytes.Repeat([]byte("x"), Smallest), fileMode); err != nil {
		t.Fatal(err)
	}
	if f, err := OpenExisting(path, Options{Damaged: errDemo}); f != nil || err != nil {
		t.Errorf("what is no database: %v, %v", f, err)
	}
}

func TestSyncFailed(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		err  error
		want bool
	}{
		{"fdatasync", syscall.EIO, true},
		{"fsync", &fs.PathError{Op: "sync", Path: "demo.db", Err: syscall.EIO}, true},
		{"fsync of a file that grew", errors.New("file sync error: demo"), true},
		{"write", &fs.PathError{Op: "write", Path: "demo.db", Err: syscall.ENOSPC}, false},
		{"resize", errors.New("file resize error: demo"), false},
		{"limit", berrors.ErrMaxSizeReached, false},
	} {
		if got := SyncFailed(fmt.Errorf("demo: %w", tc.err)); got != tc.want {
			t.Errorf("%s: SyncFailed = %v", tc.name, got)
		}
	}
}
