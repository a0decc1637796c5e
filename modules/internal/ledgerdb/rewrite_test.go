// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerdb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	berrors "go.etcd.io/bbolt/errors"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
)

func TestSyncFailed(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		err  error
		want bool
	}{
		{"fdatasync", syscall.EIO, true},
		{"fsync", &fs.PathError{Op: "sync", Path: fileName, Err: syscall.EIO}, true},
		{"fsync of a file that grew", errors.New("file sync error: demo"), true},
		{"write", &fs.PathError{Op: "write", Path: fileName, Err: syscall.ENOSPC}, false},
		{"resize", errors.New("file resize error: demo"), false},
		{"limit", berrors.ErrMaxSizeReached, false},
	} {
		if got := syncFailed(fmt.Errorf("demo: %w", tc.err)); got != tc.want {
			t.Errorf("%s: syncFailed = %v", tc.name, got)
		}
	}
}

// TestRewrite: while the database gets another file, readers read, nobody else gets
// in, and nothing is lost.
func TestRewrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := filled(t, dir, 300)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if rows, err := d.Rows(ledger.Query{}); err != nil || rows[0].Requests < 300 {
					t.Errorf("a reader gets %+v, %v", rows, err)
					return
				}
			}
		})
	}
	for i := range 20 {
		before, err := os.Stat(filepath.Join(dir, fileName))
		if err != nil {
			t.Fatal(err)
		}
		recordMany(d, 10*i, 10*i+10)
		d.checkpointing.Lock()
		d.suspect = true
		d.checkpointing.Unlock()
		if err := d.checkpoint(); err != nil {
			t.Fatal(err)
		}
		if d.file.isAt(filepath.Join(dir, rewriting)) || !d.file.isAt(filepath.Join(dir, fileName)) {
			t.Fatal("the new file is not in its place")
		}
		if after, err := os.Stat(filepath.Join(dir, fileName)); err != nil || os.SameFile(before, after) {
			t.Fatalf("the file is the old one, %v", err)
		}
		if _, _, err := Open(Options{Dir: dir}); !errors.Is(err, ErrInUse) {
			t.Errorf("another process gets %v", err)
		}
	}
	close(done)
	readers.Wait()
	if got := total(t, mustOpen(t, Options{Dir: copyDir(t, dir)})).Requests; got != 500 {
		t.Errorf("%d requests are left", got)
	}
}

// TestRewriteFails: until it succeeds, the database takes nothing.
func TestRewriteFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := filled(t, dir, 10)
	d.checkpointing.Lock()
	d.suspect = true
	d.checkpointing.Unlock()
	obstacle := filepath.Join(dir, rewriting, "demo")
	put(t, obstacle, nil)
	if err := d.checkpoint(); err == nil || d.Err() == nil {
		t.Errorf("checkpoint = %v, Err = %v", err, d.Err())
	}
	if err := os.RemoveAll(filepath.Dir(obstacle)); err != nil {
		t.Fatal(err)
	}
	if err := d.checkpoint(); err != nil || d.Err() != nil || total(t, d).Requests != 10 {
		t.Errorf("checkpoint = %v, Err = %v, %+v", err, d.Err(), total(t, d))
	}
}
