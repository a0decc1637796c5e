// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package recorddb

import (
	"bytes"
	"container/heap"
	"time"

	"github.com/caddy-gateway/tollgate/modules/records"
)

type verb uint8

const (
	put verb = iota
	add
	take
	remove
)

// change is what one call asks for, and what came of it.
type change struct {
	verb  verb
	key   string
	value []byte
	ttl   time.Duration

	found bool // take: and value is what there was; add: it was added
	err   error
}

// batch is changes that are made in one step. It reads the table and leaves it as it
// is, until apply.
type batch struct {
	t     *table
	o     *Options
	now   int64
	over  map[string]*entry // nil for what is to be removed
	all   usage
	kinds map[string]usage
	swept []due
}

func newBatch(t *table, o *Options, now time.Time) *batch {
	return &batch{t: t, o: o, now: now.UnixNano(), over: make(map[string]*entry), all: t.all, kinds: make(map[string]usage)}
}

// sweep removes what has expired, at most n records.
func (b *batch) sweep(n int) {
	for range n {
		d, ok := b.t.nextExpired(b.now)
		if !ok {
			return
		}
		b.swept = append(b.swept, d)
		b.set(d.key, nil)
	}
}

// unsweep makes what sweep has removed due again, for a batch that was not applied.
func (b *batch) unsweep() {
	for _, d := range b.swept {
		heap.Push(&b.t.due, d)
	}
}

// get returns the record of a key, unless it has expired, and what is in its place in
// any case.
func (b *batch) get(key string) (live, there *entry) {
	e, changed := b.over[key]
	if !changed {
		e = b.t.entries[key]
	}
	if e == nil || e.expired(b.now) {
		return nil, e
	}
	return e, e
}

func (b *batch) kind(kind string) usage {
	u, changed := b.kinds[kind]
	if !changed {
		u = b.t.kinds[kind]
	}
	return u
}

// set takes note of a change. It returns false where there is no room for it.
func (b *batch) set(key string, e *entry) bool {
	_, old := b.get(key)
	var delta usage
	if old != nil {
		delta = usage{-1, -size(key, old)}
	}
	kind := kindOf(key)
	all, ofKind := b.all.plus(delta), b.kind(kind).plus(delta)
	if e != nil {
		own := usage{1, size(key, e)}
		all, ofKind = all.plus(own), ofKind.plus(own)
		if !all.within(b.o, 1) || !ofKind.within(b.o, kindPart) {
			return false
		}
	}
	b.all, b.kinds[kind], b.over[key] = all, ofKind, e
	return true
}

// do makes a change.
func (b *batch) do(c *change) {
	e, there := b.get(c.key)
	switch c.verb {
	case put, add:
		if c.verb == add && e != nil {
			return
		}
		fresh := &entry{value: bytes.Clone(c.value)}
		if c.ttl > 0 {
			fresh.expires = b.now + int64(c.ttl)
			if fresh.expires < b.now {
				fresh.expires = 0 // centuries
			}
		}
		if !b.set(c.key, fresh) {
			c.err = records.ErrFull
			return
		}
		c.found = true
	case take, remove:
		if e != nil {
			c.found, c.value = true, e.value
		}
		if there != nil {
			b.set(c.key, nil)
		}
	}
}

// apply changes the table.
func (b *batch) apply() {
	for key, e := range b.over {
		b.t.set(key, e)
	}
}
