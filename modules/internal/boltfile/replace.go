// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package boltfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// OpenExisting opens the database that is to be replaced at a path, for its lock. It returns
// nil without an error where there is none, and where it is too damaged to be opened, which
// makes it nobody's. The error is ErrInUse where another process has it open, and a PathError,
// such as for want of permission, where the system does not open it to this one: whether
// another has it is not known then.
func OpenExisting(path string, o Options) (*File, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	f, err := Open(path, o)
	if _, closed := errors.AsType[*fs.PathError](err); closed || errors.Is(err, ErrInUse) {
		return nil, err
	}
	if err != nil {
		return nil, nil
	}
	return f, nil
}

// Replace has a whole file take the place of the one at a path, in one step: a crash leaves
// the one or the other. What was there, if anything, stays under the name before, which must
// be free.
func Replace(path, fresh, before string) error {
	if err := os.Link(path, before); err != nil && !errors.Is(err, fs.ErrNotExist) {
		// A file system without links: for a moment there is no file.
		if err := os.Rename(path, before); err != nil {
			return err
		}
	}
	if err := os.Rename(fresh, path); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}
