// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"math"
	"math/bits"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// buffered counts the memory of all request bodies and held answers; bufferLimit
// is its bound for the process.
var (
	buffered    atomic.Int64
	bufferLimit = sync.OnceValue(func() int64 {
		if limit := debug.SetMemoryLimit(-1); limit > 0 && limit < math.MaxInt64 {
			return limit / 4
		}
		return 512 << 20
	})
)

// Buffered is how many bytes of memory request bodies and held answers occupy:
// the capacity of their buffers, which grow with the bytes that arrive.
func Buffered() int64 { return buffered.Load() }

// charge takes n bytes out of the budget; false means that it has not as many.
func charge(n int64) bool {
	if buffered.Add(n) > bufferLimit() {
		buffered.Add(-n)
		return false
	}
	return true
}

const (
	minPooled = 4 << 10
	maxPooled = 1 << 20
	// firstSize is the most that an announced length gets before any byte of
	// it has come: announcing costs the sender nothing.
	firstSize = 64 << 10
)

// pools recycle buffers, one pool for each power of two from minPooled to
// maxPooled: a small body must neither pin nor be charged for the buffer of a
// large one. Larger buffers are left to the garbage collector, so that one
// big body does not stay in memory for good.
var pools [9]sync.Pool

// boxes recycles the slice headers that pools store pointers to, so that
// giving a buffer back does not allocate one each time.
var boxes sync.Pool

// sizeClass is the size of the buffer for n bytes, and its pool, or -1.
func sizeClass(n int64) (size int64, class int) {
	if n > maxPooled {
		return n, -1
	}
	class = bits.Len64(uint64(max(n, minPooled)-1)) - (bits.Len64(minPooled) - 1)
	return minPooled << class, class
}

// acquire returns an empty slice with room for at least n bytes and charges its
// capacity; false means that the budget does not have as much.
func acquire(n int64) ([]byte, bool) {
	size, class := sizeClass(n)
	if !charge(size) {
		return nil, false
	}
	if class >= 0 {
		if p, ok := pools[class].Get().(*[]byte); ok {
			b := *p
			*p = nil
			boxes.Put(p)
			return b, true
		}
	}
	return make([]byte, 0, size), true
}

// grow moves b to a slice from [acquire] with room for n bytes. Where the
// budget does not allow that, b stays as it is.
func grow(b []byte, n int64) ([]byte, bool) {
	grown, ok := acquire(n)
	if !ok {
		return b, false
	}
	grown = append(grown, b...)
	giveBack(b)
	return grown, true
}

// giveBack ends the use of a slice from [acquire].
func giveBack(b []byte) {
	if cap(b) == 0 {
		return
	}
	buffered.Add(-int64(cap(b)))
	_, class := sizeClass(int64(cap(b)))
	if class < 0 {
		return
	}
	p, _ := boxes.Get().(*[]byte)
	if p == nil {
		p = new([]byte)
	}
	*p = b[:0]
	pools[class].Put(p)
}
