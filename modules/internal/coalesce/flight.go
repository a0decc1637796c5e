// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package coalesce

import (
	"context"
	"fmt"
	"sync"
)

// errNobody is why the context of a call ends in which nobody is interested. It is a
// cancellation, as proxies hold other causes against their upstream.
var errNobody = fmt.Errorf("nobody waits for the answer any more: %w", context.Canceled)

// The phases of a flight.
const (
	waiting   = iota // there is no header yet
	streaming        // there is a header, and bytes may come
	ended            // nothing comes any more
)

// flight is one call and all who wait for its answer.
type flight[H any] struct {
	group  *Group[H]
	key    Key
	max    int64
	cancel context.CancelCauseFunc

	mu        sync.Mutex
	phase     int
	shown     bool // there is a header
	refused   bool // the answer is for the leader alone
	header    H
	err       error         // how it has ended
	changed   chan struct{} // closed when there is news for those who wait
	sleepers  int           // how many wait for that
	followers map[*Follower[H]]struct{}
	gone      bool // the leader's client has gone
	detached  bool // nobody can join any more
	chunks    []*chunk
	start     int64 // the position of the first byte of the first chunk
	end       int64 // the position behind the last byte
}

// chunk has bytes that are written once. What lies before the length that was seen with
// the lock never changes, and is read without it.
type chunk struct {
	at  int64 // position of the first byte
	buf []byte
}

// Sizes of chunks, which double.
const (
	firstChunk = 4 << 10
	maxChunk   = 128 << 10
)

// follow returns a new follower, which has followed flights that have failed before, or
// nil if it is too late.
func (f *flight[H]) follow(failed int) *Follower[H] {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.detached || f.phase == ended || f.gone && len(f.followers) == 0 {
		return nil
	}
	w := &Follower[H]{flight: f, failed: failed}
	if f.followers == nil {
		f.followers = make(map[*Follower[H]]struct{})
	}
	f.followers[w] = struct{}{}
	return w
}

// wake tells all who wait. Called with the lock.
func (f *flight[H]) wake() {
	if f.sleepers > 0 {
		close(f.changed)
		f.changed = make(chan struct{})
		f.sleepers = 0
	}
}

// sleep returns what to wait for. Called with the lock.
func (f *flight[H]) sleep() <-chan struct{} {
	f.sleepers++
	return f.changed
}

// leaderLeft is called when the leader's client has gone.
func (f *flight[H]) leaderLeft(cause error) {
	f.mu.Lock()
	f.gone = true
	alone := len(f.followers) == 0
	f.mu.Unlock()
	if alone {
		f.cancel(cause)
	}
}

// left is called when a follower has gone.
func (f *flight[H]) left(w *Follower[H]) {
	f.mu.Lock()
	delete(f.followers, w)
	f.trim()
	nobody := f.gone && len(f.followers) == 0
	f.mu.Unlock()
	if nobody {
		f.cancel(errNobody)
	}
}

// add keeps bytes. Called with the lock.
func (f *flight[H]) add(p []byte) {
	for len(p) > 0 {
		var last *chunk
		if n := len(f.chunks); n > 0 {
			last = f.chunks[n-1]
		}
		if last == nil || len(last.buf) == cap(last.buf) {
			size := firstChunk
			if last != nil {
				size = min(2*cap(last.buf), maxChunk)
			}
			f.room(size)
			continue
		}
		n := min(len(p), cap(last.buf)-len(last.buf))
		last.buf = append(last.buf, p[:n]...)
		f.end += int64(n)
		p = p[n:]
	}
}

// room makes another chunk. Called with the lock.
func (f *flight[H]) room(size int) {
	f.chunks = append(f.chunks, &chunk{at: f.end, buf: make([]byte, 0, size)})
}

// trim forgets what nobody needs, or more than is kept, once nobody can join. Called with
// the lock.
func (f *flight[H]) trim() {
	if !f.detached {
		return
	}
	least := f.end
	for w := range f.followers {
		if w.at < f.end-f.max {
			w.lost = true // what it has not read may be forgotten
			continue
		}
		least = min(least, w.at)
	}
	n := 0
	for n < len(f.chunks) && f.chunks[n].at+int64(len(f.chunks[n].buf)) <= least && len(f.chunks[n].buf) == cap(f.chunks[n].buf) {
		n++
	}
	clear(f.chunks[:n])
	f.chunks = f.chunks[n:]
	f.start = f.end
	if len(f.chunks) > 0 {
		f.start = f.chunks[0].at
	}
}

// from returns the bytes from a position to the end of the chunk that it is in. Called
// with the lock.
func (f *flight[H]) from(at int64) []byte {
	low, high := 0, len(f.chunks)
	for low < high { // the first chunk that ends behind it
		middle := (low + high) / 2
		if c := f.chunks[middle]; c.at+int64(len(c.buf)) > at {
			high = middle
		} else {
			low = middle + 1
		}
	}
	if low == len(f.chunks) {
		return nil
	}
	c := f.chunks[low]
	return c.buf[at-c.at : len(c.buf) : len(c.buf)]
}
