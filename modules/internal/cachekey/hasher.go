// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachekey

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
)

// version goes into every key, so that keys of another way to form them differ.
const version = "key 2"

// The kinds of parts. Each part begins with its kind and its label.
const (
	kindText   = 1 // one value
	kindList   = 2 // several values in order, or none
	kindHeader = 3 // a list whose label is a field name in lower case
	kindJSON   = 4 // the tokens of a document and an end
)

// Hasher turns a list of labelled parts into a key. Get one with [New] and give it
// back with Release. It allocates nothing once it has been used for a document of
// that size. It is not safe for concurrent use.
type Hasher struct {
	hash hash.Hash
	err  error
	key  Key // here because what is given to an interface escapes
	tree tree
	tmp  [24]byte // likewise
	n    int
	buf  [blockSize]byte // what the hash has not had yet
}

// blockSize is what the hash gets at a time. It takes pairs of its own blocks in one
// go, so that copying text is cheaper than hashing it in the pieces in which it lies.
const blockSize = 4096

var pool = sync.Pool{New: func() any { return &Hasher{hash: sha256.New()} }}

// New returns a hasher without any parts.
func New() *Hasher {
	h := pool.Get().(*Hasher) //nolint:forcetypeassert // the pool holds nothing else
	h.Reset()
	return h
}

// Release gives the hasher back. It must not be used after.
func (h *Hasher) Release() {
	h.tree.forget()
	pool.Put(h)
}

// Reset forgets all parts.
func (h *Hasher) Reset() {
	h.hash.Reset()
	h.n, h.err = 0, nil
	h.length(len(version))
	h.string(version)
}

// Text adds a part of one value. A value may be empty, which is not the same as
// no part.
func (h *Hasher) Text(label, value string) {
	h.label(kindText, label)
	h.length(len(value))
	h.string(value)
}

// Bytes is Text for a value in bytes. They give the same key.
func (h *Hasher) Bytes(label string, value []byte) {
	h.label(kindText, label)
	h.length(len(value))
	h.write(value)
}

// List adds a part of any number of values, whose order matters.
func (h *Hasher) List(label string, values []string) {
	h.label(kindList, label)
	h.values(values)
}

// Header adds the values of a field of the request. Case of the name does not
// matter, order and division of the values do. No values stand for no such field.
func (h *Hasher) Header(name string, values []string) {
	h.byte(kindHeader)
	h.length(len(name))
	for i := range len(name) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		h.byte(c)
	}
	h.values(values)
}

// JSON adds a document in its canonical form, without the members to be ignored,
// of which there may be none (nil). The error is an *Error; after one there is no
// key until Reset.
func (h *Hasher) JSON(label string, doc []byte, ignore *Ignore) error {
	if h.err == nil {
		h.label(kindJSON, label)
		h.err = h.document(doc, ignore)
		h.byte(tagEnd)
	}
	return h.err
}

// Sum returns the key of the parts so far, or the error that JSON returned.
func (h *Hasher) Sum() (Key, error) {
	if h.err != nil {
		return Key{}, h.err
	}
	h.flush()
	h.hash.Sum(h.key[:0])
	return h.key, nil
}

// JSON returns the key of a document alone.
func JSON(doc []byte, ignore *Ignore) (Key, error) {
	h := New()
	defer h.Release()
	if err := h.JSON("", doc, ignore); err != nil {
		return Key{}, err
	}
	return h.Sum()
}

func (h *Hasher) label(kind byte, label string) {
	h.byte(kind)
	h.length(len(label))
	h.string(label)
}

func (h *Hasher) values(values []string) {
	h.length(len(values))
	for _, value := range values {
		h.length(len(value))
		h.string(value)
	}
}

func (h *Hasher) length(n int) {
	if n < 0x80 { // as a rule
		h.byte(byte(n))
		return
	}
	h.write(h.tmp[:binary.PutUvarint(h.tmp[:], uint64(n))]) //nolint:gosec // a length
}

func (h *Hasher) byte(c byte) {
	if h.n == len(h.buf) {
		h.flush()
	}
	h.buf[h.n] = c
	h.n++
}

// string is write for strings.
func (h *Hasher) string(s string) {
	for len(s) > len(h.buf)-h.n {
		n := copy(h.buf[h.n:], s)
		h.n += n
		s = s[n:]
		h.flush()
	}
	h.n += copy(h.buf[h.n:], s)
}

func (h *Hasher) write(p []byte) {
	for len(p) > len(h.buf)-h.n {
		n := copy(h.buf[h.n:], p)
		h.n += n
		p = p[n:]
		h.flush()
	}
	h.n += copy(h.buf[h.n:], p)
}

func (h *Hasher) flush() {
	h.hash.Write(h.buf[:h.n])
	h.n = 0
}
