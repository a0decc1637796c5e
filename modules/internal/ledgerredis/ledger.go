// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package ledgerredis shares ledgers through Redis. Each gateway has a ledger of its
// own, which is where its records are safe. What that holds is copied to Redis, and
// who reads the shared ledger reads its own and the copies of all others.
//
// What is copied are the sums of an hour, not what has been added to them, so that it
// makes no difference how often something is copied, and so that a Redis that has
// lost everything is filled again from the ledgers. Copies follow within about a
// second; a gateway that ends copies the rest.
//
// Keys, with the prefix of the connection, the hour counted from the Unix epoch, and
// the identity of the ledger:
//
//	prefix:usage:hours          all hours of all ledgers, "hour:ledger", sorted by hour
//	prefix:usage:hour:ledger    the rows of an hour, as package ledgerdb encodes them,
//	                            and under the empty field a digest of them all
//
// Gateways of several versions can share a Redis: what response caches did is in rows
// of its own that earlier ones leave out. Where an hour has many hundred rows, and one is
// read while it is written, its hits may be a moment older or newer than its requests.
//
// Hours expire when the ledger would delete them. A row takes some 80 bytes in Redis
// and its names.
//
// Copying reads an hour that has changed and writes the rows that differ. It takes up
// to a fifth of a processor where hours have many thousand rows, and nothing to speak
// of where they have hundreds.
package ledgerredis

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/redisconn"
)

const (
	// DefaultEvery is the default of Options.Every.
	DefaultEvery = time.Second
	// DefaultReadTimeout is the default of Options.ReadTimeout.
	DefaultReadTimeout = 10 * time.Second

	// closingTime is how long Close may take to copy the rest.
	closingTime = 2 * time.Second
	// maxDirty is how many hours are remembered as changed. Requests are of the
	// last hour or two.
	maxDirty = 1000
)

// ErrPartial tells that rows of other gateways are missing.
var ErrPartial = errors.New("usage of other gateways is missing")

// Options say what is shared and how.
type Options struct {
	// Local is the ledger of this gateway. What it says with an error is not copied.
	Local ledger.Ledger
	// Conn is the way to Redis. It stays open.
	Conn *redisconn.Conn
	// ID identifies the local ledger, not the process: one on disk keeps its own, one
	// in memory has another after each start. Otherwise what was copied before would
	// be replaced by less. No two gateways may have the same.
	ID string
	// Keep is how long sums are kept in Redis; zero or less is for ever.
	Keep time.Duration
	// Every is how often changes are copied, by default a second.
	Every time.Duration
	// ReadTimeout bounds what Rows takes, by default 10 seconds.
	ReadTimeout time.Duration
}

// Ledger is a local ledger and the copies of others. Recording costs what it costs
// locally.
type Ledger struct {
	o Options

	mu    sync.Mutex
	dirty map[ledger.Hour]struct{} // changed since they were copied
	stats Stats

	keeping sync.Mutex
	keep    time.Duration
	again   bool // everything is to be compared

	stop   chan struct{} // closed by Close
	ended  chan struct{} // closed by the goroutine
	once   sync.Once
	copier copier
}

// Stats say how far the copy has come.
type Stats struct {
	// Behind is how many hours are known to differ from their copies.
	Behind int
	// Rows is how many rows have been written to Redis.
	Rows int64
	// Copied is when nothing was left to be copied; zero if it never was.
	Copied time.Time
	// Err is why copying has failed last, or nil.
	Err error
}

// New returns the shared ledger, and begins to copy.
func New(o Options) (*Ledger, error) {
	if o.ID == "" || len(o.ID) > 128 {
		return nil, fmt.Errorf("share ledger: its identity has %d bytes, and should have 1 to 128", len(o.ID))
	}
	if o.Every <= 0 {
		o.Every = DefaultEvery
	}
	if o.ReadTimeout <= 0 {
		o.ReadTimeout = DefaultReadTimeout
	}
	l := &Ledger{
		o: o, dirty: map[ledger.Hour]struct{}{}, keep: o.Keep,
		stop: make(chan struct{}), ended: make(chan struct{}),
	}
	l.copier = copier{
		l: l, known: map[ledger.Hour]*hourCopy{},
		written: map[ledger.Hour]struct{}{}, suspect: map[ledger.Hour]struct{}{},
	}
	go l.loop()
	return l, nil
}

// Record implements ledger.Ledger.
func (l *Ledger) Record(r *ledger.Record) {
	l.o.Local.Record(r)
	h := ledger.HourOf(r.At)
	l.mu.Lock()
	if _, ok := l.dirty[h]; !ok && len(l.dirty) < maxDirty {
		l.dirty[h] = struct{}{}
	} else if !ok {
		l.mu.Unlock()
		l.compareAll()
		return
	}
	l.mu.Unlock()
}

// Err implements ledger.Ledger. It is that of the local ledger, on which it depends
// whether records are safe; Stats tells of the copies.
func (l *Ledger) Err() error { return l.o.Local.Err() }

// Stats returns what is true now.
func (l *Ledger) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.Behind = max(s.Behind, len(l.dirty))
	return s
}

// SetKeep changes how long sums are kept, as Options.Keep says it.
func (l *Ledger) SetKeep(keep time.Duration) {
	l.keeping.Lock()
	changed := keep != l.keep
	l.keep = keep
	l.keeping.Unlock()
	if changed {
		l.compareAll()
	}
}

// compareAll has everything compared with its copy the next time.
func (l *Ledger) compareAll() {
	l.keeping.Lock()
	l.again = true
	l.keeping.Unlock()
}

// kept returns how long sums are kept.
func (l *Ledger) kept() time.Duration {
	l.keeping.Lock()
	defer l.keeping.Unlock()
	return l.keep
}

// Close copies what is left, for up to two seconds, and ends copying. The local
// ledger and the connection stay open.
func (l *Ledger) Close() error {
	l.once.Do(func() { close(l.stop) })
	<-l.ended
	if s := l.Stats(); s.Err != nil {
		return fmt.Errorf("copy ledger to Redis; it will be done after the next start: %w", s.Err)
	}
	return nil
}

// Interface guards
var _ ledger.Ledger = (*Ledger)(nil)
