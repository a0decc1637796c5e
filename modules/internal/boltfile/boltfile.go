// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package boltfile keeps a bbolt database in a file as a gateway needs it: locked against
// a second process without waiting for it, made again if a crash or a full disk interrupted
// its creation, written anew after a sync that failed, and with damage that is an error
// instead of the end of the process.
package boltfile

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// PageSize is the size of a page in bytes, also where pages of memory are larger, so that
// files can move.
const PageSize = 4096

// Smallest is how many bytes a database has at least.
const Smallest = 4 * PageSize

const (
	growBy      = 1 << 20 // bytes
	lockTimeout = 200 * time.Millisecond
	fileMode    = 0o600
)

// ErrInUse tells that a database is open already, in this or another process.
var ErrInUse = errors.New("another process uses it")

// Options say how a database is opened.
type Options struct {
	// Damaged is the error of a database in which bbolt finds what contradicts itself.
	Damaged error
	// OpenFile opens the file; os.OpenFile by default.
	OpenFile func(name string, flag int, mode os.FileMode) (*os.File, error)
	// Readers reserves address space, not memory, of 1 GiB where there is enough: a slow
	// reader then never holds up a writer that makes the file grow.
	Readers bool
}

// File is an open and locked database. Its transactions can run concurrently, as those of
// bbolt.
type File struct {
	// DB is the database, for what is not guarded against damage: settings of bbolt.
	DB *bbolt.DB

	o        Options
	path     string
	os       *os.File    // the same, to find out which one it is
	panicked atomic.Bool // bbolt may have left something locked
}

// Open opens the database at a path and takes its lock. The error is ErrInUse where it
// cannot be had, and Options.Damaged where bbolt cannot read the file's structure.
func Open(path string, o Options) (*File, error) {
	if o.OpenFile == nil {
		o.OpenFile = os.OpenFile
	}
	for {
		f, err := open(path, o)
		if errors.Is(err, berrors.ErrTimeout) {
			return nil, ErrInUse
		}
		if err != nil && unfinished(path) {
			// Its creation was interrupted, and nothing was ever in it.
			if err := os.Remove(path); err != nil {
				return nil, err
			}
			if f, err = open(path, o); err != nil && unfinished(path) {
				_ = os.Remove(path) // a full disk; the error says it
			}
		}
		if err != nil {
			return nil, err
		}
		// While this waited for the lock, another file may have taken its place.
		if f.At(path) {
			return f, nil
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
}

// unfinished reports whether there is a file that is too short for a database.
func unfinished(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Size() < Smallest
}

func open(path string, o Options) (*File, error) {
	f := &File{o: o, path: path}
	options := *bbolt.DefaultOptions
	options.Timeout = lockTimeout
	options.PageSize = PageSize
	options.FreelistType = bbolt.FreelistMapType
	options.NoStatistics = true
	if o.Readers && runtime.GOOS != "windows" && ^uint(0)>>63 == 1 {
		options.InitialMmapSize = 1 << 30
	}
	options.OpenFile = func(name string, flag int, mode os.FileMode) (opened *os.File, err error) {
		f.os, err = o.OpenFile(name, flag, mode)
		return f.os, err
	}
	err := f.guard(func() (err error) {
		f.DB, err = bbolt.Open(path, fileMode, &options)
		return err
	})
	if err != nil {
		if f.os != nil {
			_ = f.abandon() // bbolt does not, where it panics
		}
		return nil, err
	}
	f.DB.AllocSize = growBy
	return f, nil
}

// At says whether the database is the file at a path.
func (f *File) At(path string) bool {
	at, err := os.Stat(path)
	if err != nil {
		return false
	}
	is, err := f.os.Stat()
	return err == nil && os.SameFile(at, is)
}

// View runs a transaction that reads.
func (f *File) View(fn func(tx *bbolt.Tx) error) error {
	return f.guard(func() error { return f.DB.View(fn) })
}

// Update runs a transaction that writes.
func (f *File) Update(fn func(tx *bbolt.Tx) error) error {
	return f.guard(func() error { return f.DB.Update(fn) })
}

// Close gives the lock back. Of a database in which bbolt has found damage the memory
// mapping stays, since bbolt may wait for ever for what a panic has left locked.
func (f *File) Close() error {
	if f.panicked.Load() {
		return f.abandon()
	}
	return f.DB.Close()
}

func (f *File) abandon() error {
	unlock(f.os)
	return f.os.Close()
}

// guard is Guard, and remembers a panic.
func (f *File) guard(fn func() error) error {
	panicked, err := guard(f.o.Damaged, fn)
	if panicked {
		f.panicked.Store(true)
	}
	return err
}

// SyncDir makes the names in a directory survive a power loss.
func SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // directories cannot be synced there, and NTFS journals names
	}
	f, err := os.Open(dir) //nolint:gosec // The operator has named it.
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Check reads a database that nobody uses without changing it: fn looks at what is in it,
// and then all pages are looked at. The error is damaged where they contradict each other.
func Check(path string, damaged error, fn func(tx *bbolt.Tx) error) error {
	options := *bbolt.DefaultOptions
	options.ReadOnly = true
	options.PreLoadFreelist = true // here, where a fault becomes an error
	options.Timeout = lockTimeout
	_, err := guard(damaged, func() error {
		db, err := bbolt.Open(path, fileMode, &options)
		if err != nil {
			return err
		}
		err = db.View(func(tx *bbolt.Tx) error {
			if err := fn(tx); err != nil {
				return err
			}
			return checkPages(tx, damaged)
		})
		return errors.Join(err, db.Close())
	})
	return err
}

// checkPages looks at all pages. It reads them in a goroutine of its own, which only those
// should be given that a cursor has found its way through.
func checkPages(tx *bbolt.Tx, damaged error) error {
	var first error
	for err := range tx.Check() { // to the end, or the goroutine stays
		if first == nil {
			first = fmt.Errorf("%w: %w", damaged, err)
		}
	}
	return first
}
