// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerdb

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/boltfile"
	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
)

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
		if d.file.At(filepath.Join(dir, fileName+boltfile.Rewriting)) || !d.file.At(filepath.Join(dir, fileName)) {
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
	obstacle := filepath.Join(dir, fileName+boltfile.Rewriting, "demo")
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
