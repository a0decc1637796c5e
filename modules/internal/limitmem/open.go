// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitmem

import (
	"encoding/binary"
	"sync"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// openShards is in how many parts the open decisions are kept.
const openShards = 32

// openTable knows what decisions that are not settled have counted.
type openTable [openShards]openShard

type openShard struct {
	mu    sync.Mutex
	first map[limits.ID]int32 // of a chain of items, or noItem
	items []openItem
	free  int32 // chain of items that are not used
	// Decisions without a reservation that were settled last, and where the next
	// one goes.
	settled map[limits.ID]struct{}
	last    [lastSettled]limits.ID
	next    int
	_       [64]byte
}

// lastSettled is how many settlements are remembered, in each part.
const lastSettled = 256

const noItem = -1

// openItem is what one check has counted.
type openItem struct {
	id     id
	tag    tag
	slot   int64
	weight int64 // as it counts now
	next   int32
}

func (t *openTable) init() {
	for i := range t {
		t[i].first = make(map[limits.ID]int32)
		t[i].free = noItem
	}
}

func (t *openTable) shard(id limits.ID) *openShard {
	return &t[binary.LittleEndian.Uint64(id[:])%openShards]
}

func (t *openTable) len() (n int) {
	for i := range t {
		t[i].mu.Lock()
		n += len(t[i].first)
		t[i].mu.Unlock()
	}
	return n
}

// settles notes that a decision without a reservation is settled, and returns false
// if it was already.
func (o *openShard) settles(id limits.ID) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.settled[id]; ok {
		return false
	}
	if o.settled == nil {
		o.settled = make(map[limits.ID]struct{}, lastSettled)
	}
	delete(o.settled, o.last[o.next])
	o.settled[id] = struct{}{}
	o.last[o.next] = id
	o.next = (o.next + 1) % lastSettled
	return true
}

// add puts an item in front of a chain, and returns the new chain.
func (o *openShard) add(item openItem) int32 {
	n := o.free
	if n == noItem {
		n = int32(len(o.items)) //nolint:gosec // Bounded by what is in flight.
		o.items = append(o.items, item)
		return n
	}
	o.free = o.items[n].next
	o.items[n] = item
	return n
}

// release frees the items of a chain.
func (o *openShard) release(first int32) {
	for n := first; n != noItem; {
		next := o.items[n].next
		o.items[n] = openItem{next: o.free}
		o.free = n
		n = next
	}
}

// counted returns what a chain says that a check has counted in a slot. Its weight
// is another one than that of the check after Reset.
func (o *openShard) counted(first int32, k id, t tag) (weight int64, ok bool) {
	for n := first; n != noItem; n = o.items[n].next {
		if it := &o.items[n]; it.id == k && it.tag == t {
			return it.weight, true
		}
	}
	return 0, false
}

// each calls fn for each item of a counter. The counter's lock is held, so that
// none is added or removed.
func (t *openTable) each(k id, tg tag, fn func(*openItem)) {
	for i := range t {
		o := &t[i]
		o.mu.Lock()
		for n := range o.items {
			if it := &o.items[n]; it.tag == tg && it.id == k {
				fn(it)
			}
		}
		o.mu.Unlock()
	}
}
