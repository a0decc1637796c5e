// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package introspect

import (
	"sync"
	"time"
)

// overhead is what an entry takes beside its document, in bytes: the digest and the maps.
const overhead = 1 << 10

// cache remembers answers, up to a number of bytes together. It is two halves: the younger
// takes what comes until it is full, and then becomes the older one. The zero value is
// ready.
type cache struct {
	mu         sync.Mutex
	young, old map[digest]entry
	size       int // of young
}

type entry struct {
	answer *Answer
	fresh  time.Time // until when nobody is asked again
}

func (c *cache) get(d digest) (entry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.young[d]; ok {
		return e, true
	}
	e, ok := c.old[d]
	return e, ok
}

func (c *cache) put(d digest, e entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	size := e.answer.size + overhead
	if c.size += size; c.young == nil || c.size > cacheBytes/2 {
		c.old, c.young, c.size = c.young, make(map[digest]entry), size
	}
	c.young[d] = e
}

// drop forgets a token. Its room is free again when the half is full.
func (c *cache) drop(d digest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.young, d)
	delete(c.old, d)
}

// bytes is about what all entries take.
func (c *cache) bytes() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, half := range [...]map[digest]entry{c.young, c.old} {
		for _, e := range half {
			n += e.answer.size + overhead
		}
	}
	return n
}
