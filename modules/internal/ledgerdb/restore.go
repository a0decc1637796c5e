// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerdb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"go.etcd.io/bbolt"

	"github.com/caddy-gateway/tollgate/modules/internal/boltfile"
	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
)

const (
	restoring = fileName + ".restoring"
	// BeforeRestore is the name of the file in which Restore keeps what it has
	// replaced.
	BeforeRestore = fileName + ".before-restore"
)

// Restore makes a backup the ledger in a directory, which is made if it is
// missing, and in which no process may use a ledger (ErrInUse). The backup is
// checked first. The replacement is one step: a crash leaves the one or the other.
//
// What was there stays beside it, as BeforeRestore, until the next Restore. Its
// journal does, too: the backup begins another one, since the old one's records
// are not its own. To undo it, rename BeforeRestore to usage.db.
func Restore(backup, dir string) error {
	if err := Check(backup); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return fmt.Errorf("restore ledger in %s: %w", dir, err)
	}
	old, err := lockExisting(dir)
	if err != nil {
		return err
	}
	err = replace(backup, dir, old.journal())
	if err = errors.Join(err, old.Close()); err != nil {
		return fmt.Errorf("restore ledger in %s: %w", dir, err)
	}
	return nil
}

// lockExisting takes the lock of the ledger in a directory. It returns nil if there
// is none; one that is too damaged to be opened is nobody's.
func lockExisting(dir string) (*file, error) {
	f, err := boltfile.OpenExisting(filepath.Join(dir, fileName), boltfile.Options{Damaged: ErrDamaged})
	if err != nil {
		return nil, fmt.Errorf("open ledger in %s: %w", dir, err)
	}
	if f == nil {
		return nil, nil
	}
	return &file{f}, nil
}

// journal returns the name of the journal, or "" if it cannot be told.
func (f *file) journal() string {
	if f == nil {
		return ""
	}
	var h header
	err := f.View(func(tx *bbolt.Tx) (err error) {
		h, err = readHeader(tx)
		return err
	})
	if err != nil {
		return ""
	}
	return h.journal
}

// replace puts a backup in the place of a ledger with a journal.
func replace(backup, dir, journal string) error {
	path, before, fresh := filepath.Join(dir, fileName), filepath.Join(dir, BeforeRestore), filepath.Join(dir, restoring)
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := copyBackup(backup, fresh); err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	forget(before, journal)
	return boltfile.Replace(path, fresh, before)
}

// copyBackup copies a backup without its seal, and gives the copy a journal of its
// own.
func copyBackup(backup, path string) error {
	from, err := os.Open(backup) //nolint:gosec // The operator has named it.
	if err != nil {
		return err
	}
	defer from.Close()                                                        //nolint:errcheck // Nothing was written.
	to, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode) //nolint:gosec // As above.
	if err != nil {
		return err
	}
	_, err = unseal(from, to)
	if err = errors.Join(err, to.Sync(), to.Close()); err != nil {
		return err
	}
	f, err := openFile(path, boltfile.Options{})
	if err != nil {
		return err
	}
	err = f.Update(func(tx *bbolt.Tx) error {
		h, err := readHeader(tx)
		if err != nil {
			return err
		}
		h.journal = defaultJournal + "-" + strconv.FormatInt(time.Now().UnixNano(), 36)
		return h.write(tx)
	})
	return errors.Join(err, f.Close())
}

// forget deletes what an earlier Restore has kept, if there is something, and its
// journal, if that is not the one in use, which must be known. Whatever goes wrong
// costs disk space only.
func forget(before, inUse string) {
	f, err := openFile(before, boltfile.Options{OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
		return os.OpenFile(name, flag&^os.O_CREATE, mode) //nolint:gosec // A name of ours.
	}})
	if err == nil {
		journal := f.journal()
		if f.Close() == nil && journal != "" && inUse != "" && journal != inUse {
			_ = os.RemoveAll(filepath.Join(filepath.Dir(before), journal))
		}
	}
	_ = os.Remove(before)
}

// checkRows reads all rows.
func checkRows(rows *bbolt.Bucket) error {
	return rows.ForEach(func(key, value []byte) error {
		h, err := hourOf(key)
		if err != nil {
			return err
		}
		if _, err := decodeKey(key[hourSize:]); err != nil {
			return err
		}
		var w ledger.Row
		return decodeRow(value, key, h, &w)
	})
}
