// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitmem

import (
	"hash/maphash"
	"strings"
	"sync/atomic"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

const (
	idSets = 8192 // at most
	idWays = 4
	// idLongest is the length of a key from which on its hash is not remembered.
	idLongest = 256
)

// idCache remembers the hashes of keys that have come before, because SHA-256 takes
// longer than all the rest of a decision. It is a matter of speed alone: an entry
// is used only if it is of the very key. It takes half a megabyte, and up to ten if all
// keys are long.
type idCache struct {
	seed maphash.Seed
	sets []idSet
}

type idSet [idWays]struct {
	hash  atomic.Uint64 // to look at no entries of other keys
	entry atomic.Pointer[idEntry]
}

type idEntry struct {
	level, subject string
	id             id
}

// newIDCache returns a cache for so many keys.
func newIDCache(keys int) idCache {
	n := 16
	for n < idSets && n*idWays < keys {
		n *= 2
	}
	return idCache{seed: maphash.MakeSeed(), sets: make([]idSet, n)}
}

// quick is a hash of a key that is different in each process. Levels are few and the
// operator's choice, so that little of them is enough to tell them apart.
func (c *idCache) quick(k *limits.Key) uint64 {
	n := len(k.Level)
	h := uint64(n) //nolint:gosec // Never negative.
	if n > 0 {
		h |= uint64(k.Level[n-1])<<32 | uint64(k.Level[n/2])<<40 | uint64(k.Level[0])<<48
	}
	return maphash.String(c.seed, k.Subject) ^ h*0x9e3779b97f4a7c15
}

// get returns the hash of a key, and whether it was remembered.
func (c *idCache) get(k *limits.Key) (found id, quick uint64, ok bool) {
	quick = c.quick(k)
	set := c.set(quick)
	for i := range set {
		if set[i].hash.Load() != quick {
			continue
		}
		if e := set[i].entry.Load(); e != nil && e.subject == k.Subject && e.level == k.Level {
			return e.id, quick, true
		}
	}
	return idOf(k), quick, false
}

func (c *idCache) set(quick uint64) *idSet {
	return &c.sets[quick>>32&uint64(len(c.sets)-1)] //nolint:gosec // Never empty.
}

// keep remembers the hash of a key that has come a second time, so that keys which
// come but once cost no memory. Where others must go for it, it does so only now
// and then, so that a few too many keys do not take turns.
func (c *idCache) keep(k *limits.Key, found id, quick uint64, now int64) {
	if len(k.Level)+len(k.Subject) > idLongest {
		return
	}
	set := c.set(quick)
	way := -1
	for i := range set {
		if set[i].entry.Load() == nil {
			way = i
			break
		}
	}
	if way < 0 {
		dice := (quick ^ uint64(now)) * 0x9e3779b97f4a7c15 >> 32 //nolint:gosec // Any bits will do.
		if dice&63 != 0 {
			return
		}
		way = int(dice >> 6 % idWays) //nolint:gosec // Less than idWays.
	}
	e := &idEntry{level: strings.Clone(k.Level), subject: strings.Clone(k.Subject), id: found}
	set[way].entry.Store(e)
	set[way].hash.Store(quick)
}
