// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package redisconn

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

const (
	// tripRow is how many failures in a row open the breaker.
	tripRow = 5
	// window is of how many operations half may not fail.
	window = 20
)

// breaker keeps everybody from asking a Redis that does not answer. Open means that
// nobody asks.
type breaker struct {
	down  atomic.Pointer[downError] // why it is open, or nil
	phase atomic.Uint64             // changes when it opens or closes

	mu     sync.Mutex
	recent uint32 // the last operations, 1 for a failure
	seen   int    // how many of them there were, at most window
	row    int    // failures since the last success
}

// count takes note of how an operation has ended that began in a phase. It returns
// true if that opens the breaker.
func (b *breaker) count(phase uint64, err error, bad bool) (opened bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if phase != b.phase.Load() || b.down.Load() != nil {
		return false // it says nothing about the present
	}
	b.recent = b.recent << 1 & (1<<window - 1)
	b.seen = min(b.seen+1, window)
	if !bad {
		b.row = 0
		return false
	}
	b.recent |= 1
	b.row++
	if b.row < tripRow && (b.seen < window || bits.OnesCount32(b.recent) < window/2) {
		return false
	}
	b.set(err)
	return true
}

// open opens it, if it was closed, or else gives a newer reason.
func (b *breaker) open(err error) (opened bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down.Load() != nil {
		b.down.Store(&downError{err})
		return false
	}
	b.set(err)
	return true
}

// close lets everybody ask again.
func (b *breaker) close() {
	b.mu.Lock()
	b.set(nil)
	b.mu.Unlock()
}

func (b *breaker) set(err error) {
	b.recent, b.seen, b.row = 0, 0, 0
	b.phase.Add(1)
	if err == nil {
		b.down.Store(nil)
	} else {
		b.down.Store(&downError{err})
	}
}
