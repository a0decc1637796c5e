// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerdb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/caddy-gateway/tollgate/modules/internal/boltfile"
	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
)

const (
	// fill is how full pages are made. Rows come in order of time, so that few
	// are ever put between others.
	fill = 0.9
	// maxDetails is how many hours are remembered in how much detail they are.
	maxDetails = 48
)

// checkpoint adds what is in memory to the database. When it returns nil, all
// that was recorded before it was called is durable.
func (d *DB) checkpoint() error {
	d.checkpointing.Lock()
	defer d.checkpointing.Unlock()
	err := d.broken
	if err == nil && d.suspect {
		err = d.rewrite()
	}
	if err == nil {
		err = d.flush()
	}
	d.mu.Lock()
	d.failure = err
	d.mu.Unlock()
	return err
}

func (d *DB) flush() error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return ErrClosed
	}
	f := d.current
	if f.to == f.from && d.failure == nil {
		d.mu.Unlock()
		return d.release(f.to)
	}
	d.frozen = &f
	d.current = layer{sums: ledger.NewTable(d.o.Bounds), from: f.to, to: f.to}
	d.mu.Unlock()

	err := d.file.Update(func(tx *bbolt.Tx) error { return d.add(tx, &f) })
	if err == nil {
		d.thaw(false)
		return d.release(f.to)
	}
	clear(d.details)
	err = fmt.Errorf("write ledger in %s: %w", d.o.Dir, err)
	if errors.Is(err, ErrDamaged) {
		d.broken = err
		d.thaw(true)
		return err
	}
	d.suspect = boltfile.SyncFailed(err)
	// When its last step fails, a transaction may count all the same. It may also
	// not be durable, so the journal keeps its records.
	applied, readErr := d.applied()
	if readErr != nil {
		d.broken = errors.Join(err, readErr)
	}
	d.thaw(readErr != nil || applied != f.to || f.from == f.to)
	return err
}

func (d *DB) release(seq uint64) error {
	if err := d.journal.Release(seq); err != nil {
		return fmt.Errorf("remove old journal in %s: %w", d.o.Dir, err)
	}
	return nil
}

// applied reads how far the database has come.
func (d *DB) applied() (applied uint64, err error) {
	err = d.file.View(func(tx *bbolt.Tx) error {
		h, err := readHeader(tx)
		applied = h.applied
		return err
	})
	return applied, err
}

// thaw ends the freeze: its sums are in the database, or go back to the current
// ones.
func (d *DB) thaw(back bool) {
	if back {
		d.merging.Lock()
		defer d.merging.Unlock()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if back {
		// Into the older one: during a failure it is the larger by far.
		d.frozen.sums.AddTable(d.current.sums)
		d.frozen.to = d.current.to
		d.current = *d.frozen
	}
	d.frozen = nil
}

// add adds the sums of a layer to the database.
func (d *DB) add(tx *bbolt.Tx, f *layer) error {
	h, err := readHeader(tx)
	if err != nil {
		return err
	}
	if h.applied != f.from {
		return fmt.Errorf("the database is at record %d instead of %d: %w", h.applied, f.from, ErrDamaged)
	}
	rows := tx.Bucket(bucketRows)
	rows.FillPercent = fill
	// bbolt refers to values until the end of the transaction.
	d.values = d.values[:0]
	var key []byte
	for hour, w := range f.sums.All() {
		key = d.place(rows, hour, &w.Key, key[:0])
		var sum ledger.Row
		if old := rows.Get(key); old != nil {
			if err := decodeRow(old, key, hour, &sum); err != nil {
				sum = ledger.Row{}
				if err := quarantine(tx, key, old); err != nil {
					return err
				}
			}
		}
		sum.Add(w)
		start := len(d.values)
		d.values = appendRow(d.values, key, hour, &sum)
		if isCached(&sum) {
			h.version = formatCached // earlier gateways would take the row for damage
		}
		if err := rows.Put(key, d.values[start:len(d.values):len(d.values)]); err != nil {
			return err
		}
	}
	h.applied = f.to
	return h.write(tx)
}

// quarantine puts a row aside that is damaged, so that its key can be used again.
func quarantine(tx *bbolt.Tx, key, value []byte) error {
	damaged, err := tx.CreateBucketIfNotExists(bucketDamaged)
	if err != nil {
		return err
	}
	return damaged.Put(key, bytes.Clone(value))
}

// place appends the key of the row that sums belong in, given that each hour has
// its bounds.
func (d *DB) place(rows *bbolt.Bucket, hour ledger.Hour, k *ledger.Key, dst []byte) []byte {
	key := appendKey(dst, hour, k)
	if rows.Get(key) != nil {
		return key
	}
	row, _ := d.detail(rows, hour).Place(*k, func(k ledger.Key) bool {
		key = appendKey(key[:0], hour, &k)
		return rows.Get(key) != nil
	})
	return appendKey(key[:0], hour, &row)
}

// detail returns how much detail an hour has.
func (d *DB) detail(rows *bbolt.Bucket, hour ledger.Hour) *ledger.Detail {
	if detail := d.details[hour]; detail != nil {
		return detail
	}
	detail := ledger.NewDetail(d.o.Bounds)
	prefix := binary.BigEndian.AppendUint32(nil, uint32(hour))
	c := rows.Cursor()
	for key, _ := c.Seek(prefix); bytes.HasPrefix(key, prefix); key, _ = c.Next() {
		if k, err := decodeKey(key[hourSize:]); err == nil { // Rows tells about damage
			detail.Count(k)
		}
	}
	if len(d.details) >= maxDetails {
		clear(d.details)
	}
	d.details[hour] = detail
	return detail
}
