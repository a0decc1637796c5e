// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/caddy-gateway/tollgate/modules/internal/boltfile"
	"github.com/caddy-gateway/tollgate/modules/internal/limitmem"
)

const (
	fileName      = "limits.db"
	journalName   = "journal"
	formatVersion = 1
	dirMode       = 0o700
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

// file is the open and locked database.
type file struct{ *boltfile.File }

// prepare reads the header, and makes the buckets of a new database.
func (f *file) prepare() (a applied, err error) {
	err = f.View(func(tx *bbolt.Tx) (err error) {
		a, err = readHeader(tx)
		return err
	})
	if !errors.Is(err, errEmpty) {
		return a, err
	}
	return a, f.Update(func(tx *bbolt.Tx) error {
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
