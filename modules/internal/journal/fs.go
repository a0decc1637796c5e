// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// FS is what a journal needs of a file system. All names are paths.
type FS interface {
	// MkdirAll makes a directory and its parents, durably, unless it exists.
	MkdirAll(dir string) error
	// ReadDir returns the names of the files in a directory.
	ReadDir(dir string) ([]string, error)
	// Open opens an existing file for reading and, where that is allowed, writing.
	Open(name string) (File, error)
	// Create makes a file, for its owner only, and fails if there is one.
	Create(name string) (File, error)
	// Rename gives a file another name.
	Rename(from, to string) error
	// Remove deletes a file.
	Remove(name string) error
	// SyncDir returns when the names in a directory survive a power loss.
	SyncDir(dir string) error
}

// File is an open file of an FS.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Size returns the length in bytes.
	Size() (int64, error)
	// Truncate cuts the file to a length.
	Truncate(size int64) error
	// Sync returns when what was written before the call survives a power loss.
	// After an error it says nothing about earlier writes any more, whatever a
	// second call would return.
	Sync() error
}

// osFS is the operating system's FS.
type osFS struct{}

func (osFS) MkdirAll(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	var parents []string // of the directories that are about to be made
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Stat(d); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		parents = append(parents, filepath.Dir(d))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, d := range parents {
		if err := syncDir(d); err != nil {
			return err
		}
	}
	return nil
}

func (osFS) ReadDir(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

func (osFS) Open(name string) (File, error) {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		var again error
		if f, again = os.Open(name); again != nil {
			return nil, err
		}
	}
	return osFile{f}, nil
}

func (osFS) Create(name string) (File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFS) Rename(from, to string) error { return os.Rename(from, to) }

func (osFS) Remove(name string) error { return os.Remove(name) }

func (osFS) SyncDir(dir string) error { return syncDir(dir) }

// osFile is an open file of the operating system.
type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, fmt.Errorf("read %s: not a regular file", f.Name())
	}
	return info.Size(), nil
}

// Sync leaves out metadata that no reader needs where the system can.
func (f osFile) Sync() error { return dataSync(f.File) }

// writeAt writes all of p or returns an error.
func writeAt(f File, p []byte, off int64) error {
	n, err := f.WriteAt(p, off)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return err
}

// Interface guards
var (
	_ FS   = osFS{}
	_ File = osFile{}
)
