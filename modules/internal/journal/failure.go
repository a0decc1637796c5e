// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package journal

import (
	"errors"
	"fmt"
)

// Err returns nil while every record that was appended is in the journal or
// released, and everything that is due has been synced. Otherwise it says why not.
//
// After a failed write or sync, nothing can be appended: the caller makes durable
// by other means everything since Synced, says so with Release, and calls Retry.
// Where records were appended in vain between Release and Retry, Err says so, until
// they are released as well.
func (j *Journal) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.errLocked()
}

func (j *Journal) errLocked() error {
	if j.failure != nil {
		return j.failure
	}
	return j.owedLocked()
}

// owedLocked returns an error if records are missing that were not released.
func (j *Journal) owedLocked() error {
	if j.owedTo <= j.released {
		return nil
	}
	return fmt.Errorf("records up to number %d are not all in the journal: %w", j.owedTo, j.cause)
}

// Retry begins a new segment after a failure, which tries whether the disk takes
// writes again. It is not called implicitly, because only the caller knows when
// what is missing has been made durable. Without a failure it does nothing.
func (j *Journal) Retry() error {
	j.mu.Lock()
	failure := j.failure
	j.mu.Unlock()
	if failure == nil || errors.Is(failure, ErrClosed) {
		return failure
	}
	return j.begin()
}

// failLocked gives the current segment up, because the record with a number could
// not be written, and returns the failure.
func (j *Journal) failLocked(seq uint64, cause error) error {
	err := fmt.Errorf("append record: %w", cause)
	j.oweLocked(seq-1, seq, err)
	j.giveUpLocked(err)
	return err
}

// giveUpLocked ends appending. What was written before is synced all the same.
func (j *Journal) giveUpLocked(cause error) {
	if j.cur != nil {
		j.old = append(j.old, j.cur)
		j.pending = append(j.pending, j.cur)
		j.cur = nil
		j.kickLocked()
	}
	j.failure = cause
	j.changed.Broadcast()
}

// oweLocked notes that records with numbers above from, the newest being last, are
// not, or not surely, in the journal.
func (j *Journal) oweLocked(from, last uint64, cause error) {
	if j.owedTo > j.released {
		from = min(from, j.owedFrom)
	}
	j.owedFrom, j.owedTo = from, max(last, j.owedTo)
	j.cause = cause
}

func (j *Journal) isClosedLocked() bool { return errors.Is(j.failure, ErrClosed) }
