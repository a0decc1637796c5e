// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"

	"go.etcd.io/bbolt"

	"github.com/caddy-gateway/tollgate/modules/internal/boltfile"
)

// ErrInUse tells that a ledger is open already, in this or another process.
var ErrInUse = boltfile.ErrInUse

const (
	fileName       = "usage.db"
	defaultJournal = "journal"
	formatVersion  = 1 // of a new database
	formatCached   = 2 // of one that has rows of the second version
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

// file is the open and locked database.
type file struct{ *boltfile.File }

// openLocked opens the database in a directory and takes its lock.
func openLocked(dir string, o boltfile.Options) (*file, error) {
	f, err := openFile(filepath.Join(dir, fileName), o)
	if err != nil {
		return nil, fmt.Errorf("open ledger in %s: %w", dir, err)
	}
	return f, nil
}

func openFile(path string, o boltfile.Options) (*file, error) {
	o.Damaged = ErrDamaged
	f, err := boltfile.Open(path, o)
	if err != nil {
		return nil, err
	}
	return &file{f}, nil
}

// Close gives the lock back, if there is a database.
func (f *file) Close() error {
	if f == nil {
		return nil
	}
	return f.File.Close()
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
	err := f.View(func(tx *bbolt.Tx) (err error) {
		h, err = readHeader(tx)
		return err
	})
	if !errors.Is(err, errEmpty) {
		return h, err
	}
	h = header{version: formatVersion, journal: defaultJournal}
	return h, f.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{bucketMeta, bucketRows} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return h.write(tx)
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
