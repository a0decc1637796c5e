// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package limitdb keeps counters of limits in memory, as package limitmem does, and
// has those outlive the process that matter for long: windows of five minutes or
// longer, and all that counts money. What is held is not among them, since no
// request survives the process either, nor are buckets, but those of money.
//
// # Promises
//
//   - When Decide has admitted a request, what it has counted in such windows
//     survives a kill of the process; likewise when Settle has returned. So after a
//     kill each admitted request is counted, a reservation that was not settled is
//     charged in full, and one that was settled exactly. A power loss costs at most
//     what package journal says, some milliseconds.
//   - Nothing is counted twice. A transaction of the database holds counters
//     and, for each partition of them, the number of the last journal record that
//     they contain; what has a higher number is replayed, and nothing else.
//   - Where the journal cannot be written, counting goes on in memory, and DB.Err
//     says so. MaxUnwritten changes may be kept so, until Decide refuses what hard
//     limits are about with limits.ErrUnavailable; other requests go on. It is tried
//     every second (Options.RetryEvery) to write all counters to the database, and
//     then to journal again.
//   - One process uses a directory at a time: it locks the database.
//   - Damage is found by checksums and reported. A damaged counter is put aside and
//     begins afresh. Where the structure of the database is damaged, Open refuses.
//
// Times are those of the wall clock when the process starts; package limitmem says
// what comes of a clock that is set.
//
// # Files
//
// The directory holds limits.db, a bbolt database, and the directory "journal". The
// bucket "counters" has a row for each counter, as limitmem.Store.Save makes it, the
// bucket "damaged" rows that could not be read, and the bucket "meta" the version of
// the format and the numbers of the last journal records, in 8 bytes for each
// partition.
package limitdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/boltfile"
	"github.com/caddy-gateway/tollgate/modules/internal/journal"
	"github.com/caddy-gateway/tollgate/modules/internal/limitmem"
	"github.com/caddy-gateway/tollgate/modules/limits"
)

// Defaults of Options.
const (
	// DefaultCheckpointEvery is 5 seconds.
	DefaultCheckpointEvery = 5 * time.Second
	// DefaultRetryEvery is a second.
	DefaultRetryEvery = time.Second
)

// MaxUnwritten is how many changes may be in memory alone before hard limits admit
// nothing.
const MaxUnwritten = 65_536

var (
	// ErrClosed tells that the counters have been closed.
	ErrClosed = errors.New("counters are closed")
	// ErrInUse tells that a directory is in use already, by this or another process.
	ErrInUse = boltfile.ErrInUse
	// ErrDamaged tells that bytes in the files are not what was written.
	ErrDamaged = limitmem.ErrDamaged
)

// Options say where and how counters are kept.
type Options struct {
	// Dir is the directory. It is made, open to nobody else, if it is missing.
	Dir string
	// MaxEntries, MaxBytes and Clock are those of limitmem.Options.
	MaxEntries int
	MaxBytes   int64
	Clock      func() time.Time
	// OnChange, if set, is told when Err changes from nil to an error or back, one
	// call at a time. It must not call Close.
	OnChange func(error)
	// CheckpointEvery is how often counters are written to the database, by default
	// DefaultCheckpointEvery. It costs no count when it is long: until then they are
	// in the journal.
	CheckpointEvery time.Duration
	// RetryEvery is how long to wait after a failure, by default DefaultRetryEvery.
	RetryEvery time.Duration
	// Journal configures the journal, but for its directory.
	Journal journal.Options
	// OpenFile opens the database, by default os.OpenFile.
	OpenFile func(name string, flag int, mode os.FileMode) (*os.File, error)
}

func (o Options) withDefaults() Options {
	if o.CheckpointEvery <= 0 {
		o.CheckpointEvery = DefaultCheckpointEvery
	}
	if o.RetryEvery <= 0 {
		o.RetryEvery = DefaultRetryEvery
	}
	if o.OnChange == nil {
		o.OnChange = func(error) {}
	}
	return o
}

// DB is an open set of counters. It has one goroutine of its own besides the
// journal's.
type DB struct {
	*limitmem.Store
	o       Options
	journal *journal.Journal
	tell    log

	kick  chan struct{} // asks for a checkpoint at once
	stop  chan struct{} // closed by Close
	ended chan struct{} // closed by the goroutine
	once  sync.Once     // Close

	closed    atomic.Bool
	unwritten atomic.Int64 // changes that are in memory alone

	checkpointing sync.Mutex // one at a time; guards what is below
	file          *file
	applied       applied // in the database
	written       uint64  // newest journal record that is in it entirely
	pruned        pruning
	broken        error // the database is damaged: it must not be written to
	suspect       bool  // a sync of the database failed: it must be written anew

	mu      sync.Mutex
	failure error // of the last checkpoint, or nil
}

// Open opens the counters in a directory, made if it is missing, and replays what
// the journal has beyond the database.
//
// An error is returned where the files cannot be read or their lock not be had
// (ErrInUse), where the database is damaged in its structure (ErrDamaged) or of a
// newer version, where the directory is read-only, or where new files cannot be
// made. Existing ones on a full disk are opened, and Err tells.
func Open(o Options) (*DB, Recovery, error) {
	o = o.withDefaults()
	if err := os.MkdirAll(o.Dir, dirMode); err != nil {
		return nil, Recovery{}, fmt.Errorf("make directory of counters %s: %w", o.Dir, err)
	}
	f, err := boltfile.Open(filepath.Join(o.Dir, fileName), boltfile.Options{Damaged: ErrDamaged, OpenFile: o.OpenFile})
	if err != nil {
		return nil, Recovery{}, fmt.Errorf("open counters in %s: %w", o.Dir, err)
	}
	d := &DB{
		o: o, file: &file{f},
		kick: make(chan struct{}, 1), stop: make(chan struct{}), ended: make(chan struct{}),
	}
	d.tell.db = d
	d.Store = limitmem.New(limitmem.Options{MaxEntries: o.MaxEntries, MaxBytes: o.MaxBytes, Clock: o.Clock, Log: &d.tell})
	recovery, err := d.replay()
	if err != nil {
		return nil, recovery, errors.Join(fmt.Errorf("open counters in %s: %w", o.Dir, err), f.Close())
	}
	go d.loop()
	return d, recovery, nil
}

// replay reads the database and then the journal.
func (d *DB) replay() (Recovery, error) {
	var recovery Recovery
	var err error
	if d.applied, err = d.file.prepare(); err != nil {
		return recovery, err
	}
	if err := boltfile.SyncDir(d.o.Dir); err != nil {
		return recovery, err
	}
	if err := d.load(&recovery); err != nil {
		return recovery, err
	}
	o := d.o.Journal
	o.Dir = filepath.Join(d.o.Dir, journalName)
	d.journal, recovery.Recovery, err = journal.Open(o, d.applied.least(), func(seq uint64, payload []byte) error {
		err := d.Replay(payload, func(partition int) bool { return seq > d.applied[partition] })
		if errors.Is(err, limitmem.ErrDamaged) {
			recovery.Unreadable++
			return nil
		}
		return err
	})
	return recovery, err
}

// Decide implements limits.Store. It takes a microsecond longer than in memory
// where something has to survive.
func (d *DB) Decide(ctx context.Context, q *limits.Decision) error {
	if d.closed.Load() {
		return ErrClosed
	}
	err := d.Store.Decide(ctx, q)
	if errors.Is(err, limits.ErrUnavailable) {
		q.RetryAfter = max(time.Second, d.o.RetryEvery)
	}
	return err
}

// log is what the store in memory tells.
type log struct{ db *DB }

// Append implements limitmem.Log.
func (l *log) Append(record []byte, hard, must bool) error {
	d := l.db
	if hard && !must && d.unwritten.Load() >= MaxUnwritten {
		return fmt.Errorf("%d changes of counters cannot be written: %w", int64(MaxUnwritten), limits.ErrUnavailable)
	}
	_, err := d.journal.Append(record)
	switch {
	case err == nil:
	case errors.Is(err, journal.ErrClosed) && !must:
		return ErrClosed // the last checkpoint has been made
	case d.unwritten.Add(1) == 1:
		d.hurry()
	}
	return nil
}

// hurry makes the goroutine look after the files now.
func (d *DB) hurry() {
	select {
	case d.kick <- struct{}{}:
	default:
	}
}

// Close writes what is in memory, and ends the use of the files. An error tells
// that something was not written; what is in the journal then will be replayed.
// Later calls return nil.
func (d *DB) Close() error {
	var err error
	d.once.Do(func() {
		d.closed.Store(true)
		close(d.stop)
		<-d.ended
		err = d.checkpoint(true)
		d.checkpointing.Lock()
		defer d.checkpointing.Unlock()
		err = errors.Join(err, d.journal.Close(), d.file.Close())
		if err != nil {
			err = fmt.Errorf("close counters in %s: %w", d.o.Dir, err)
		}
	})
	return err
}

// Interface guards
var (
	_ limits.Store = (*DB)(nil)
	_ limitmem.Log = (*log)(nil)
)
