// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package ledgerdb is a ledger that outlives the process. It keeps sums by hour
// in an embedded database and, before it does, every record in a journal.
//
// # Promises
//
//   - When Record has returned, the record survives a kill of the process. A power
//     loss costs at most what package journal says, some milliseconds of records.
//   - A record is in the sums once. The number of the last journal record that
//     they contain is stored in the transaction that adds it to them; what has a
//     higher number is replayed, and nothing else.
//   - Where nothing can be written, records are kept in memory within the bounds of
//     ledger.Table, and DB.Err says so. Every second (Options.RetryEvery) it is
//     tried to write the sums, and then to journal again.
//   - One process uses a ledger at a time: it locks the database.
//   - Damage is found by checksums, and reported, never read as money.
//
// # Files
//
// The directory holds usage.db, a bbolt database, and the directory that the
// database names, at first "journal". After Restore there are also
// usage.db.before-restore and the journal that belongs to it.
//
// The bucket "rows" has a row for each hour and ledger.Key. Its key is the hour,
// counted from the Unix epoch, in 4 bytes, most significant first, and then the
// names of the ledger.Key, each with its length before it. The bucket "meta" holds
// the version of the format, which is 2 once a row is about a response cache and which
// gateways that know nothing of that refuse, the number of the last journal record in the sums,
// and the name of the journal.
package ledgerdb

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/boltfile"
	"github.com/caddy-gateway/tollgate/modules/internal/journal"
	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
)

// Defaults of Options.
const (
	// DefaultCheckpointEvery is 5 seconds.
	DefaultCheckpointEvery = 5 * time.Second
	// DefaultRetryEvery is a second.
	DefaultRetryEvery = time.Second
)

// ErrClosed tells that the ledger has been closed.
var ErrClosed = errors.New("ledger is closed")

// Options say where and how a ledger keeps its files.
type Options struct {
	// Dir is the directory. It is made, open to nobody else, if it is missing.
	Dir string
	// Keep is how long sums are kept; longer ago than that, hours are deleted.
	// Zero or less means for ever.
	Keep time.Duration
	// CheckpointEvery is how often records are added to the sums in the database,
	// by default DefaultCheckpointEvery. It costs no record when it is long: until
	// then they are in the journal.
	CheckpointEvery time.Duration
	// RetryEvery is how long to wait after a failure, by default
	// DefaultRetryEvery.
	RetryEvery time.Duration
	// Bounds limit the detail of each hour, and what is kept in memory.
	Bounds ledger.Options
	// OnChange, if set, is told when Err changes from nil to an error or back, one
	// call at a time. It must not call Close.
	OnChange func(error)
	// Journal configures the journal, but for its directory.
	Journal journal.Options
	// OpenFile opens the database, by default os.OpenFile.
	OpenFile func(name string, flag int, mode os.FileMode) (*os.File, error)
	// Now tells the time by which Keep is measured, by default time.Now.
	Now func() time.Time
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
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// layer is the sums of the journal records with numbers above from, up to to.
type layer struct {
	sums     *ledger.Table
	from, to uint64
}

// DB is an open ledger. It has one goroutine of its own besides the journal's.
//
// What was recorded is in the database, in frozen, which a checkpoint is adding
// to it, and in current.
type DB struct {
	o       Options
	file    *file
	journal *journal.Journal

	kick  chan struct{} // asks for a checkpoint at once
	stop  chan struct{} // closed by Close
	ended chan struct{} // closed by the goroutine
	once  sync.Once     // Close
	keep  atomic.Int64  // how long, as a time.Duration

	checkpointing sync.Mutex // one at a time; guards what is below
	details       map[ledger.Hour]*ledger.Detail
	values        []byte // reused, of a transaction
	broken        error  // the database is damaged: it must not be written to
	suspect       bool   // a sync of the database failed: it must be written anew

	filing  sync.RWMutex // held for reading by those who use file without checkpointing
	merging sync.RWMutex // held for reading by those who read frozen

	mu      sync.Mutex
	current layer
	frozen  *layer // not written to while it is here, or nil
	buf     []byte
	failing bool  // the goroutine has been told that the journal fails
	failure error // of the last checkpoint, or nil
	closed  bool
}

// Open opens the ledger in a directory, made if it is missing, and replays what
// the journal has beyond the database.
//
// An error is returned where the ledger cannot be read or its lock not be had
// (ErrInUse), where the directory is read-only, or where a new one cannot be made.
// An existing one on a full disk is opened, and Err tells.
func Open(o Options) (*DB, Recovery, error) {
	o = o.withDefaults()
	if err := os.MkdirAll(o.Dir, dirMode); err != nil {
		return nil, Recovery{}, fmt.Errorf("make ledger directory %s: %w", o.Dir, err)
	}
	f, err := openLocked(o.Dir, boltfile.Options{OpenFile: o.OpenFile, Readers: true})
	if err != nil {
		return nil, Recovery{}, err
	}
	d := &DB{
		o: o, file: f, details: map[ledger.Hour]*ledger.Detail{},
		kick: make(chan struct{}, 1), stop: make(chan struct{}), ended: make(chan struct{}),
	}
	d.keep.Store(int64(o.Keep))
	recovery, err := d.replay()
	if err != nil {
		return nil, recovery, errors.Join(fmt.Errorf("open ledger in %s: %w", o.Dir, err), f.Close())
	}
	var tried time.Time
	if d.current.from == d.current.to {
		tried = time.Now() // nothing was replayed
	}
	go d.loop(tried)
	return d, recovery, nil
}

// replay reads the header of the database and then the journal.
func (d *DB) replay() (Recovery, error) {
	var recovery Recovery
	h, err := d.file.prepare()
	if err != nil {
		return recovery, err
	}
	if err := boltfile.SyncDir(d.o.Dir); err != nil {
		return recovery, err
	}
	d.current = layer{sums: ledger.NewTable(d.o.Bounds), from: h.applied}
	o := d.o.Journal
	o.Dir = filepath.Join(d.o.Dir, h.journal)
	var r ledger.Record
	d.journal, recovery.Recovery, err = journal.Open(o, h.applied, func(_ uint64, payload []byte) error {
		err := decodeRecord(payload, &r)
		switch {
		case err == nil:
			d.current.sums.Record(&r)
		case errors.Is(err, errNewer):
			return err
		default:
			recovery.Unreadable++
		}
		return nil
	})
	if err != nil {
		return recovery, err
	}
	d.current.to = d.journal.Last()
	return recovery, nil
}

// Record implements ledger.Ledger. It takes some microseconds and allocates where
// the record needs a new row. After Close, the record is lost.
func (d *DB) Record(r *ledger.Record) {
	d.mu.Lock()
	d.buf = appendRecord(d.buf[:0], r)
	seq, err := d.journal.Append(d.buf)
	d.current.sums.Record(r)
	d.current.to = seq
	kick := err != nil && !d.failing || d.current.sums.Len() >= manyRows
	d.failing = err != nil
	d.mu.Unlock()
	if kick {
		d.hurry()
	}
}

// manyRows is how many rows in memory are worth a checkpoint before its time.
const manyRows = 10_000

// hurry makes the goroutine look after the ledger now.
func (d *DB) hurry() {
	select {
	case d.kick <- struct{}{}:
	default:
	}
}

// Close writes what is in memory, and ends the use of the files. It waits for
// Rows and Backup to end. An error tells that something was not written; what is
// in the journal then will be replayed. Later calls return nil.
func (d *DB) Close() error {
	var err error
	d.once.Do(func() {
		close(d.stop)
		<-d.ended
		err = d.checkpoint()
		d.mu.Lock()
		d.closed = true
		d.mu.Unlock()
		d.checkpointing.Lock()
		defer d.checkpointing.Unlock()
		err = errors.Join(err, d.journal.Close(), d.file.Close())
		if err != nil {
			err = fmt.Errorf("close ledger in %s: %w", d.o.Dir, err)
		}
	})
	return err
}

// Interface guards
var _ ledger.Ledger = (*DB)(nil)
