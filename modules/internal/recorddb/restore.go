// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package recorddb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"github.com/caddy-gateway/tollgate/modules/internal/boltfile"
)

const (
	restoring = FileName + ".restoring"
	// BeforeRestore is the name of the file in which Restore keeps what it has replaced.
	BeforeRestore = FileName + ".before-restore"
)

// Restore makes a backup the records in a directory, which is made if it is missing, and in
// which no process may use records (ErrInUse). The backup is checked first. The replacement
// is one step: a crash leaves the one or the other. What was there stays beside it, as
// BeforeRestore, until the next Restore.
func Restore(backup, dir string) error {
	if err := Check(backup); err != nil {
		return err
	}
	if err := restore(backup, dir); err != nil {
		return fmt.Errorf("restore records in %s: %w", dir, err)
	}
	return nil
}

func restore(backup, dir string) error {
	if err := os.MkdirAll(dir, dirMode); err != nil { //nolint:gosec // The operator has named it.
		return err
	}
	release, err := lockExisting(filepath.Join(dir, FileName))
	if err != nil {
		return err
	}
	err = replace(backup, dir)
	return errors.Join(err, release())
}

// lockExisting takes the lock of a file, if there is one. One that is too damaged to be
// opened is nobody's.
func lockExisting(path string) (release func() error, err error) {
	f, err := boltfile.OpenExisting(path, boltfile.Options{Damaged: ErrDamaged})
	if f == nil {
		return func() error { return nil }, err
	}
	return f.Close, nil
}

// replace puts a backup in the place of the records in a directory.
func replace(backup, dir string) error {
	path, before, fresh := filepath.Join(dir, FileName), filepath.Join(dir, BeforeRestore), filepath.Join(dir, restoring)
	if err := discard(fresh); err != nil {
		return err
	}
	if err := unpack(backup, fresh); err != nil {
		return errors.Join(err, discard(fresh))
	}
	if err := discard(before); err != nil {
		return err
	}
	return boltfile.Replace(path, fresh, before)
}

func discard(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// unpack makes a database of a backup.
func unpack(backup, path string) error {
	f, err := openFile(path)
	if err != nil {
		return err
	}
	err = f.Update(func(tx *bbolt.Tx) error {
		bucket, err := prepare(tx)
		if err != nil {
			return err
		}
		return readBackup(backup, func(key, rest []byte) error {
			return bucket.Put(append([]byte(nil), key...), append([]byte(nil), rest...)) // kept until the commit
		})
	})
	return errors.Join(err, f.Close())
}
