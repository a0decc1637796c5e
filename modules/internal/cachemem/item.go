// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachemem

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/caddy-gateway/tollgate/modules/caching"
)

const (
	// overhead is what the library takes of an entry: its node, its part of the hash
	// table, which is at times twice as large as it has to be, and of the sketch of how
	// often keys are asked for. A test measures it.
	overhead = 208
	// whole is up to which size a body is kept in one piece, and minPiece how large
	// pieces are on average otherwise.
	whole    = 1 << 20
	minPiece = 32 << 10
	// minPacked is from which size on bodies are compressed.
	minPacked = 512
)

// item is an entry with what the store knows about it.
type item struct {
	entry  caching.Entry
	packed []byte // the body, compressed; the entry has none then
	length int    // of the body that is packed
	key    caching.Key
	size   int64
	seq    uint64      // the last purge that it is not subject to
	used   atomic.Bool // it was asked for
	gone   atomic.Bool // it is not among those of its owner any longer

	settled atomic.Bool // no purge was missed while it was put

	// Guarded by Store.mu.
	owner      *owner
	prev, next *item
}

// newItem makes an item that takes no more than it has to.
func newItem(key caching.Key, e *caching.Entry, compress bool) *item {
	it := &item{key: key, entry: *e}
	it.entry.Meta = tight(e.Meta)
	it.entry.Tags = tightTags(e.Tags)
	if length := e.Len(); !compress || length < minPacked || !it.pack(e, int(length)) {
		it.entry.Body = tightBody(e.Body, length)
	}
	it.size = it.measure()
	return it
}

// measure returns what an item takes.
func (it *item) measure() int64 {
	e := &it.entry
	n := overhead + class(int64(unsafe.Sizeof(*it))) + class(int64(cap(e.Meta))) + class(int64(cap(it.packed)))
	n += class(int64(cap(e.Body)) * int64(unsafe.Sizeof([]byte(nil))))
	for _, p := range e.Body {
		n += class(int64(cap(p)))
	}
	n += class(int64(cap(e.Tags)) * int64(unsafe.Sizeof("")))
	var tags int64
	for _, tag := range e.Tags {
		tags += int64(len(tag))
	}
	return n + class(tags)
}

// tight returns b, or a copy of it if its buffer is larger than it has to be.
func tight(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	if class(int64(cap(b))) <= class(int64(len(b))) {
		return b
	}
	c := make([]byte, len(b))
	copy(c, b)
	return c
}

// tightTags copies tags into one piece of memory: they may be parts of something larger.
func tightTags(tags []string) []string {
	if len(tags) == 0 {
		return nil
	}
	var n int
	for _, tag := range tags {
		n += len(tag)
	}
	all := make([]byte, 0, n)
	for _, tag := range tags {
		all = append(all, tag...)
	}
	rest := string(all)
	c := make([]string, len(tags))
	for i, tag := range tags {
		c[i], rest = rest[:len(tag)], rest[len(tag):]
	}
	return c
}

// tightBody returns a body in one piece, or as it is if it is large and in large pieces.
func tightBody(body [][]byte, length int64) [][]byte {
	if length == 0 {
		return nil
	}
	if len(body) == 1 {
		return [][]byte{tight(body[0])}
	}
	if length > whole && length/int64(len(body)) >= minPiece {
		c := make([][]byte, 0, len(body))
		for _, p := range body {
			if len(p) > 0 {
				c = append(c, tight(p))
			}
		}
		return c
	}
	return [][]byte{join(body, length)}
}

// join copies a body into one piece.
func join(body [][]byte, length int64) []byte {
	b := make([]byte, 0, length)
	for _, p := range body {
		b = append(b, p...)
	}
	return b
}

const (
	page     = 8 << 10  // larger pieces of memory are given out in pages
	maxSmall = 32 << 10 // and up to here in classes
)

// class returns how many bytes are given out for n.
func class(n int64) int64 {
	switch {
	case n <= 0:
		return 0
	case n > maxSmall:
		return (n + page - 1) / page * page
	}
	return int64(classes()[(n+7)/8])
}

// classes has the size of the class of each multiple of eight, as the runtime shows it
// when a slice grows.
var classes = sync.OnceValue(func() *[maxSmall/8 + 1]uint16 {
	var (
		table [maxSmall/8 + 1]uint16
		zeros [maxSmall]byte
	)
	for n := 8; n <= maxSmall; {
		size := min(cap(append([]byte(nil), zeros[:n]...)), maxSmall)
		for ; n <= size; n += 8 {
			table[n/8] = uint16(size)
		}
	}
	return &table
})
