// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package journal

import (
	"fmt"
	"sync"
)

// Sync returns when everything that was appended before the call is synced, or else
// what Err returns.
func (j *Journal) Sync() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for target := j.written; j.failure == nil && j.synced < target; j.changed.Wait() {
		j.kickLocked()
	}
	return j.errLocked()
}

// kickLocked asks the loop for a pass without delay.
func (j *Journal) kickLocked() {
	select {
	case j.kick <- struct{}{}:
	default: // has been asked already
	}
}

// loop syncs the delay after a write. A write during a pass starts the timer anew,
// so that the next pass begins when it ends or at the end of the delay.
func (j *Journal) loop() {
	defer j.ended.Done()
	defer j.timer.Stop()
	for {
		select {
		case <-j.timer.C:
		case <-j.kick:
		case <-j.stop:
			j.pass()
			return
		}
		j.pass()
	}
}

// syncJob is a segment and what its sync covers.
type syncJob struct {
	segment *segment
	last    uint64
	err     error
}

// pass syncs what has been written, and closes the segments that nothing will be
// written to. Only this function, which only the loop calls, closes a segment that
// has records, so that no file is closed during its sync.
func (j *Journal) pass() {
	j.mu.Lock()
	j.dirty = false
	covered := j.written
	closing := j.pending
	j.pending = nil
	jobs := j.jobs[:0]
	for _, s := range closing {
		jobs = append(jobs, syncJob{segment: s, last: s.last})
	}
	if j.cur != nil {
		jobs = append(jobs, syncJob{segment: j.cur, last: j.cur.last})
	}
	j.mu.Unlock()

	err := syncAll(jobs)
	for _, s := range closing {
		_ = s.file.Close() // it is synced, or given up
	}
	clear(jobs)
	j.jobs = jobs[:0]

	j.mu.Lock()
	defer j.mu.Unlock()
	defer j.changed.Broadcast()
	for _, s := range closing {
		s.file = nil
	}
	if err == nil {
		j.synced = max(j.synced, covered)
		return
	}
	// The system may have marked as clean what it could not write, and a second
	// sync would then lie. All open files are given up without another one.
	err = fmt.Errorf("sync journal: %w", err)
	j.oweLocked(j.synced, j.written, err)
	if j.isClosedLocked() {
		return
	}
	j.giveUpLocked(err)
	for _, s := range j.pending {
		_ = s.file.Close()
		s.file = nil
	}
	j.pending = nil
}

// syncAll syncs those of the segments that need it, side by side: one after the
// other would take longer than is promised.
func syncAll(jobs []syncJob) error {
	var others sync.WaitGroup
	for i := range jobs {
		job := &jobs[i]
		switch {
		case job.last <= job.segment.synced:
		case i == len(jobs)-1:
			job.err = job.segment.file.Sync()
		default:
			others.Go(func() { job.err = job.segment.file.Sync() })
		}
	}
	others.Wait()
	for _, job := range jobs {
		if job.err != nil {
			return job.err
		}
	}
	for _, job := range jobs {
		job.segment.synced = job.last
	}
	return nil
}
