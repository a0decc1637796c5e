// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package recorddb

import (
	"bytes"
	"container/heap"
	"slices"
	"strings"
	"time"

	"github.com/caddy-gateway/tollgate/modules/records"
)

// Bounds of a store by default.
const (
	DefaultMaxRecords = 100_000
	DefaultMaxBytes   = 64 << 20
)

// overhead is what a record takes besides key and value, about.
const overhead = 128

// entry is a record. It never changes.
type entry struct {
	value   []byte
	expires int64 // Unix time in nanoseconds; 0 for never
}

func (e *entry) expired(now int64) bool { return e.expires != 0 && e.expires <= now }

func (e *entry) record(key string) records.Record {
	r := records.Record{Key: key, Value: bytes.Clone(e.value)}
	if e.expires != 0 {
		r.Expires = time.Unix(0, e.expires)
	}
	return r
}

func size(key string, e *entry) int64 { return int64(len(key) + len(e.value) + overhead) }

// kindOf is what stands before the colon of a key, or all of it.
func kindOf(key string) string {
	kind, _, _ := strings.Cut(key, ":")
	return kind
}

// usage is how many records there are, and what they take.
type usage struct{ records, bytes int64 }

func (u usage) plus(v usage) usage { return usage{u.records + v.records, u.bytes + v.bytes} }

// within says that u is not more than the given part of the bounds.
func (u usage) within(o *Options, part int64) bool {
	return u.records <= int64(o.MaxRecords)/part && u.bytes <= o.MaxBytes/part
}

// table is all records in memory.
type table struct {
	entries map[string]*entry
	due     dueHeap
	all     usage
	kinds   map[string]usage
}

func newTable() table { return table{entries: make(map[string]*entry), kinds: make(map[string]usage)} }

// set makes e the record of a key; nil removes it.
func (t *table) set(key string, e *entry) {
	if old := t.entries[key]; old != nil {
		t.count(key, usage{-1, -size(key, old)})
		delete(t.entries, key)
	}
	if e == nil {
		return
	}
	t.count(key, usage{1, size(key, e)})
	t.entries[key] = e
	if e.expires == 0 {
		return
	}
	heap.Push(&t.due, due{key, e.expires})
	if len(t.due) > 2*len(t.entries)+64 { // most of it is about records that were replaced
		t.due = slices.DeleteFunc(t.due, func(d due) bool { return !t.is(d) })
		heap.Init(&t.due)
	}
}

func (t *table) count(key string, u usage) {
	kind := kindOf(key)
	t.all = t.all.plus(u)
	if sum := t.kinds[kind].plus(u); sum.records > 0 {
		t.kinds[kind] = sum
	} else {
		delete(t.kinds, kind)
	}
}

// is says that d is about a record as it is now.
func (t *table) is(d due) bool {
	e := t.entries[d.key]
	return e != nil && e.expires == d.expires
}

// nextExpired returns a record that has expired, and takes it off the heap.
func (t *table) nextExpired(now int64) (d due, ok bool) {
	for len(t.due) > 0 && t.due[0].expires <= now {
		if d = heap.Pop(&t.due).(due); t.is(d) {
			return d, true
		}
	}
	return due{}, false
}

// get returns the record of a key unless it has expired.
func (t *table) get(key string, now int64) *entry {
	if e := t.entries[key]; e != nil && !e.expired(now) {
		return e
	}
	return nil
}

func (t *table) list(prefix string, now int64) []records.Record {
	var list []records.Record
	for key, e := range t.entries {
		if strings.HasPrefix(key, prefix) && !e.expired(now) {
			list = append(list, e.record(key))
		}
	}
	slices.SortFunc(list, func(a, b records.Record) int { return strings.Compare(a.Key, b.Key) })
	return list
}

// due says when a record expires.
type due struct {
	key     string
	expires int64
}

// dueHeap has the earliest first.
type dueHeap []due

// Len implements heap.Interface.
func (h dueHeap) Len() int { return len(h) }

// Less implements heap.Interface.
func (h dueHeap) Less(i, j int) bool { return h[i].expires < h[j].expires }

// Swap implements heap.Interface.
func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *dueHeap) Push(x any) { *h = append(*h, x.(due)) }

// Pop implements heap.Interface.
func (h *dueHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = due{}
	*h = old[:len(old)-1]
	return last
}
