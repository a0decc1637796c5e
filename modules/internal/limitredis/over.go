// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// DefaultOver is 16,384.
const DefaultOver = 16_384

// recallFor is for how long a denial is remembered at most, in microseconds: so long
// may others wait to see that a counter was reset.
const recallFor = int64(500 * time.Millisecond / time.Microsecond)

const overShards = 16

// overCache remembers counters that were over their limit, so that who asks again
// and again is denied without asking Redis. Hard limits are never denied from memory.
type overCache struct {
	seed   maphash.Seed
	most   int
	last   atomic.Int64 // microseconds: when the newest entry passes
	shards [overShards]struct {
		mu sync.Mutex
		m  map[knownKey]overEntry
		_  [40]byte
	}
}

type overEntry struct {
	until, since           int64 // microseconds
	weight, capacity, used int64
	frees                  time.Duration
}

func newOverCache(most int) *overCache {
	if most <= 0 {
		most = DefaultOver
	}
	o := &overCache{seed: maphash.MakeSeed(), most: max(1, most/overShards)}
	for i := range o.shards {
		o.shards[i].m = make(map[knownKey]overEntry)
	}
	return o
}

func (o *overCache) shard(k *knownKey) int {
	return int(maphash.String(o.seed, k.key.Subject) % overShards) //nolint:gosec // Less than overShards.
}

// remember takes note of a denial.
func (o *overCache) remember(s *Store, d *limits.Decision) {
	now := s.nowMicro()
	for i := range d.Checks {
		c := &d.Checks[i]
		if !c.Exceeded || !c.Rule.Enforces() || c.Rule.Hard() || c.Rule.Unit == limits.Concurrent {
			continue
		}
		until := now + min(recallFor, c.Frees.Microseconds())
		k := knownKey{c.Key, s.rules.get(c.Rule).id}
		sh := &o.shards[o.shard(&k)]
		sh.mu.Lock()
		if len(sh.m) >= o.most {
			clear(sh.m)
		}
		sh.m[k] = overEntry{
			until: until, since: now, weight: c.Weight, capacity: c.Rule.Capacity(), used: c.Used, frees: c.Frees,
		}
		sh.mu.Unlock()
		if o.last.Load() < until {
			o.last.Store(until)
		}
	}
}

// recall denies a decision if one of its checks is remembered to be over. It sets the
// results of those checks alone.
func (o *overCache) recall(s *Store, d *limits.Decision) bool {
	last := o.last.Load()
	if last == 0 {
		return false
	}
	now := s.nowMicro()
	if now >= last {
		return false
	}
	for i := range d.Checks {
		c := &d.Checks[i]
		if !c.Rule.Enforces() || c.Rule.Hard() {
			continue
		}
		k := knownKey{c.Key, s.rules.get(c.Rule).id}
		sh := &o.shards[o.shard(&k)]
		sh.mu.Lock()
		e, ok := sh.m[k]
		sh.mu.Unlock()
		if !ok || now < e.since || now >= e.until || c.Weight != e.weight || c.Rule.Capacity() != e.capacity {
			continue
		}
		if !d.Denied {
			d.Denied = true
			for j := range d.Checks {
				o := &d.Checks[j]
				o.Exceeded, o.Used, o.Frees, o.Slot = false, 0, 0, 0
			}
		}
		c.Exceeded, c.Used, c.Frees = true, e.used, e.frees
		if e.frees != limits.Never {
			c.Frees -= time.Duration(now-e.since) * time.Microsecond
		}
	}
	return d.Denied
}

// counted forgets the counters of a decision that was admitted: more is used by now.
func (o *overCache) counted(s *Store, d *limits.Decision) {
	if last := o.last.Load(); last == 0 || s.nowMicro() >= last {
		return
	}
	for i := range d.Checks {
		o.forget(d.Checks[i].Key, s.rules.get(d.Checks[i].Rule).id)
	}
}

// forget is called when a counter may hold less than before.
func (o *overCache) forget(key limits.Key, id uint64) {
	if o.last.Load() == 0 {
		return
	}
	k := knownKey{key, id}
	sh := &o.shards[o.shard(&k)]
	sh.mu.Lock()
	delete(sh.m, k)
	sh.mu.Unlock()
}
