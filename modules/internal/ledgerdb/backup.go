// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerdb

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"go.etcd.io/bbolt"

	"github.com/caddy-gateway/tollgate/modules/internal/boltfile"
)

// A backup is a copy of the database, followed by a seal: 8 bytes, the length of
// the copy in 8 bytes, most significant first, and its SHA-256. The seal comes
// last, so that a file which was cut has none.
const (
	sealMagic = "tgledger"
	sealSize  = len(sealMagic) + 8 + sha256.Size
)

// Backup writes everything that was recorded before the call to w, consistently,
// while the ledger goes on. Check and Restore read it. As long as w takes, the
// database cannot use space again that becomes free.
func (d *DB) Backup(w io.Writer) error {
	err := d.checkpoint()
	if err == nil {
		d.filing.RLock()
		defer d.filing.RUnlock()
		err = d.file.View(func(tx *bbolt.Tx) error { return writeBackup(tx, w) })
	}
	if err != nil {
		return fmt.Errorf("back up ledger: %w", err)
	}
	return nil
}

func writeBackup(tx *bbolt.Tx, w io.Writer) error {
	hash := sha256.New()
	n, err := tx.WriteTo(io.MultiWriter(w, hash))
	if err != nil {
		return err
	}
	seal := append(make([]byte, 0, sealSize), sealMagic...)
	seal = binary.BigEndian.AppendUint64(seal, uint64(n)) //nolint:gosec // Never negative.
	_, err = w.Write(hash.Sum(seal))
	return err
}

// Check verifies that a file is a whole and unaltered backup: its checksum, the
// structure of the database, the version of the format, and every row.
func Check(path string) error {
	if err := check(path); err != nil {
		return fmt.Errorf("check backup %s: %w", path, err)
	}
	return nil
}

func check(path string) error {
	f, err := os.Open(path) //nolint:gosec // The operator has named it.
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // Nothing was written.
	if _, err := unseal(f, io.Discard); err != nil {
		return err
	}
	return checkDatabase(path)
}

// unseal copies a backup to w without its seal, having found that it is whole when
// it returns nil, and returns the length of the copy.
func unseal(f *os.File, w io.Writer) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	size := info.Size() - int64(sealSize)
	if size < boltfile.Smallest || !info.Mode().IsRegular() {
		return 0, errors.New("it is no backup of a ledger")
	}
	seal := make([]byte, sealSize)
	if _, err := f.ReadAt(seal, size); err != nil {
		return 0, err
	}
	length := len(sealMagic)
	if string(seal[:length]) != sealMagic || binary.BigEndian.Uint64(seal[length:]) != uint64(size) {
		return 0, errors.New("it is no backup of a ledger, or its end is missing")
	}
	hash := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w, hash), io.NewSectionReader(f, 0, size)); err != nil {
		return 0, err
	}
	if !bytes.Equal(hash.Sum(nil), seal[length+8:]) {
		return 0, fmt.Errorf("the file %w: %w", errChecksum, ErrDamaged)
	}
	return size, nil
}

// checkDatabase reads everything that is in a database.
func checkDatabase(path string) error {
	return boltfile.Check(path, ErrDamaged, func(tx *bbolt.Tx) error {
		if _, err := readHeader(tx); err != nil {
			return err
		}
		return checkRows(tx.Bucket(bucketRows))
	})
}
