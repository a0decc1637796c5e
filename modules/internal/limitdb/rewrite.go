// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitdb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"go.etcd.io/bbolt"
)

// rewriting is the name of the database while it is written anew.
const rewriting = fileName + ".rewriting"

// syncFailed reports whether a transaction failed because the disk did not sync.
// bbolt returns what the system call said.
func syncFailed(err error) bool {
	if file, ok := errors.AsType[*fs.PathError](err); ok {
		return file.Op == "sync"
	}
	if _, ok := errors.AsType[syscall.Errno](err); ok {
		return true
	}
	return strings.Contains(err.Error(), "file sync error")
}

// rewrite writes the database to a new file, which takes the place of the old one:
// after a sync that failed, no later one of the same file proves anything.
func (d *DB) rewrite() error {
	path, fresh := filepath.Join(d.o.Dir, fileName), filepath.Join(d.o.Dir, rewriting)
	f, err := d.copied(fresh)
	if err == nil {
		if err = os.Rename(fresh, path); err == nil {
			d.file, f = f, d.file
		}
		if err = errors.Join(err, f.close(nil)); err == nil {
			err = syncDir(d.o.Dir)
		}
	}
	if err != nil {
		_ = os.Remove(fresh) // it may be what takes up the space
		return fmt.Errorf("write counters in %s anew: %w", d.o.Dir, err)
	}
	d.suspect = false
	return nil
}

// copied copies the database to a new file, and opens and locks that.
func (d *DB) copied(path string) (*file, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	to, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode) //nolint:gosec // A name of ours.
	if err != nil {
		return nil, err
	}
	err = d.file.view(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(to)
		return err
	})
	if err = errors.Join(err, to.Sync(), to.Close()); err != nil {
		return nil, err
	}
	return openBolt(path, d.o.OpenFile)
}
