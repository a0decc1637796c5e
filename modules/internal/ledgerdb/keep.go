// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerdb

import (
	"bytes"
	"fmt"
	"math"
	"time"

	"go.etcd.io/bbolt"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
)

// pruneAtOnce is how many rows one transaction deletes, so that others need not
// wait for long.
const pruneAtOnce = 10_000

// pruneHours is how many hours of rows go at a time, if Keep is what it was.
const pruneHours = 48

// SetKeep changes how long sums are kept, as Options.Keep says it.
func (d *DB) SetKeep(keep time.Duration) {
	if d.keep.Swap(int64(keep)) != int64(keep) {
		d.hurry()
	}
}

// prune deletes the hours that ended longer ago than Keep.
//
// What counts as now is at most the hour of the newest row: a clock that is far
// ahead at the start of the machine then deletes nothing. If requests were recorded
// under such a clock, little is lost until somebody sets it right: unless Keep has
// just been changed, no more than two days' worth goes at a time.
func (d *DB) prune(changed bool) error {
	limit := ledger.Hour(math.MaxInt32)
	if !changed {
		oldest, ok := d.oldest()
		if !ok {
			return nil
		}
		limit = oldest + pruneHours
	}
	for {
		keep := time.Duration(d.keep.Load())
		if keep <= 0 {
			return nil
		}
		more, err := d.pruneSome(keep, limit)
		if err != nil {
			err = fmt.Errorf("delete old rows of the ledger in %s: %w", d.o.Dir, err)
			d.mu.Lock()
			d.failure = err
			d.mu.Unlock()
			return err
		}
		if !more {
			return nil
		}
		select {
		case <-d.stop:
			return nil
		default:
		}
	}
}

func (d *DB) pruneSome(keep time.Duration, limit ledger.Hour) (more bool, err error) {
	d.checkpointing.Lock()
	defer d.checkpointing.Unlock()
	if d.broken != nil {
		return false, d.broken
	}
	now := d.o.Now()
	var old [][]byte
	err = d.file.View(func(tx *bbolt.Tx) error {
		old = oldRows(tx.Bucket(bucketRows), now, keep, limit)
		return nil
	})
	if err != nil || len(old) == 0 {
		return false, err
	}
	clear(d.details)
	err = d.file.Update(func(tx *bbolt.Tx) error {
		rows := tx.Bucket(bucketRows)
		for _, key := range old {
			if err := rows.Delete(key); err != nil {
				return err
			}
		}
		return nil
	})
	return len(old) == pruneAtOnce, err
}

// oldest returns the first hour that there are rows of.
func (d *DB) oldest() (h ledger.Hour, ok bool) {
	d.checkpointing.Lock()
	defer d.checkpointing.Unlock()
	if d.broken != nil {
		return 0, false
	}
	err := d.file.View(func(tx *bbolt.Tx) (err error) {
		first, _ := tx.Bucket(bucketRows).Cursor().First()
		h, err = hourOf(first)
		return err
	})
	return h, err == nil
}

// oldRows returns the keys of some rows that are to go.
func oldRows(rows *bbolt.Bucket, now time.Time, keep time.Duration, limit ledger.Hour) (keys [][]byte) {
	c := rows.Cursor()
	last, _ := c.Last()
	newest, err := hourOf(last)
	if err != nil {
		return nil // there are no rows
	}
	if end := (newest + 1).Start(); now.After(end) {
		now = end
	}
	cut := min(ledger.HourOf(now.Add(-keep)), limit)
	for key, _ := c.First(); key != nil && len(keys) < pruneAtOnce; key, _ = c.Next() {
		if h, err := hourOf(key); err != nil || h >= cut {
			break
		}
		keys = append(keys, bytes.Clone(key))
	}
	return keys
}
