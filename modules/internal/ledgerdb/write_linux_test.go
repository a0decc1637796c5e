// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerdb

import (
	"os"
	"syscall"
	"testing"
	"time"
)

// TestDatabaseNotWritable: a transaction that fails while it writes pages leaves a
// database that can be used.
func TestDatabaseNotWritable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var file *os.File
	d := mustOpen(t, Options{Dir: dir, OpenFile: func(name string, flag int, mode os.FileMode) (f *os.File, err error) {
		file, err = os.OpenFile(name, flag, mode) //nolint:gosec // A file of the test.
		return file, err
	}})
	recordMany(d, 0, 100)
	if err := d.checkpoint(); err != nil {
		t.Fatal(err)
	}
	fd := int(file.Fd()) //nolint:gosec // A file descriptor.
	writable, err := syscall.Dup(fd)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(writable) //nolint:errcheck // Nothing depends on it.
	readOnly, err := os.Open(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer readOnly.Close() //nolint:errcheck // Nothing was written.
	swap := func(to int) {
		t.Helper()
		d.checkpointing.Lock()
		defer d.checkpointing.Unlock()
		if err := syscall.Dup3(to, fd, syscall.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 10 {
		recordMany(d, 100*i, 100*i+100)
		swap(int(readOnly.Fd())) //nolint:gosec // As above.
		if err := d.checkpoint(); err == nil || d.Err() == nil {
			t.Error("what cannot be written is not missed")
		}
		want := int64(100 + 100*(i+1))
		if got := total(t, d).Requests; got != want {
			t.Errorf("there are %d requests, want %d", got, want)
		}
		swap(writable)
		if err := d.checkpoint(); err != nil || d.Err() != nil {
			t.Errorf("checkpoint = %v, Err = %v", err, d.Err())
		}
		killed := mustOpen(t, Options{Dir: copyDir(t, dir), CheckpointEvery: time.Hour})
		if got := total(t, killed).Requests; got != want {
			t.Errorf("after a kill there are %d requests, want %d", got, want)
		}
		mustClose(t, killed)
	}
	if err := checkDatabaseOf(t, dir); err != nil {
		t.Error(err)
	}
}

// checkDatabaseOf checks a copy of the database in a directory.
func checkDatabaseOf(t *testing.T, dir string) error {
	t.Helper()
	return checkDatabase(copyDir(t, dir) + "/" + fileName)
}
