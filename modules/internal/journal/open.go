// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package journal

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"
)

// Open reads the journal in a directory, makes that if it is missing, and begins a
// new segment for appending. It calls replay, in order, for each record with a
// number above after, which is the last one that the caller has applied. The
// payload is valid until replay returns, and an error of replay stops Open.
//
// Neither a torn end nor damage is an error: see Recovery. An error is what keeps
// the journal from being read: no access, or a newer format. Where it can be read
// but not written (disk full, file system read-only), Open returns a Journal whose
// Err says so and which takes records after a successful Retry.
func Open(o Options, after uint64, replay func(seq uint64, payload []byte) error) (*Journal, Recovery, error) {
	o = o.withDefaults()
	if err := o.FS.MkdirAll(o.Dir); err != nil {
		return nil, Recovery{}, fmt.Errorf("make journal directory: %w", err)
	}
	names, err := o.FS.ReadDir(o.Dir)
	if err != nil {
		return nil, Recovery{}, fmt.Errorf("read journal directory: %w", err)
	}
	r := replayer{
		fs: o.FS, dir: o.Dir, after: after, replay: replay,
		floor: after, tail: -1,
	}
	segments := segmentsOf(names)
	for _, s := range segments {
		if err := r.segment(s); err != nil {
			return nil, r.Recovery, fmt.Errorf("read journal segment %s: %w", s.name, err)
		}
	}

	j := &Journal{
		dir: o.Dir, fs: o.FS, segmentSize: o.SegmentSize, delay: o.SyncDelay,
		making: make(chan struct{}, 1),
		kick:   make(chan struct{}, 1), stop: make(chan struct{}),
		timer: time.NewTimer(time.Hour),
		buf:   make([]byte, 0, headerSize+recordHeader+MaxPayload),
		old:   segments,
		last:  r.floor, written: max(r.Last, after), synced: r.floor, released: after,
	}
	j.timer.Stop() // until something is written
	j.changed = sync.NewCond(&j.mu)
	if len(segments) > 0 {
		j.number = segments[len(segments)-1].number
	}
	if r.syncErr != nil {
		j.oweLocked(after, r.Last, fmt.Errorf("sync journal: %w", r.syncErr))
	}
	if err := j.begin(); err != nil {
		j.failure = err
	}
	j.ended.Add(1)
	go j.loop()
	_ = j.Release(after) // what it cannot delete, the next one will
	return j, r.Recovery, nil
}

// replayer reads segments one after the other.
type replayer struct {
	Recovery
	fs      FS
	dir     string
	after   uint64
	replay  func(seq uint64, payload []byte) error
	floor   uint64 // no new record may have a number up to this one
	tail    int    // index of the damage at the end of the previous segment, or -1
	syncErr error
	buf     []byte
}

// segment replays one segment, and fills s in.
func (r *replayer) segment(s *segment) error {
	file, err := r.fs.Open(filepath.Join(r.dir, s.name))
	if err != nil {
		return err
	}
	defer file.Close()
	size, err := file.Size()
	if err != nil || size == 0 {
		return err
	}
	if want := int(min(size, windowSize)); cap(r.buf) < want {
		r.buf = make([]byte, 0, want)
	}
	sc := &scanner{file: file, size: size, salt: s.salt, last: r.Last, buf: r.buf[:0]}
	if err := r.header(s, sc); err != nil {
		return err
	}
	if err := r.records(s, sc); err != nil {
		return err
	}
	r.rest(s, sc)
	s.size = sc.end
	if s.last > r.after {
		// It may have been written just before the process was killed, and never
		// been synced.
		if err := file.Sync(); err != nil && r.syncErr == nil {
			r.syncErr = err
		}
	}
	return nil
}

// header reads the segment's header, and notes what is missing before it.
func (r *replayer) header(s *segment, sc *scanner) error {
	h, err := parseHeader(sc.window(0, headerSize))
	seen := max(r.Last, r.after)
	sc.limit = seen + maxGap
	if errors.Is(err, errHeader) || err == nil && h.first > sc.limit {
		return nil // records are searched from the start
	}
	if err != nil {
		return err
	}
	tail := r.tail
	r.tail = -1
	sc.end, sc.salt = headerSize, h.salt
	if h.prev > seen {
		if tail >= 0 {
			r.Damaged[tail].Lost = h.prev - seen
		} else {
			r.Damaged = append(r.Damaged, Damage{File: s.name, Lost: h.prev - seen})
		}
	}
	if h.first > sc.last {
		sc.last, sc.anchored = h.first-1, true
	}
	return nil
}

// records replays the records, and notes what is between them.
func (r *replayer) records(s *segment, sc *scanner) error {
	for {
		end, last := sc.end, sc.last
		seq, payload, ok := sc.next()
		if !ok {
			return nil
		}
		if sc.start > end {
			r.damage(s, sc, end, sc.start-end)
			if before := max(last, r.after); seq-1 > before {
				r.Damaged[len(r.Damaged)-1].Lost = seq - 1 - before
			}
		}
		s.last, r.Last, r.tail = seq, seq, -1
		if seq <= r.after {
			continue
		}
		if err := r.replay(seq, payload); err != nil {
			return fmt.Errorf("replay record %d: %w", seq, err)
		}
		r.Records++
	}
}

// rest decides what the bytes after the last record are.
func (r *replayer) rest(s *segment, sc *scanner) {
	rest := sc.size - sc.end
	// Numbers that the rest may have held are not given out again, so that no
	// record can be taken for another should it become readable.
	r.floor = max(r.floor, sc.last+uint64(rest)/recordHeader)
	switch {
	case rest <= 0:
	case sc.torn() && !s.damaged:
		r.Torn += rest
		// Where this fails, the next Open does it.
		_ = sc.file.Truncate(sc.end)
	default:
		r.damage(s, sc, sc.end, rest)
		r.tail = len(r.Damaged) - 1
	}
}

func (r *replayer) damage(s *segment, sc *scanner, offset, n int64) {
	s.damaged = true
	r.Damaged = append(r.Damaged, Damage{File: s.name, Offset: offset, Bytes: n, Err: sc.readErr})
}
