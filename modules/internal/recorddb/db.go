// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package recorddb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"github.com/caddy-gateway/tollgate/modules/internal/boltfile"
	"github.com/caddy-gateway/tollgate/modules/records"
)

// maxBatch bounds the changes of one transaction.
const maxBatch = 256

var errClosed = errors.New("the records are closed")

// call is a change whose caller waits.
type call struct {
	*change
	done chan struct{}
}

// DB is a records.Store in a file, which one process uses at a time.
type DB struct {
	o        Options
	dir      string
	file     *boltfile.File
	suspect  bool      // a sync of the file failed: it must be written anew
	rewrote  time.Time // when that was tried last
	onChange func(error)
	// fault, if not nil, is what transactions of tests fail with.
	fault error

	mu sync.RWMutex // for the table; the writer alone changes it, and reads without
	t  table

	failing atomic.Pointer[error] // why the last transaction failed

	calls   chan call
	stop    chan struct{}
	stopped chan struct{}
	once    sync.Once
	closing error
}

// Open opens the records in a directory, and makes both if they are missing. onChange, if
// not nil, is called with what Err returns whenever that becomes, or ceases to be, nil.
// The error is ErrInUse where another process has them open, and ErrDamaged where some
// cannot be read: a store that has lost a revocation must not go on as if it had not.
func Open(dir string, o Options, onChange func(error)) (*DB, error) {
	if onChange == nil {
		onChange = func(error) {}
	}
	d := &DB{
		o: o.withDefaults(), dir: dir, onChange: onChange, t: newTable(),
		calls: make(chan call, maxBatch), stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	if err := d.open(dir); err != nil {
		return nil, fmt.Errorf("open records in %s: %w", dir, err)
	}
	go d.write()
	return d, nil
}

// write makes changes, as many as there are at a time.
func (d *DB) write() {
	defer close(d.stopped)
	for {
		select {
		case c := <-d.calls:
			d.commit(d.gather(c))
		case <-d.stop:
			return
		}
	}
}

// gather returns a call and those that wait behind it.
func (d *DB) gather(first call) []call {
	list := []call{first}
	for len(list) < maxBatch {
		select {
		case c := <-d.calls:
			list = append(list, c)
		default:
			return list
		}
	}
	return list
}

// commit makes changes in one transaction, and tells who waits for them.
func (d *DB) commit(calls []call) {
	b := newBatch(&d.t, &d.o, d.o.Now())
	b.sweep(sweepAtOnce)
	for _, c := range calls {
		b.do(c.change)
	}
	if err := d.store(b); err != nil {
		b.unsweep()
		for _, c := range calls {
			c.found, c.value, c.err = false, nil, fmt.Errorf("%w: %w", records.ErrUnavailable, err)
		}
	} else {
		d.mu.Lock()
		b.apply()
		d.mu.Unlock()
	}
	for _, c := range calls {
		close(c.done)
	}
}

// store writes a batch, if there is anything in it, and takes note of how that went.
func (d *DB) store(b *batch) error {
	if len(b.over) == 0 {
		return nil
	}
	before := d.failing.Load()
	if before != nil && errors.Is(*before, ErrDamaged) {
		return *before // bbolt cannot be asked again
	}
	err := d.rewrite()
	if err == nil {
		err = d.file.Update(func(tx *bbolt.Tx) error { return errors.Join(d.fault, writeBatch(tx, b)) })
		d.suspect = err != nil && boltfile.SyncFailed(err)
	}
	if err == nil {
		if before != nil {
			d.failing.Store(nil)
			d.onChange(nil)
		}
		return nil
	}
	d.failing.Store(&err)
	if before == nil {
		d.onChange(d.Err())
	}
	return err
}

// rewriteEvery is how long a failing disk is left alone: the whole file is written each time.
const rewriteEvery = time.Second

// rewrite has the file written anew if what it holds may not be on disk.
func (d *DB) rewrite() error {
	if !d.suspect {
		return nil
	}
	now := d.o.Now()
	if since := now.Sub(d.rewrote); since >= 0 && since < rewriteEvery {
		return *d.failing.Load() // there is one wherever the file is suspect
	}
	d.rewrote = now
	err := d.file.Rewrite(func(fresh *boltfile.File) { d.file = fresh })
	d.suspect = err != nil
	return err
}

// change has the writer make a change, and waits for it. A caller whose context ends does
// not learn whether it was made.
func (d *DB) change(ctx context.Context, c *change) error {
	if err := records.Check(c.key, c.value, c.ttl); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	c.value = bytes.Clone(c.value) // the caller may go before it is written
	waiting := call{c, make(chan struct{})}
	select {
	case d.calls <- waiting:
	case <-d.stop:
		return d.gone()
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-waiting.done:
		return c.err
	case <-d.stopped:
	case <-ctx.Done():
		return ctx.Err()
	}
	select { // it may have been the last one
	case <-waiting.done:
		return c.err
	default:
		return d.gone()
	}
}

func (d *DB) gone() error { return fmt.Errorf("%w: %w", records.ErrUnavailable, errClosed) }

// Put implements records.Store.
func (d *DB) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return d.change(ctx, &change{verb: put, key: key, value: value, ttl: ttl})
}

// Add implements records.Store.
func (d *DB) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	c := &change{verb: add, key: key, value: value, ttl: ttl}
	if err := d.change(ctx, c); err != nil {
		return false, err
	}
	return c.found, nil
}

// Take implements records.Store.
func (d *DB) Take(ctx context.Context, key string) ([]byte, bool, error) {
	c := &change{verb: take, key: key}
	if err := d.change(ctx, c); err != nil || !c.found {
		return nil, false, err
	}
	return bytes.Clone(c.value), true, nil
}

// Delete implements records.Store.
func (d *DB) Delete(ctx context.Context, key string) error {
	return d.change(ctx, &change{verb: remove, key: key})
}

// Get implements records.Store.
func (d *DB) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if err := d.check(ctx, records.Check(key, nil, 0)); err != nil {
		return nil, false, err
	}
	d.mu.RLock()
	e := d.t.get(key, d.o.Now().UnixNano())
	d.mu.RUnlock()
	if e == nil {
		return nil, false, nil
	}
	return bytes.Clone(e.value), true, nil
}

// List implements records.Store.
func (d *DB) List(ctx context.Context, prefix string) ([]records.Record, error) {
	if err := d.check(ctx, checkPrefix(prefix)); err != nil {
		return nil, err
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.t.list(prefix, d.o.Now().UnixNano()), nil
}

// check refuses to read what is invalid, was given up, or is closed.
func (d *DB) check(ctx context.Context, invalid error) error {
	if invalid != nil {
		return invalid
	}
	select {
	case <-d.stop:
		return d.gone()
	default:
		return ctx.Err()
	}
}

// Stats returns how much there is.
func (d *DB) Stats() Stats {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return Stats{Records: d.t.all.records, Bytes: d.t.all.bytes}
}

// Err returns nil if the last change could be written, and otherwise why not.
func (d *DB) Err() error {
	if err := d.failing.Load(); err != nil {
		return fmt.Errorf("write records in %s: %w", d.dir, *err)
	}
	return nil
}

// Close ends the use of the file. Callers that wait still are told that the records are
// not available.
func (d *DB) Close() error {
	d.once.Do(func() {
		close(d.stop)
		<-d.stopped
		if err := d.file.Close(); err != nil {
			d.closing = fmt.Errorf("close records: %w", err)
		}
	})
	return d.closing
}

// Interface guards
var _ records.Store = (*DB)(nil)
