// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerdb

import (
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

// Stats are facts about a ledger that cost little to find out.
type Stats struct {
	// Dir is the directory.
	Dir string
	// Bytes is the size of the database, without the journal.
	Bytes int64
	// Applied is the number of the last journal record in the database, and Last
	// that of the newest one.
	Applied, Last uint64
	// Pending is the number of rows in memory that are not in the database yet.
	Pending int
	// Oldest is the start of the earliest hour in the database; zero if there is
	// none.
	Oldest time.Time
}

// Stats returns what is true now.
func (d *DB) Stats() (Stats, error) {
	s := Stats{Dir: d.o.Dir}
	d.filing.RLock()
	defer d.filing.RUnlock()
	err := d.file.View(func(tx *bbolt.Tx) error {
		h, err := readHeader(tx)
		if err != nil {
			return err
		}
		s.Bytes, s.Applied = tx.Size(), h.applied
		if key, _ := tx.Bucket(bucketRows).Cursor().First(); key != nil {
			hour, err := hourOf(key)
			s.Oldest = hour.Start()
			return err
		}
		return nil
	})
	if err != nil {
		return s, fmt.Errorf("read ledger in %s: %w", d.o.Dir, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	s.Last, s.Pending = d.current.to, d.current.sums.Len()
	if d.frozen != nil {
		s.Pending += d.frozen.sums.Len()
	}
	return s, nil
}
