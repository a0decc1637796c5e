// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package recorddb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"github.com/caddy-gateway/tollgate/modules/internal/boltfile"
)

var (
	// ErrInUse tells that another process has the records open.
	ErrInUse = boltfile.ErrInUse
	// ErrDamaged tells that some records cannot be read.
	ErrDamaged = errors.New("the file is damaged")
)

// FileName is what the file is called in its directory.
const FileName = "records.db"

const (
	formatVersion = 1
	dirMode       = 0o700
	fileMode      = 0o600
)

// The buckets of the database, and the key in the first one.
var (
	bucketMeta    = []byte("meta")
	bucketRecords = []byte("records")
	keyVersion    = []byte("version")
)

// Records stand under their keys as a checksum of key and rest, the moment in which they
// expire in nanoseconds since 1970, and the value.
const (
	sumSize  = 4
	headSize = sumSize + 8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func openFile(path string) (*boltfile.File, error) {
	return boltfile.Open(path, boltfile.Options{Damaged: ErrDamaged})
}

// open opens the file and reads it.
func (d *DB) open(dir string) error {
	if err := os.MkdirAll(dir, dirMode); err != nil { //nolint:gosec // The operator has named it.
		return err
	}
	f, err := openFile(filepath.Join(dir, FileName))
	if err != nil {
		return err
	}
	if err := f.Update(d.read); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := boltfile.SyncDir(dir); err != nil {
		return errors.Join(err, f.Close())
	}
	d.file = f
	return nil
}

// read fills the table, and removes what has expired from the file.
func (d *DB) read(tx *bbolt.Tx) error {
	bucket, err := prepare(tx)
	if err != nil {
		return err
	}
	now := d.o.Now().UnixNano()
	var gone [][]byte
	err = bucket.ForEach(func(k, v []byte) error {
		e, err := decode(k, v)
		if err != nil {
			return err
		}
		if e.expired(now) {
			gone = append(gone, bytes.Clone(k))
		} else {
			d.t.set(string(k), e)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, k := range gone {
		if err := bucket.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

// prepare returns the bucket with the records, and makes it in a new database.
func prepare(tx *bbolt.Tx) (*bbolt.Bucket, error) {
	meta, bucket := tx.Bucket(bucketMeta), tx.Bucket(bucketRecords)
	if meta != nil && bucket != nil {
		if v := meta.Get(keyVersion); len(v) != 1 {
			return nil, fmt.Errorf("header of the file: %w", ErrDamaged)
		} else if v[0] != formatVersion {
			return nil, fmt.Errorf("its format is version %d, which a newer gateway has written", v[0])
		}
		return bucket, nil
	}
	if name, _ := tx.Cursor().First(); name != nil {
		return nil, errors.New("the file is a database of something else")
	}
	meta, err := tx.CreateBucket(bucketMeta)
	if err != nil {
		return nil, err
	}
	if err := meta.Put(keyVersion, []byte{formatVersion}); err != nil {
		return nil, err
	}
	return tx.CreateBucket(bucketRecords)
}

func writeBatch(tx *bbolt.Tx, b *batch) error {
	bucket := tx.Bucket(bucketRecords)
	for key, e := range b.over {
		var err error
		if e == nil {
			err = bucket.Delete([]byte(key))
		} else {
			err = bucket.Put([]byte(key), e.encode(key))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *entry) encode(key string) []byte {
	b := make([]byte, headSize, headSize+len(e.value))
	binary.BigEndian.PutUint64(b[sumSize:], uint64(e.expires))
	b = append(b, e.value...)
	binary.BigEndian.PutUint32(b, checksum([]byte(key), b))
	return b
}

func decode(key, b []byte) (*entry, error) {
	if len(b) < headSize || binary.BigEndian.Uint32(b) != checksum(key, b) {
		return nil, fmt.Errorf("record %q: %w", key, ErrDamaged)
	}
	return &entry{expires: int64(binary.BigEndian.Uint64(b[sumSize:])), value: bytes.Clone(b[headSize:])}, nil
}

func checksum(key, b []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, b[sumSize:])
}
