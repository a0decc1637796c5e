// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import "sync"

// heldPool recycles the buffers of held answers and request bodies up to
// maxPooled bytes; larger ones are left to the garbage collector so that one
// big answer does not stay in memory for good.
var heldPool = sync.Pool{New: func() any { return new([]byte) }}

const maxPooled = 1 << 20

// getHeld returns an empty slice with room for about n bytes.
func getHeld(n int64) []byte {
	p := heldPool.Get().(*[]byte)
	b := *p
	*p = nil
	boxes.Put(p)
	if int64(cap(b)) >= n {
		return b[:0]
	}
	return make([]byte, 0, max(n, 4096))
}

func putHeld(b []byte) {
	if cap(b) == 0 || cap(b) > maxPooled {
		return
	}
	p, _ := boxes.Get().(*[]byte)
	if p == nil {
		p = new([]byte)
	}
	*p = b[:0]
	heldPool.Put(p)
}

// boxes recycles the slice headers that heldPool stores pointers to, so that
// giving a buffer back does not allocate one each time.
var boxes sync.Pool
