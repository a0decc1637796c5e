// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitdb

import (
	"bytes"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/caddy-gateway/tollgate/modules/internal/boltfile"
	"github.com/caddy-gateway/tollgate/modules/internal/limitmem"
)

// atOnce is how many rows one transaction writes, more or less: so many need some
// tens of milliseconds and as many megabytes.
const atOnce = 20_000

// checkpoint writes what has changed to the database. When it returns nil, all that
// was counted before it was called is durable. Unless it must write, it may find
// that nothing has changed.
func (d *DB) checkpoint(must bool) error {
	d.checkpointing.Lock()
	defer d.checkpointing.Unlock()
	err := d.broken
	if err == nil && d.suspect {
		err = d.rewrite()
	}
	if err == nil {
		err = d.flush(must || d.fails())
	}
	d.mu.Lock()
	d.failure = err
	d.mu.Unlock()
	return err
}

func (d *DB) fails() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.failure != nil
}

func (d *DB) flush(must bool) error {
	unwritten := d.unwritten.Load()
	last := d.journal.Last()
	now := d.now()
	if !must && last == d.written && unwritten == 0 && !d.pruned.due(now) {
		return nil
	}
	for shard := 0; shard < d.Shards(); {
		b := batch{applied: d.applied}
		for shard < d.Shards() && len(b.rows) < atOnce {
			b.add(d, shard)
			shard++
		}
		if err := d.write(&b); err != nil {
			return err
		}
	}
	d.unwritten.Add(-unwritten)
	d.written = max(d.written, last)
	if err := d.prune(now); err != nil {
		return err
	}
	if err := d.journal.Release(d.applied.least()); err != nil {
		return fmt.Errorf("remove old journal in %s: %w", d.o.Dir, err)
	}
	return nil
}

// batch is what one transaction writes.
type batch struct {
	rows    []row
	memory  []byte
	applied applied
}

// row is the key of a counter and what it is to hold; nil is to be deleted.
type row struct{ key, value []byte }

// add takes what has changed in a shard.
func (b *batch) add(d *DB, shard int) {
	d.Save(shard, func() {
		// What has been appended for this shard is counted in it by now, and what
		// will be has a higher number.
		last := d.journal.Last()
		for p := shard; p < len(b.applied); p += d.Shards() {
			b.applied[p] = last
		}
	}, func(key, value []byte) {
		r := row{key: b.keep(key)}
		if value != nil {
			r.value = b.keep(value)
		}
		b.rows = append(b.rows, r)
	})
}

// keep copies bytes, many into one piece of memory.
func (b *batch) keep(p []byte) []byte {
	if cap(b.memory)-len(b.memory) < len(p) {
		b.memory = make([]byte, 0, max(64<<10, len(p)))
	}
	start := len(b.memory)
	b.memory = append(b.memory, p...)
	return b.memory[start:len(b.memory):len(b.memory)]
}

func (d *DB) write(b *batch) error {
	if len(b.rows) == 0 && b.applied == d.applied {
		return nil
	}
	err := d.file.Update(func(tx *bbolt.Tx) error {
		counters := tx.Bucket(bucketCounters)
		for _, r := range b.rows {
			var err error
			if r.value == nil {
				err = counters.Delete(r.key)
			} else {
				err = counters.Put(r.key, r.value)
			}
			if err != nil {
				return err
			}
		}
		return b.applied.write(tx)
	})
	if err == nil {
		d.applied = b.applied
		return nil
	}
	for _, r := range b.rows {
		d.Unsaved(r.key)
	}
	return d.failed(err)
}

// failed notes what a failed transaction means. When its last step fails, it may
// count all the same. That does no harm: the rows are states, which are written
// again, and the numbers are in the same transaction.
func (d *DB) failed(err error) error {
	err = fmt.Errorf("write counters in %s: %w", d.o.Dir, err)
	if errors.Is(err, ErrDamaged) {
		d.broken = err
	} else {
		d.suspect = boltfile.SyncFailed(err)
	}
	return err
}

// load makes the counters of the database, but for those that hold nothing any
// more.
func (d *DB) load(recovery *Recovery) error {
	now := d.now()
	var damaged []row
	err := d.file.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketCounters).ForEach(func(key, value []byte) error {
			expires, err := limitmem.RowExpires(key, value)
			if err == nil && expires <= now {
				return nil
			}
			if err == nil {
				err = d.Load(key, value)
			}
			if errors.Is(err, ErrDamaged) {
				damaged = append(damaged, row{bytes.Clone(key), bytes.Clone(value)})
				return nil
			}
			recovery.Counters++
			return err
		})
	})
	if err != nil || len(damaged) == 0 {
		return err
	}
	recovery.Damaged = len(damaged)
	return d.file.Update(func(tx *bbolt.Tx) error {
		aside, err := tx.CreateBucketIfNotExists(bucketDamaged)
		if err != nil {
			return err
		}
		for _, r := range damaged {
			if err := aside.Put(r.key, r.value); err != nil {
				return err
			}
			if err := tx.Bucket(bucketCounters).Delete(r.key); err != nil {
				return err
			}
		}
		return nil
	})
}
