// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package boltfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"go.etcd.io/bbolt"
)

// Rewriting is what the name of a database ends in while it is written anew.
const Rewriting = ".rewriting"

// SyncFailed reports whether a transaction failed because the disk did not sync. Then
// the database is to be written anew. bbolt returns what the system call said.
func SyncFailed(err error) bool {
	if file, ok := errors.AsType[*fs.PathError](err); ok {
		return file.Op == "sync"
	}
	if _, ok := errors.AsType[syscall.Errno](err); ok {
		return true
	}
	return strings.Contains(err.Error(), "file sync error")
}

// Rewrite writes the database to a new file, which takes the place of the old one. The
// function use is given the new one; when it returns, nobody uses the old one any more.
//
// After a sync that failed, the operating system may hold pages for written that are not
// on disk, so that no later sync of this file proves anything, while the pages can still
// be read from memory.
func (f *File) Rewrite(use func(fresh *File)) error {
	name := f.path + Rewriting
	fresh, err := f.copied(name)
	if err == nil {
		if err = os.Rename(name, f.path); err != nil {
			err = errors.Join(err, fresh.Close())
		}
	}
	if err != nil {
		_ = os.Remove(name) // it may be what takes up the space
		return err
	}
	fresh.path = f.path
	use(fresh)
	return errors.Join(f.Close(), SyncDir(filepath.Dir(f.path)))
}

// copied copies the database to a new file, and opens and locks that.
func (f *File) copied(path string) (*File, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	to, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode) //nolint:gosec // A name of ours.
	if err != nil {
		return nil, err
	}
	err = f.View(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(to)
		return err
	})
	if err = errors.Join(err, to.Sync(), to.Close()); err != nil {
		return nil, err
	}
	return open(path, f.o)
}
