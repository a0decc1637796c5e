// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtverify

import (
	"crypto/sha256"
	"sync"
	"time"
)

// CacheTime is how long a Cache answers for what was put into it.
const CacheTime = time.Minute

// Digest identifies a token without holding it.
type Digest [sha256.Size]byte

// DigestOf returns the digest of a token: SHA-256 of all of it.
func DigestOf(compact string) Digest { return sha256.Sum256([]byte(compact)) }

// Cache remembers tokens whose signatures were verified, and with them what the caller
// found out, for CacheTime at most. Its size is bounded by the bytes that what was put in
// takes in memory: it is two halves, the younger of which takes what comes until it is full
// and then becomes the older one. It is safe for concurrent use.
//
// What depends on time or on rules has to be checked again by whoever asks.
type Cache[V any] struct {
	half int

	mu         sync.Mutex
	young, old map[Digest]cached[V]
	size       int // of young
}

type cached[V any] struct {
	value V
	until time.Time
}

// overhead is what an entry takes beside its token, in bytes: the digest, the time, and what
// is known of the caller.
const overhead = 1 << 10

// NewCache returns a cache of about size bytes.
func NewCache[V any](size int) *Cache[V] { return &Cache[V]{half: size / 2} }

// Get returns what was put in for a digest, unless that is too long ago.
func (c *Cache[V]) Get(d Digest, now time.Time) (v V, ok bool) {
	c.mu.Lock()
	e, ok := c.young[d]
	if !ok {
		e, ok = c.old[d]
	}
	c.mu.Unlock()
	if !ok || !now.Before(e.until) {
		return v, false
	}
	return e.value, true
}

// Put remembers v, with a token that takes so many bytes; see [Token.Size].
func (c *Cache[V]) Put(d Digest, v V, size int, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.size += size + overhead; c.size > c.half || c.young == nil {
		c.old, c.young, c.size = c.young, make(map[Digest]cached[V]), size+overhead
	}
	c.young[d] = cached[V]{v, now.Add(CacheTime)}
}

// Len is the number of entries, those that are too old included.
func (c *Cache[V]) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.young) + len(c.old)
}
