// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitdb

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/bbolt"

	"github.com/caddy-gateway/tollgate/modules/internal/limitmem"
)

const (
	// pruneEvery is how often rows are looked for that hold nothing any more.
	pruneEvery = 10 * time.Second
	// pruneAtOnce is how many rows are looked at then.
	pruneAtOnce = 50_000
)

// pruning is how far the search has come, round and round.
type pruning struct {
	last int64 // when, in microseconds
	from []byte
}

func (p *pruning) due(now int64) bool {
	since := now - p.last
	return since < 0 || since >= pruneEvery.Microseconds()
}

// now is the wall clock, in microseconds since the Unix epoch.
func (d *DB) now() int64 {
	if d.o.Clock != nil {
		return d.o.Clock().UnixMicro()
	}
	return time.Now().UnixMicro()
}

// prune deletes some of the rows that hold nothing any more.
func (d *DB) prune(now int64) error {
	if !d.pruned.due(now) {
		return nil
	}
	var old [][]byte
	next := []byte(nil)
	err := d.file.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketCounters).Cursor()
		key, value := c.Seek(d.pruned.from)
		for n := 0; key != nil; key, value = c.Next() {
			if n++; n > pruneAtOnce {
				next = bytes.Clone(key)
				break
			}
			if expires, err := limitmem.RowExpires(key, value); err == nil && expires <= now {
				old = append(old, bytes.Clone(key))
			}
		}
		return nil
	})
	if err == nil && len(old) > 0 {
		err = d.file.update(func(tx *bbolt.Tx) error {
			for _, key := range old {
				if err := tx.Bucket(bucketCounters).Delete(key); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err != nil {
		return d.failed(err)
	}
	d.pruned = pruning{last: now, from: next}
	return nil
}

// rewriting is the name of the database while it is written anew.
const rewriting = fileName + ".rewriting"

// syncFailed reports whether a transaction failed because the disk did not sync.
// bbolt returns what the system call said.
func syncFailed(err error) bool {
	if file, ok := errors.AsType[*fs.PathError](err); ok {
		return file.Op == "sync"
	}
	if _, ok := errors.AsType[syscall.Errno](err); ok {
		return true
	}
	return strings.Contains(err.Error(), "file sync error")
}

// rewrite writes the database to a new file, which takes the place of the old one:
// after a sync that failed, no later one of the same file proves anything.
func (d *DB) rewrite() error {
	path, fresh := filepath.Join(d.o.Dir, fileName), filepath.Join(d.o.Dir, rewriting)
	f, err := d.copied(fresh)
	if err == nil {
		if err = os.Rename(fresh, path); err == nil {
			d.file, f = f, d.file
		}
		if err = errors.Join(err, f.close(nil)); err == nil {
			err = syncDir(d.o.Dir)
		}
	}
	if err != nil {
		_ = os.Remove(fresh) // it may be what takes up the space
		return fmt.Errorf("write counters in %s anew: %w", d.o.Dir, err)
	}
	d.suspect = false
	return nil
}

// copied copies the database to a new file, and opens and locks that.
func (d *DB) copied(path string) (*file, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	to, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode) //nolint:gosec // A name of ours.
	if err != nil {
		return nil, err
	}
	err = d.file.view(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(to)
		return err
	})
	if err = errors.Join(err, to.Sync(), to.Close()); err != nil {
		return nil, err
	}
	return openBolt(path, d.o.OpenFile)
}
