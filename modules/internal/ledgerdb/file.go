// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// ErrInUse tells that a ledger is open already, in this or another process.
var ErrInUse = errors.New("another process uses it")

const (
	fileName       = "usage.db"
	defaultJournal = "journal"
	pageSize       = 4096 // also where pages are larger, so that files can move
	smallest       = 4 * pageSize
	growBy         = 1 << 20 // bytes
	formatVersion  = 1       // of a new database
	formatCached   = 2       // of one that has rows of the second version
	lockTimeout    = 200 * time.Millisecond
	dirMode        = 0o700
	fileMode       = 0o600
)

// The buckets of the database, and the keys in the first one.
var (
	bucketMeta    = []byte("meta")
	bucketRows    = []byte("rows")    // sums by hour and key
	bucketDamaged = []byte("damaged") // rows that could not be read when they were to be added to

	keyVersion = []byte("version") // of the format
	keyApplied = []byte("applied") // number of the last journal record in the sums
	keyJournal = []byte("journal") // name of the directory with the journal
)

// openFile is the signature of os.OpenFile.
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
		if errors.Is(err, berrors.ErrTimeout) {
			return nil, fmt.Errorf("open ledger in %s: %w", dir, ErrInUse)
		}
		if err != nil && unfinished(path) {
			// Its creation was interrupted, and nothing was ever in it.
			if err := os.Remove(path); err != nil {
				return nil, fmt.Errorf("open ledger in %s: %w", dir, err)
			}
			if f, err = openBolt(path, open); err != nil && unfinished(path) {
				_ = os.Remove(path) // a full disk; the error says it
			}
		}
		if err != nil {
			return nil, fmt.Errorf("open ledger in %s: %w", dir, err)
		}
		// While this waited for the lock, a backup may have taken its place.
		if f.isAt(path) {
			return f, nil
		}
		if err := f.bolt.Close(); err != nil {
			return nil, fmt.Errorf("open ledger in %s: %w", dir, err)
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
	options.Timeout = lockTimeout
	options.PageSize = pageSize
	options.FreelistType = bbolt.FreelistMapType
	options.NoStatistics = true
	if runtime.GOOS != "windows" && ^uint(0)>>63 == 1 {
		// Address space, not memory: a slow reader then never holds up a writer
		// that makes the file grow.
		options.InitialMmapSize = 1 << 30
	}
	options.OpenFile = func(name string, flag int, mode os.FileMode) (*os.File, error) {
		opened, err := open(name, flag, mode)
		f.os = opened
		return opened, err
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
	if f == nil {
		return nil
	}
	if errors.Is(damage, ErrDamaged) {
		return f.os.Close()
	}
	return f.bolt.Close()
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

// header is what a database says about itself.
type header struct {
	version byte // of the format
	applied uint64
	journal string
}

// prepare reads the header, and makes the buckets of a new database.
func (f *file) prepare() (header, error) {
	var h header
	err := guard(func() error {
		return f.bolt.View(func(tx *bbolt.Tx) (err error) {
			h, err = readHeader(tx)
			return err
		})
	})
	if !errors.Is(err, errEmpty) {
		return h, err
	}
	h = header{version: formatVersion, journal: defaultJournal}
	return h, guard(func() error {
		return f.bolt.Update(func(tx *bbolt.Tx) error {
			for _, name := range [][]byte{bucketMeta, bucketRows} {
				if _, err := tx.CreateBucketIfNotExists(name); err != nil {
					return err
				}
			}
			return h.write(tx)
		})
	})
}

// errEmpty tells that a database has no ledger in it.
var errEmpty = errors.New("there is no ledger in the file")

func readHeader(tx *bbolt.Tx) (header, error) {
	var h header
	meta := tx.Bucket(bucketMeta)
	if meta == nil || tx.Bucket(bucketRows) == nil {
		if name, _ := tx.Cursor().First(); name != nil {
			return h, errors.New("the file is a database of something else")
		}
		return h, errEmpty
	}
	version, applied, journal := meta.Get(keyVersion), meta.Get(keyApplied), meta.Get(keyJournal)
	if len(version) != 1 || len(applied) != 8 || len(journal) == 0 || filepath.Base(string(journal)) != string(journal) {
		return h, fmt.Errorf("header of the file: %w", ErrDamaged)
	}
	if version[0] != formatVersion && version[0] != formatCached {
		return h, fmt.Errorf("format version %d: %w", version[0], errNewer)
	}
	return header{version: version[0], applied: binary.BigEndian.Uint64(applied), journal: string(journal)}, nil
}

func (h header) write(tx *bbolt.Tx) error {
	meta := tx.Bucket(bucketMeta)
	if err := meta.Put(keyVersion, []byte{h.version}); err != nil {
		return err
	}
	if err := meta.Put(keyJournal, []byte(h.journal)); err != nil {
		return err
	}
	return meta.Put(keyApplied, binary.BigEndian.AppendUint64(nil, h.applied))
}
