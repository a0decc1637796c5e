// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package journal keeps records in append-only files, so that they survive the
// end of the process at once and the loss of power a few milliseconds later. It
// does not know what a record means: a payload is bytes. One Journal uses a
// directory at a time; keeping other processes out is the caller's business.
//
// # Promises
//
//   - When Append has returned without an error, the record is with the operating
//     system: it survives a kill of the process, at any moment.
//   - A sync begins at the latest [Options.SyncDelay] after a write, or when the
//     sync in progress then has ended. A power loss therefore costs at most the
//     records of the last max(SyncDelay, s) + s, where s is what a sync takes: at
//     most 10 ms with the default delay on a disk that syncs in 5 ms. A change of
//     segment adds nothing to that: the next file is in the directory before it is
//     needed, and where two files await a sync they are synced side by side.
//   - Nothing is invented. A record is replayed only with a matching checksum and
//     a sequence number above all before it. The checksum begins with a random
//     number of the segment's own, so that neither old disk blocks nor a payload
//     made to look like a record can pass for one, except with odds of 1 to 2^32.
//   - Damage costs what is damaged: reading goes on at the next valid record, and
//     [Recovery] tells what is missing. A damaged file is never deleted.
//   - What is not on disk is known: see [Journal.Err].
//
// # Format
//
// A segment is a file named NUMBER-SALT.journal: the number, eight digits or
// more, orders the segments, and the salt is eight hexadecimal digits. All numbers
// inside are little-endian. It begins with a header of 32 bytes:
//
//	0   7 bytes "tgjrnl\n" and one byte with the version of the format, 1
//	8   sequence number of the first record of this segment
//	16  sequence number of the last record that was written before this segment
//	24  salt (4 bytes)
//	28  CRC-32C of the bytes above
//
// Records follow without padding, each with an overhead of 16 bytes:
//
//	0   CRC-32C, begun with the salt, of all that follows
//	4   length of the payload in bytes, at most 64 KiB
//	8   sequence number
//	16  payload
//
// Within a segment each record has its predecessor's number plus one. Between
// segments numbers may be skipped, because those of records that could not be
// written are not used again; the second number in the header tells such a gap
// from one where records are lost.
package journal

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// Defaults of Options.
const (
	// DefaultSegmentSize is 64 MiB.
	DefaultSegmentSize = 64 << 20
	// DefaultSyncDelay is 2 ms.
	DefaultSyncDelay = 2 * time.Millisecond
)

// MaxPayload is the largest payload in bytes.
const MaxPayload = 64 << 10

var (
	// ErrClosed tells that the journal has been closed.
	ErrClosed = errors.New("journal is closed")
	// ErrTooLarge tells that a payload is longer than MaxPayload.
	ErrTooLarge = fmt.Errorf("payload is longer than %d bytes", MaxPayload)
)

// Options say where and how a journal keeps its files.
type Options struct {
	// Dir is the directory. It is made, open to nobody else, if it is missing.
	// Files that are not named like segments are left alone.
	Dir string
	// SegmentSize is the size in bytes from which on a new segment is begun, by
	// default DefaultSegmentSize. It is no hard limit: appending goes on in the
	// old segment until the new one is ready.
	SegmentSize int64
	// SyncDelay is how long after a write a sync begins at the latest, by default
	// DefaultSyncDelay. Records of that time share one sync.
	SyncDelay time.Duration
	// FS is where the files are, by default the operating system's.
	FS FS
}

func (o Options) withDefaults() Options {
	if o.SegmentSize <= 0 {
		o.SegmentSize = DefaultSegmentSize
	}
	if o.SyncDelay <= 0 {
		o.SyncDelay = DefaultSyncDelay
	}
	if o.FS == nil {
		o.FS = osFS{}
	}
	return o
}

// Journal is an open journal. Its methods are safe for concurrent use. It has one
// goroutine, which syncs, and another for a moment when a segment is half full.
type Journal struct {
	dir         string
	fs          FS
	segmentSize int64
	delay       time.Duration

	making chan struct{} // held (by sending) while a segment is made

	kick  chan struct{} // asks for a sync at once
	stop  chan struct{} // closed by Close
	ended sync.WaitGroup

	mu        sync.Mutex
	changed   *sync.Cond // synced, failure or cur may have changed
	timer     *time.Timer
	dirty     bool       // the timer runs, or a sync is due
	cur       *segment   // nil exactly if failure is not
	spare     *segment   // made and empty, or nil
	preparing bool       // a spare is being made
	prepareAt int64      // size of cur at which to make one
	old       []*segment // all but cur, until they are released
	pending   []*segment // those of old whose file is open, to be synced and closed
	jobs      []syncJob  // the loop's, kept for its memory
	number    uint64     // of the newest segment
	buf       []byte

	last     uint64 // newest sequence number given out
	written  uint64 // newest one that was written
	synced   uint64 // newest one of which a sync has ended well
	released uint64 // newest one that is applied elsewhere
	// Numbers above owedFrom up to owedTo are not, or not surely, in the journal.
	// That matters until they are released.
	owedFrom, owedTo uint64
	cause            error // why owedTo is what it is
	failure          error // why nothing can be appended, or nil
}

// Append writes a record with one system call and returns its sequence number. The
// payload is neither kept nor altered.
//
// Numbers begin at 1, increase, and are given out on errors, too, so that the
// caller can tell by a number what it has made durable by other means. After an
// error (ErrTooLarge included) nothing is written, and no system call made, until
// Retry succeeds.
func (j *Journal) Append(payload []byte) (seq uint64, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last++
	seq = j.last
	if j.cur == nil {
		j.oweLocked(seq-1, seq, j.failure)
		return seq, j.failure
	}
	if len(payload) > MaxPayload {
		return seq, j.failLocked(seq, ErrTooLarge)
	}
	if j.cur.size >= j.segmentSize && j.spare != nil {
		j.switchLocked()
	}
	s := j.cur
	j.buf = j.buf[:0]
	if s.size == 0 {
		j.buf = appendHeader(j.buf, header{first: seq, prev: j.written, salt: s.salt})
	}
	j.buf = appendRecord(j.buf, s.salt, seq, payload)
	if err := writeAt(s.file, j.buf, s.size); err != nil {
		// Best effort: a reader knows a torn tail when it sees one.
		_ = s.file.Truncate(s.size)
		return seq, j.failLocked(seq, err)
	}
	s.size += int64(len(j.buf))
	s.last, j.written = seq, seq
	if !j.dirty {
		j.dirty = true
		j.timer.Reset(j.delay)
	}
	if s.size >= j.prepareAt && j.spare == nil && !j.preparing {
		j.preparing = true
		j.ended.Add(1)
		go j.prepare()
	}
	return seq, nil
}

// Last returns the newest sequence number that Append has given out, or what the
// journal was opened after.
func (j *Journal) Last() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last
}

// Synced returns the newest sequence number up to which everything survives a
// power loss: synced, or released.
func (j *Journal) Synced() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	synced := j.synced
	if j.owedTo > j.released {
		synced = min(synced, j.owedFrom)
	}
	return max(synced, j.released)
}

// Close syncs what was appended and closes the files. It returns what Err would
// return if the journal were not closed. Later calls return nil.
func (j *Journal) Close() error {
	j.mu.Lock()
	if errors.Is(j.failure, ErrClosed) {
		j.mu.Unlock()
		return nil
	}
	failure := j.failure
	j.giveUpLocked(ErrClosed)
	close(j.stop)
	j.mu.Unlock()

	j.ended.Wait() // the loop syncs and closes what is open before it ends
	j.mu.Lock()
	defer j.mu.Unlock()
	j.dropSpareLocked()
	if failure == nil {
		failure = j.owedLocked()
	}
	return failure
}
