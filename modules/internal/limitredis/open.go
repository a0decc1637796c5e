// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"encoding/binary"
	"iter"
	"sync"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// openShards is in how many parts the open decisions are kept.
const openShards = 16

// openTable knows the decisions of this gateway that have reserved something in Redis
// and are not settled. Its size is bounded by what is in flight.
type openTable [openShards]struct {
	mu sync.Mutex
	m  map[limits.ID]openDecision
}

type openDecision struct {
	since  time.Time
	checks []limits.Check
}

func (t *openTable) init() {
	for i := range t {
		t[i].m = make(map[limits.ID]openDecision)
	}
}

func shardOf(id limits.ID) uint64 { return binary.LittleEndian.Uint64(id[:]) % openShards }

func (t *openTable) add(d *limits.Decision) {
	o := &t[shardOf(d.ID)]
	checks := append([]limits.Check(nil), d.Checks...)
	o.mu.Lock()
	o.m[d.ID] = openDecision{time.Now(), checks}
	o.mu.Unlock()
}

func (t *openTable) remove(id limits.ID) (was bool) {
	o := &t[shardOf(id)]
	o.mu.Lock()
	_, was = o.m[id]
	delete(o.m, id)
	o.mu.Unlock()
	return was
}

// older returns what is open since a time or longer.
func (t *openTable) older(than time.Time) iter.Seq2[limits.ID, []limits.Check] {
	return func(yield func(limits.ID, []limits.Check) bool) {
		for i := range t {
			o := &t[i]
			o.mu.Lock()
			found := make(map[limits.ID][]limits.Check, len(o.m))
			for id, d := range o.m {
				if !d.since.After(than) {
					found[id] = d.checks
				}
			}
			o.mu.Unlock()
			for id, checks := range found {
				if !yield(id, checks) {
					return
				}
			}
		}
	}
}

func (t *openTable) len() (n int) {
	for i := range t {
		t[i].mu.Lock()
		n += len(t[i].m)
		t[i].mu.Unlock()
	}
	return n
}
