// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitdb

import (
	"bytes"
	"time"

	"go.etcd.io/bbolt"

	"github.com/caddy-gateway/tollgate/modules/internal/limitmem"
)

const (
	// pruneEvery is how often rows are looked for that hold nothing any more.
	pruneEvery = 10 * time.Second
	// pruneAtOnce is how many rows are looked at then.
	pruneAtOnce = 50_000
)

// pruning is how far the search has come, round and round.
type pruning struct {
	last int64 // when, in microseconds
	from []byte
}

func (p *pruning) due(now int64) bool {
	since := now - p.last
	return since < 0 || since >= pruneEvery.Microseconds()
}

// now is the time of the counters, in microseconds since the Unix epoch.
func (d *DB) now() int64 { return d.Now().UnixMicro() }

// prune deletes some of the rows that hold nothing any more.
func (d *DB) prune(now int64) error {
	if !d.pruned.due(now) {
		return nil
	}
	var old [][]byte
	next := []byte(nil)
	err := d.file.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketCounters).Cursor()
		key, value := c.Seek(d.pruned.from)
		for n := 0; key != nil; key, value = c.Next() {
			if n++; n > pruneAtOnce {
				next = bytes.Clone(key)
				break
			}
			if expires, err := limitmem.RowExpires(key, value); err == nil && expires <= now {
				old = append(old, bytes.Clone(key))
			}
		}
		return nil
	})
	if err == nil && len(old) > 0 {
		err = d.file.Update(func(tx *bbolt.Tx) error {
			for _, key := range old {
				if err := tx.Bucket(bucketCounters).Delete(key); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err != nil {
		return d.failed(err)
	}
	d.pruned = pruning{last: now, from: next}
	return nil
}
