// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/caddy-gateway/tollgate/modules/internal/limitmem"
)

const (
	fileName      = "limits.db"
	journalName   = "journal"
	pageSize      = 4096 // also where pages are larger, so that files can move
	smallest      = 4 * pageSize
	growBy        = 1 << 20 // bytes
	formatVersion = 1
	lockTimeout   = 200 * time.Millisecond
	dirMode       = 0o700
	fileMode      = 0o600
)

// The buckets of the database, and the keys in the first one.
var (
	bucketMeta     = []byte("meta")
	bucketCounters = []byte("counters")
	bucketDamaged  = []byte("damaged") // rows that could not be read

	keyVersion = []byte("version") // of the format
	keyApplied = []byte("applied") // numbers of the last journal records
)

// errEmpty tells that nothing is in a database yet.
var errEmpty = errors.New("there are no counters in the file")

// applied is, for each partition, the number of the last journal record that its
// counters in the database contain.
type applied [limitmem.Partitions]uint64

func (a *applied) least() uint64 { return slices.Min(a[:]) }

type openFile func(name string, flag int, mode os.FileMode) (*os.File, error)

// file is the open and locked database.
type file struct {
	bolt *bbolt.DB
	os   *os.File // the same, to find out which one it is
}

// openLocked opens the database in a directory and takes its lock.
func openLocked(dir string, open openFile) (*file, error) {
	path := filepath.Join(dir, fileName)
	for {
		f, err := openBolt(path, open)
		switch {
		case errors.Is(err, berrors.ErrTimeout):
			return nil, ErrInUse
		case err != nil && unfinished(path):
			// Its creation was interrupted, and nothing was ever in it.
			if err := os.Remove(path); err != nil {
				return nil, err
			}
			if f, err = openBolt(path, open); err != nil {
				if unfinished(path) {
					_ = os.Remove(path) // a full disk; the error says it
				}
				return nil, err
			}
		case err != nil:
			return nil, err
		}
		// While this waited for the lock, another file may have taken its place.
		if f.isAt(path) {
			return f, nil
		}
		if err := f.bolt.Close(); err != nil {
			return nil, err
		}
	}
}

// unfinished reports whether there is a file that is too short for a database.
func unfinished(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Size() < smallest
}

func openBolt(path string, open openFile) (*file, error) {
	f := &file{}
	options := *bbolt.DefaultOptions
	options.Timeout, options.PageSize = lockTimeout, pageSize
	options.FreelistType, options.NoStatistics = bbolt.FreelistMapType, true
	options.OpenFile = func(name string, flag int, mode os.FileMode) (opened *os.File, err error) {
		f.os, err = open(name, flag, mode)
		return f.os, err
	}
	err := guard(func() (err error) {
		f.bolt, err = bbolt.Open(path, fileMode, &options)
		return err
	})
	if err != nil {
		if f.os != nil {
			_ = f.os.Close() // bbolt does not, where it panics; the lock goes with it
		}
		return nil, err
	}
	f.bolt.AllocSize = growBy
	return f, nil
}

func (f *file) isAt(path string) bool {
	at, err := os.Stat(path)
	if err != nil {
		return false
	}
	is, err := f.os.Stat()
	return err == nil && os.SameFile(at, is)
}

// close gives the lock back. Of a damaged database the memory mapping stays, since
// bbolt may wait for ever for what a panic has left locked.
func (f *file) close(damage error) error {
	if errors.Is(damage, ErrDamaged) {
		return f.os.Close()
	}
	return f.bolt.Close()
}

// guard runs a function that uses the database and turns what it does about damage
// into an error: bbolt panics where a page contradicts itself, and follows a
// damaged page number to memory that is not mapped.
func guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrDamaged, p)
		}
	}()
	return fn()
}

func (f *file) update(fn func(tx *bbolt.Tx) error) error {
	return guard(func() error { return f.bolt.Update(fn) })
}

func (f *file) view(fn func(tx *bbolt.Tx) error) error {
	return guard(func() error { return f.bolt.View(fn) })
}

// prepare reads the header, and makes the buckets of a new database.
func (f *file) prepare() (a applied, err error) {
	err = f.view(func(tx *bbolt.Tx) (err error) {
		a, err = readHeader(tx)
		return err
	})
	if !errors.Is(err, errEmpty) {
		return a, err
	}
	return a, f.update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{bucketMeta, bucketCounters} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		if err := tx.Bucket(bucketMeta).Put(keyVersion, []byte{formatVersion}); err != nil {
			return err
		}
		return a.write(tx)
	})
}

func readHeader(tx *bbolt.Tx) (a applied, err error) {
	meta := tx.Bucket(bucketMeta)
	if meta == nil || tx.Bucket(bucketCounters) == nil {
		if name, _ := tx.Cursor().First(); name != nil {
			return a, errors.New("the file is a database of something else")
		}
		return a, errEmpty
	}
	version, numbers := meta.Get(keyVersion), meta.Get(keyApplied)
	if len(version) != 1 || len(numbers) != 8*len(a) {
		return a, fmt.Errorf("header of the file: %w", ErrDamaged)
	}
	if version[0] != formatVersion {
		return a, fmt.Errorf("format version %d: %w", version[0], limitmem.ErrNewer)
	}
	for i := range a {
		a[i] = binary.BigEndian.Uint64(numbers[8*i:])
	}
	return a, nil
}

func (a *applied) write(tx *bbolt.Tx) error {
	numbers := make([]byte, 0, 8*len(a))
	for _, n := range a {
		numbers = binary.BigEndian.AppendUint64(numbers, n)
	}
	return tx.Bucket(bucketMeta).Put(keyApplied, numbers)
}

// syncDir makes the names in a directory survive a power loss.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // directories cannot be synced there, and NTFS journals names
	}
	f, err := os.Open(dir) //nolint:gosec // The operator has named it.
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
