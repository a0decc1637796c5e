// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"sync"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// DefaultKnown is 32,768.
const DefaultKnown = 32_768

// knownTable remembers what this gateway has last seen of the counters of hard
// limits, so that Redis can be told if it forgets. It is kept in memory alone: what
// only a gateway knew that has crashed, while Redis lost it too, is lost.
type knownTable struct {
	mu   sync.Mutex
	most int
	m    map[knownKey]*known
}

type knownKey struct {
	key limits.Key
	id  uint64
}

type known struct {
	knowledge
	rule  *rule
	until int64 // microseconds: when the window has passed
}

func newKnownTable(most int) *knownTable {
	if most <= 0 {
		most = DefaultKnown
	}
	return &knownTable{most: most, m: make(map[knownKey]*known)}
}

func (t *knownTable) get(key limits.Key, id uint64) knowledge {
	t.mu.Lock()
	defer t.mu.Unlock()
	if k := t.m[knownKey{key, id}]; k != nil {
		return k.knowledge
	}
	return knowledge{}
}

// put remembers k unless something newer is known.
func (t *knownTable) put(key limits.Key, r *rule, k knowledge, now int64) {
	until := r.ends(now)
	t.mu.Lock()
	defer t.mu.Unlock()
	at := knownKey{key, r.id}
	if old := t.m[at]; old != nil {
		if k.version > old.version {
			old.knowledge, old.until = k, until
		}
		return
	}
	if len(t.m) >= t.most {
		t.makeRoom(now)
	}
	t.m[at] = &known{k, r, until}
}

// makeRoom forgets what has passed, or else one of those that pass first among some.
func (t *knownTable) makeRoom(now int64) {
	var first knownKey
	least, seen := int64(1<<63-1), 0
	for at, k := range t.m {
		if k.until < now {
			delete(t.m, at)
		} else if k.until < least {
			first, least = at, k.until
		}
		if seen++; seen >= 64 {
			break
		}
	}
	if len(t.m) >= t.most {
		delete(t.m, first)
	}
}

// checks returns all that is known and has not passed as checks of weight zero.
func (t *knownTable) checks(now int64) (all []limits.Check) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for at, k := range t.m {
		if k.until < now {
			delete(t.m, at)
			continue
		}
		all = append(all, limits.Check{Rule: k.rule.Rule, Key: at.key})
	}
	return all
}

func (t *knownTable) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.m)
}
