// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerdb

import (
	"fmt"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
)

// Err implements ledger.Ledger. Besides records that are not durable it tells
// about a database that takes no sums: then records are safe in the journal, for
// as long as the disk has room.
func (d *DB) Err() error {
	d.mu.Lock()
	failure, closed := d.failure, d.closed
	d.mu.Unlock()
	switch {
	case closed:
		return ErrClosed
	case failure != nil:
		return failure
	}
	if err := d.journal.Err(); err != nil {
		return fmt.Errorf("journal of the ledger in %s: %w", d.o.Dir, err)
	}
	return nil
}

// loop makes checkpoints when they are due, tries again after failures, deletes
// old hours, and tells about changes. The last checkpoint was when tried says.
func (d *DB) loop(tried time.Time) {
	defer close(d.ended)
	tick := min(d.o.CheckpointEvery, d.o.RetryEvery)
	timer := time.NewTimer(tick)
	defer timer.Stop()
	var (
		kept ledger.Hour // the clock hour in which old ones were last looked for
		keep int64       // how long they were kept then
		told bool        // that the ledger fails
	)
	for {
		now := time.Now()
		switch since := now.Sub(tried); {
		case d.Err() != nil:
			if since >= d.o.RetryEvery {
				d.retry()
				tried = now
			}
		case since >= d.o.CheckpointEvery || d.large():
			_ = d.checkpoint() // Err has it
			tried = now
		}
		hour, want := ledger.HourOf(d.o.Now()), d.keep.Load()
		if (hour != kept || want != keep) && d.Err() == nil && d.prune(kept != 0 && want != keep) == nil {
			kept, keep = hour, want
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

// large reports whether there are so many rows in memory that a checkpoint should
// not wait.
func (d *DB) large() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.current.sums.Len() >= manyRows
}

// retry makes durable what the journal has not, and then journals again.
func (d *DB) retry() {
	if d.checkpoint() != nil || d.journal.Retry() != nil {
		return
	}
	if d.journal.Err() != nil {
		_ = d.checkpoint() // what was recorded in between
	}
	d.mu.Lock()
	d.failing = false
	d.mu.Unlock()
}
