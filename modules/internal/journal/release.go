// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package journal

import (
	"errors"
	"fmt"
	"io/fs"
)

// Release says that all records up to and with a number are applied: kept durably
// elsewhere. Segments that hold no other records are deleted; damaged ones are
// renamed to *.damaged instead. The current segment stays, but one that is at least
// an eighth full and holds nothing else makes place for a new one, so that the next
// Release can delete it.
//
// An error tells that a file could not be deleted. It is tried again with the next
// call, and costs disk space only: what is released is not replayed.
func (j *Journal) Release(seq uint64) error {
	j.rotate(seq)

	j.mu.Lock()
	j.released = max(j.released, min(seq, j.last))
	seq = j.released
	var done []*segment
	kept := j.old[:0]
	for _, s := range j.old {
		if s.file == nil && s.last <= seq {
			done = append(done, s)
		} else {
			kept = append(kept, s)
		}
	}
	clear(j.old[len(kept):])
	j.old = kept
	j.mu.Unlock()

	var errs []error
	for i, s := range done {
		if err := j.dispose(s); err != nil {
			errs = append(errs, err)
			continue
		}
		done[i] = nil
	}
	if len(errs) == 0 {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, s := range done {
		if s != nil {
			j.old = append(j.old, s)
		}
	}
	return errors.Join(errs...)
}

// dispose deletes a segment, or puts it aside if it is damaged.
func (j *Journal) dispose(s *segment) error {
	path := j.path(s.name)
	if s.damaged {
		if err := j.fs.Rename(path, path+damagedSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("keep damaged segment: %w", err)
		}
		return nil
	}
	if err := j.fs.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete segment: %w", err)
	}
	return nil
}

// rotate begins a new segment if the current one holds applied records only, and
// enough of them to be worth it.
func (j *Journal) rotate(seq uint64) {
	j.making <- struct{}{}
	defer func() { <-j.making }()
	if spare := j.worthRotating(seq); !spare {
		return
	}
	s, err := j.create()
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case err != nil: // the old one goes on
	case j.cur == nil || j.spare != nil:
		j.discard(s)
	default:
		j.spare = s
		j.switchLocked()
		j.kickLocked() // closes the old one
	}
}

// worthRotating tells whether a segment must be made to rotate to. Where a spare is
// there, it rotates itself.
func (j *Journal) worthRotating(seq uint64) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.cur == nil || j.cur.last > seq || j.cur.size < j.segmentSize/8 || j.cur.size == 0 {
		return false
	}
	if j.spare == nil {
		return true
	}
	j.switchLocked()
	j.kickLocked()
	return false
}
