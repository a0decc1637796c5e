// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package journal

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	suffix        = ".journal"
	damagedSuffix = ".damaged" // comes after suffix
)

// segment is one file.
type segment struct {
	name    string // without the directory
	number  uint64
	salt    uint32
	file    File   // nil once it is closed
	size    int64  // 0 while there is no record: the header comes with the first
	last    uint64 // number of the last record, 0 without one
	synced  uint64 // last at the last sync
	damaged bool   // to be kept when it is released
}

func segmentName(number uint64, salt uint32) string {
	return fmt.Sprintf("%08d-%08x%s", number, salt, suffix)
}

// segmentOf returns the segment that a file name stands for.
func segmentOf(name string) (*segment, bool) {
	stem, ok := strings.CutSuffix(name, suffix)
	if !ok {
		return nil, false
	}
	left, right, _ := strings.Cut(stem, "-")
	number, err := strconv.ParseUint(left, 10, 63)
	if err != nil {
		return nil, false
	}
	salt, err := strconv.ParseUint(right, 16, 32)
	if err != nil || segmentName(number, uint32(salt)) != name {
		return nil, false
	}
	return &segment{name: name, number: number, salt: uint32(salt)}, true
}

// segmentsOf returns the segments among the files of a directory, in order.
func segmentsOf(names []string) []*segment {
	var segments []*segment
	for _, name := range names {
		if s, ok := segmentOf(name); ok {
			segments = append(segments, s)
		}
	}
	slices.SortFunc(segments, func(a, b *segment) int {
		if a.number != b.number {
			if a.number < b.number {
				return -1
			}
			return 1
		}
		return strings.Compare(a.name, b.name)
	})
	return segments
}

func (j *Journal) path(name string) string { return filepath.Join(j.dir, name) }

// create makes the next segment, without a header, and makes its name durable. The
// caller holds making.
func (j *Journal) create() (*segment, error) {
	j.mu.Lock()
	j.number++
	number := j.number
	j.mu.Unlock()

	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails
	s := &segment{number: number, salt: binary.LittleEndian.Uint32(random[:])}
	s.name = segmentName(s.number, s.salt)
	file, err := j.fs.Create(j.path(s.name))
	if err != nil {
		return nil, fmt.Errorf("make segment: %w", err)
	}
	s.file = file
	if err := j.fs.SyncDir(j.dir); err != nil {
		j.discard(s)
		return nil, fmt.Errorf("sync journal directory: %w", err)
	}
	return s, nil
}

// discard closes and deletes a segment without records. What remains of it does no
// harm: Open deletes it.
func (j *Journal) discard(s *segment) {
	_ = s.file.Close()
	_ = j.fs.Remove(j.path(s.name))
}

// begin makes a segment, tries out whether the disk takes writes, and makes it the
// current one.
func (j *Journal) begin() error {
	j.making <- struct{}{}
	defer func() { <-j.making }()
	j.mu.Lock()
	current := j.cur
	j.mu.Unlock()
	if current != nil {
		return nil // somebody else was faster
	}
	s, err := j.create()
	if err != nil {
		return err
	}
	j.mu.Lock()
	// The first record brings the same header or, if appending goes on failing
	// meanwhile, one with a higher number.
	h := header{first: j.last + 1, prev: j.written, salt: s.salt}
	j.mu.Unlock()
	if err := writeAt(s.file, appendHeader(nil, h), 0); err != nil {
		j.discard(s)
		return fmt.Errorf("write segment header: %w", err)
	}
	if err := s.file.Sync(); err != nil {
		j.discard(s)
		return fmt.Errorf("sync segment header: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.isClosedLocked() {
		j.discard(s)
		return ErrClosed
	}
	j.dropSpareLocked() // its number is lower
	j.cur, j.failure = s, nil
	j.prepareAt = j.segmentSize / 2
	return nil
}

// prepare makes the spare segment, so that appending never waits for one.
func (j *Journal) prepare() {
	defer j.ended.Done()
	j.making <- struct{}{}
	defer func() { <-j.making }()
	s, err := j.create()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.preparing = false
	switch {
	case err != nil:
		if j.cur != nil { // which goes on growing; a later Append tries again
			j.prepareAt = j.cur.size + j.segmentSize/8
		}
	case j.cur == nil || j.spare != nil:
		j.discard(s)
	default:
		j.spare = s
	}
}

// switchLocked makes the spare the current segment.
func (j *Journal) switchLocked() {
	j.old = append(j.old, j.cur)
	j.pending = append(j.pending, j.cur)
	j.cur, j.spare = j.spare, nil
	j.prepareAt = j.segmentSize / 2
}

func (j *Journal) dropSpareLocked() {
	if j.spare != nil {
		j.discard(j.spare)
		j.spare = nil
	}
}
