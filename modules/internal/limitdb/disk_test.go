// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitdb

import (
	"errors"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/caddy-gateway/tollgate/modules/internal/journal"
)

// disk is the file system of a journal, on which writing and syncing can be made
// to fail.
type disk struct {
	full, unsynced atomic.Bool
}

var errSync = errors.New("demo sync failure")

func (d *disk) write() error {
	if d.full.Load() {
		return syscall.ENOSPC
	}
	return nil
}

func (d *disk) sync() error {
	if d.unsynced.Load() {
		return errSync
	}
	return nil
}

func (*disk) MkdirAll(dir string) error { return os.MkdirAll(dir, dirMode) }

func (*disk) ReadDir(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

func (d *disk) Open(name string) (journal.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR, 0) //nolint:gosec // A file of the test.
	return diskFile{f, d}, err
}

func (d *disk) Create(name string) (journal.File, error) {
	if err := d.write(); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // As above.
	return diskFile{f, d}, err
}

func (*disk) Rename(from, to string) error { return os.Rename(from, to) }

func (*disk) Remove(name string) error { return os.Remove(name) }

func (d *disk) SyncDir(string) error { return d.sync() }

type diskFile struct {
	*os.File
	disk *disk
}

func (f diskFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f diskFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.disk.write(); err != nil {
		n, _ := f.File.WriteAt(p[:len(p)/2], off) // as a full disk does
		return n, err
	}
	return f.File.WriteAt(p, off)
}

func (f diskFile) Sync() error {
	if err := f.disk.sync(); err != nil {
		return err
	}
	return f.File.Sync()
}
