// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitdb

import (
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/caddy-gateway/tollgate/modules/internal/journal"
	"github.com/caddy-gateway/tollgate/modules/internal/limitmem"
)

// Recovery says what Open found.
type Recovery struct {
	journal.Recovery
	// Counters is the number of counters that were in the database.
	Counters int
	// Damaged is the number of counters in it that could not be read, and begin
	// afresh.
	Damaged int
	// Unreadable is the number of journal records that were found whole but mean
	// nothing.
	Unreadable int
}

// Lossy reports whether something was lost, or may be, beyond what a power loss
// costs.
func (r Recovery) Lossy() bool {
	return len(r.Recovery.Damaged) > 0 || r.Unreadable > 0 || r.Damaged > 0
}

// String returns one line, without a full stop, that tells an operator all there is
// to know.
func (r Recovery) String() string {
	s := fmt.Sprintf("%d counters read, %s", r.Counters, r.Recovery.String())
	if r.Unreadable > 0 {
		s += fmt.Sprintf("; %d of them mean nothing and were left out", r.Unreadable)
	}
	if r.Damaged > 0 {
		s += fmt.Sprintf("; %d counters are damaged and begin afresh", r.Damaged)
	}
	return s
}

// Stats are figures of counters that survive.
type Stats struct {
	limitmem.Stats
	// Dir is the directory.
	Dir string
	// Rows is the number of counters in the database, and FileBytes its size, without
	// the journal.
	Rows      int
	FileBytes int64
	// Unwritten is how many changes are in memory alone, because the journal fails.
	Unwritten int64
}

// Stats returns what is so now. It waits for a checkpoint that is being made.
func (d *DB) Stats() (Stats, error) {
	s := Stats{Stats: d.Store.Stats(), Dir: d.o.Dir, Unwritten: d.unwritten.Load()}
	d.checkpointing.Lock()
	defer d.checkpointing.Unlock()
	if d.closed.Load() {
		return s, ErrClosed
	}
	err := d.file.View(func(tx *bbolt.Tx) error {
		s.Rows, s.FileBytes = tx.Bucket(bucketCounters).Stats().KeyN, tx.Size()
		return nil
	})
	if err != nil {
		err = fmt.Errorf("read counters in %s: %w", d.o.Dir, err)
	}
	return s, err
}

// Err implements limits.Store. Besides counts that are not durable it tells about a
// database that cannot be written: then counts are safe in the journal, for as long
// as the disk has room.
func (d *DB) Err() error {
	if d.closed.Load() {
		return ErrClosed
	}
	d.mu.Lock()
	failure := d.failure
	d.mu.Unlock()
	if failure != nil {
		return failure
	}
	if err := d.journal.Err(); err != nil {
		return fmt.Errorf("journal of counters in %s: %w", d.o.Dir, err)
	}
	return nil
}

// loop makes checkpoints when they are due, tries again after failures, and tells
// about changes.
func (d *DB) loop() {
	defer close(d.ended)
	tick := min(d.o.CheckpointEvery, d.o.RetryEvery)
	timer := time.NewTimer(tick)
	defer timer.Stop()
	var tried time.Time // so that what was replayed is written at once
	told := false       // that something fails
	for {
		now := time.Now()
		switch since := now.Sub(tried); {
		case d.Err() != nil:
			if since >= d.o.RetryEvery {
				d.retry()
				tried = now
			}
		case since >= d.o.CheckpointEvery:
			_ = d.checkpoint(false) // Err has it
			tried = now
		}
		if err := d.Err(); (err != nil) != told {
			told = err != nil
			d.o.OnChange(err)
		}
		timer.Reset(tick)
		select {
		case <-d.stop:
			return
		case <-d.kick:
		case <-timer.C:
		}
	}
}

// retry makes durable what the journal has not, and then journals again.
func (d *DB) retry() {
	if d.checkpoint(true) != nil || d.journal.Retry() != nil {
		return
	}
	if d.journal.Err() != nil {
		_ = d.checkpoint(true) // what was counted in between
	}
}
