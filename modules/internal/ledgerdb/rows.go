// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgerdb

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
)

// Rows implements ledger.Ledger. It groups while it reads, so that it needs memory
// for the result alone, and reads the hours in question only, of one consumer if
// the filter names one. Recording goes on meanwhile, but for the moment in which
// what is not in the database yet is added up.
func (d *DB) Rows(q ledger.Query) ([]ledger.Row, error) {
	g := ledger.NewGroups(q)
	d.merging.RLock()
	defer d.merging.RUnlock()
	d.filing.RLock()
	defer d.filing.RUnlock()
	err := d.read(&q, g)
	if err != nil {
		err = fmt.Errorf("read ledger in %s: %w", d.o.Dir, err)
	}
	return g.Rows(), err
}

// maxOutrun is how often a reader begins again. A checkpoint takes two syncs, so
// that one is hardly ever outrun.
const maxOutrun = 100

func (d *DB) read(q *ledger.Query, g *ledger.Groups) error {
	for range maxOutrun {
		again, err := d.group(q, g)
		if !again {
			return err
		}
	}
	return fmt.Errorf("database and memory do not fit: %w", ErrDamaged)
}

// group adds everything to g: a state of the database and what is not in it. It
// is to be called again, having done nothing, if checkpoints have outrun it.
func (d *DB) group(q *ledger.Query, g *ledger.Groups) (again bool, err error) {
	err = d.file.View(func(tx *bbolt.Tx) error {
		h, err := readHeader(tx)
		if err != nil {
			return err
		}
		frozen, ok := d.groupMemory(h.applied, g)
		if !ok {
			again = true
			return nil
		}
		if frozen != nil {
			frozen.sums.AddTo(g)
		}
		return scan(tx.Bucket(bucketRows), q, g)
	})
	return again, err
}

// groupMemory adds to g what is not in a database that has come to a record, but
// for the frozen sums, which it returns. It does nothing if that record is of the
// past.
func (d *DB) groupMemory(applied uint64, g *ledger.Groups) (frozen *layer, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.frozen != nil && d.frozen.from == applied {
		frozen = d.frozen
	} else if d.current.from != applied {
		return nil, false
	}
	d.current.sums.AddTo(g)
	return frozen, true
}

// maxNames is how many names a scan remembers.
const maxNames = 10_000

// scanner adds rows of the database to groups.
type scanner struct {
	g     *ledger.Groups
	names map[string]ledger.Key // by their encoded form: they recur in every hour
	row   ledger.Row
	err   error // the first row that could not be read
}

// scan adds the rows that q asks for to g. It skips rows that are damaged and
// returns an error about the first of them.
func scan(rows *bbolt.Bucket, q *ledger.Query, g *ledger.Groups) error {
	s := scanner{g: g, names: map[string]ledger.Key{}}
	first, end := q.Hours()
	var of []byte // what keys begin with behind the hour
	if q.Consumer != "" {
		of = appendString(nil, q.Consumer)
	}
	c := rows.Cursor()
	seek := func(h ledger.Hour) (key, value []byte) {
		return c.Seek(append(binary.BigEndian.AppendUint32(nil, uint32(h)), of...))
	}
	key, value := seek(first)
	for key != nil {
		h, err := hourOf(key)
		if err != nil {
			s.keep(err)
			key, value = c.Next()
			continue
		}
		if h >= end {
			break
		}
		switch order := bytes.Compare(key[hourSize:min(len(key), hourSize+len(of))], of); {
		case order < 0:
			key, value = seek(h)
		case order > 0:
			key, value = seek(h + 1)
		default:
			s.add(h, key, value)
			key, value = c.Next()
		}
	}
	return s.err
}

func (s *scanner) add(h ledger.Hour, key, value []byte) {
	names, ok := s.names[string(key[hourSize:])]
	if !ok {
		var err error
		if names, err = decodeKey(key[hourSize:]); err != nil {
			s.keep(err)
			return
		}
		if len(s.names) >= maxNames {
			clear(s.names)
		}
		s.names[string(key[hourSize:])] = names
	}
	s.row.Key = names
	if err := decodeRow(value, key, h, &s.row); err != nil {
		s.keep(err)
		return
	}
	s.g.Add(h, &s.row)
}

func (s *scanner) keep(err error) {
	if s.err == nil {
		s.err = err
	}
}
