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
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

var (
	// ErrInUse tells that another process has the records open.
	ErrInUse = errors.New("another process uses it")
	// ErrDamaged tells that some records cannot be read.
	ErrDamaged = errors.New("the file is damaged")
	// errPages is ErrDamaged found by bbolt, which may have left a lock behind.
	errPages = fmt.Errorf("%w", ErrDamaged)
)

// FileName is what the file is called in its directory.
const FileName = "records.db"

const (
	pageSize      = 4096 // also where pages are larger, so that files can move
	smallest      = 4 * pageSize
	formatVersion = 1
	lockTimeout   = 200 * time.Millisecond
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

// open opens the file and reads it.
func (d *DB) open(dir string) error {
	if err := os.MkdirAll(dir, dirMode); err != nil { //nolint:gosec // The operator has named it.
		return err
	}
	d.path = filepath.Join(dir, FileName)
	err := d.openBolt()
	if err != nil && !errors.Is(err, ErrInUse) && unfinished(d.path) {
		// Its creation was interrupted, and nothing was ever in it.
		if err := os.Remove(d.path); err != nil {
			return err
		}
		err = d.openBolt()
	}
	if err != nil {
		return err
	}
	d.update = d.bolt.Update
	if err = guard(func() error { return d.bolt.Update(d.read) }); err != nil {
		return errors.Join(err, d.closeBolt(err))
	}
	return syncDir(dir)
}

// closeBolt gives the lock of the file back. After a panic the memory mapping stays, since
// bbolt may wait for ever for what that has left locked.
func (d *DB) closeBolt(failure error) error {
	if errors.Is(failure, errPages) {
		unlock(d.file)
		return d.file.Close()
	}
	return d.bolt.Close()
}

func (d *DB) openBolt() error {
	options := *bbolt.DefaultOptions
	options.Timeout = lockTimeout
	options.PageSize = pageSize
	options.NoStatistics = true
	options.OpenFile = func(name string, flag int, mode os.FileMode) (f *os.File, err error) {
		f, err = os.OpenFile(name, flag, mode) //nolint:gosec // The operator has named its directory.
		d.file = f
		return f, err
	}
	err := guard(func() (err error) {
		d.bolt, err = bbolt.Open(d.path, fileMode, &options)
		return err
	})
	if err == nil {
		return nil
	}
	if d.file != nil {
		unlock(d.file)
		_ = d.file.Close() // bbolt does not, where it panics; the lock goes with it
	}
	if errors.Is(err, berrors.ErrTimeout) {
		return ErrInUse
	}
	return err
}

// unfinished reports whether there is a file that is too short for a database.
func unfinished(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Size() < smallest
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

// syncDir makes the names in a directory survive a power loss. Where directories cannot be
// synced the file system does it by itself.
func syncDir(dir string) error {
	f, err := os.Open(dir) //nolint:gosec // The operator has named it.
	if err != nil {
		return err
	}
	_ = f.Sync()
	return f.Close()
}

// guard turns what a function does about a damaged database into an error: bbolt panics
// where a page contradicts itself, and follows a damaged page number to memory that is not
// mapped.
func guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errPages, p)
		}
	}()
	return fn()
}
