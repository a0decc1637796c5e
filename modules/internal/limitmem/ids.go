// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitmem

import (
	"hash/maphash"
	"strings"
	"sync/atomic"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

const (
	idSets = 4096
	idWays = 4
	// idLongest is the length of a key from which on its hash is not remembered.
	idLongest = 256
)

// idCache remembers the hashes of keys that have come before, because SHA-256 takes
// longer than all the rest of a decision. It is a matter of speed alone: an entry
// is used only if it is of the very key. It holds a few megabytes at most.
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

func newIDCache() idCache {
	return idCache{seed: maphash.MakeSeed(), sets: make([]idSet, idSets)}
}

// quick is a hash of a key that is different in each process.
func (c *idCache) quick(k *limits.Key) uint64 {
	h := maphash.String(c.seed, k.Subject)
	return (h<<7 | h>>57) ^ maphash.String(c.seed, k.Level)
}

// get returns the hash of a key, and whether it was remembered.
func (c *idCache) get(k *limits.Key) (found id, quick uint64, ok bool) {
	quick = c.quick(k)
	set := &c.sets[quick%idSets]
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

// keep remembers the hash of a key that has come a second time, so that keys which
// come but once cost no memory. Where others must go for it, it does so only now
// and then, so that a few too many keys do not take turns.
func (c *idCache) keep(k *limits.Key, found id, quick uint64, now int64) {
	if len(k.Level)+len(k.Subject) > idLongest {
		return
	}
	set := &c.sets[quick%idSets]
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
