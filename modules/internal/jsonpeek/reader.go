// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jsonpeek

import (
	"bytes"
	"slices"
	"strings"
)

// MaxValue is the longest value, in bytes, that a Reader keeps. Of longer ones
// it only knows that they were there.
const MaxValue = 64 << 10

// keepSize is the largest buffer that Reset keeps.
const keepSize = 16 << 10

// maxKey bounds the member names that a Reader compares. Longer ones match
// nothing.
const maxKey = 64

// Paths is the set of members that a Reader looks for. It is immutable and safe
// for concurrent use.
type Paths struct {
	parents []string
	paths   []path
	needed  []int  // see Outside
	sought  []mark // likewise
}

// path is a member, within the top-level member called parent unless that is
// empty.
type path struct{ parent, name string }

// NewPaths returns a set of members of the top-level object ("usage"), or of an
// object directly within it ("response.usage"). The position of a path is the
// index of its value.
func NewPaths(paths ...string) *Paths {
	ps := &Paths{}
	for _, p := range paths {
		parent, name, nested := strings.Cut(p, ".")
		if !nested {
			parent, name = "", parent
		} else if !slices.Contains(ps.parents, parent) {
			ps.parents = append(ps.parents, parent)
		}
		ps.paths = append(ps.paths, path{parent, name})
	}
	return ps
}

// value is what is known of one wanted member.
type value struct {
	raw     []byte // its text, in the buffer or in a document given whole
	buf     []byte
	present bool
	long    bool
}

// Reader picks members out of a JSON document that arrives in chunks. The
// document is an object, or an array of objects, of which each overwrites the
// members it repeats. Members that are null are taken as absent.
//
// A Reader checks only the structure it has to follow. It holds no more than
// MaxValue bytes for each path and as many for a value being read. The zero
// value needs Reset. It is not safe for concurrent use.
type Reader struct {
	paths  *Paths
	values []value
	work   []byte // value being read
	key    []byte // member name being read

	state   state
	after   state // state once a skipped value has ended
	escaped bool  // the next byte of a string is escaped
	list    bool  // the document is an array
	ended   bool  // see Whole
	taking  bool  // the current value is wanted
	long    bool  // and exceeds MaxValue
	index   int   // its path
	depth   int   // open brackets of a skipped value
	parent  string
	trouble string // what made the document unreadable
}

// state says what the next byte of the document is part of.
type state uint8

const (
	beforeDocument state = iota
	inList               // between the objects of an array
	beforeKey            // or at the end of the object
	inKey
	beforeColon
	beforeValue
	inString // a string value
	inScalar // a number or literal
	inNested // an object or array that is skipped
	inNestedString
	done
	broken
)

// Reset prepares the reader for a document and keeps its buffers,
// unless they have grown large.
func (r *Reader) Reset(p *Paths) {
	values, n := r.values, len(p.paths)
	if cap(values) < n {
		values = append(values[:cap(values)], make([]value, n-cap(values))...)
	}
	values = values[:n]
	for i := range values {
		values[i] = value{buf: reuse(values[i].buf)}
	}
	*r = Reader{paths: p, values: values, work: reuse(r.work), key: r.key[:0]}
}

// reuse empties a buffer, or gives it up when it has grown large.
func reuse(b []byte) []byte {
	if cap(b) > keepSize {
		return nil
	}
	return b[:0]
}

// Value returns the raw value last seen for the i-th path, or nil when it is
// absent, null, unfinished or longer than MaxValue. It is valid until the next
// Write, Forget or Reset and, after Whole, as long as the document.
func (r *Reader) Value(i int) []byte {
	if v := &r.values[i]; v.present && !v.long {
		return v.raw
	}
	return nil
}

// Oversize reports whether the value last seen for the i-th path was longer
// than MaxValue.
func (r *Reader) Oversize(i int) bool { return r.values[i].present && r.values[i].long }

// Done reports whether the document has ended.
func (r *Reader) Done() bool { return r.state == done }

// Empty reports whether nothing but white space was read.
func (r *Reader) Empty() bool { return r.state == beforeDocument }

// Broken reports whether the bytes were not such a document, or went on after
// its end.
func (r *Reader) Broken() bool { return r.trouble != "" }

// store ends the value being read.
func (r *Reader) store() {
	if !r.taking {
		return
	}
	r.taking = false
	v := &r.values[r.index]
	v.buf, r.work = r.work, v.buf[:0]
	v.raw = v.buf
	v.present, v.long, r.long = true, r.long, false
}

// keep adds a piece to the value being read.
func (r *Reader) keep(p []byte) {
	if !r.taking || r.long {
		return
	}
	if len(r.work)+len(p) > MaxValue {
		r.long = true
		r.work = r.work[:0]
		return
	}
	r.work = append(r.work, p...)
}

// keepKey adds a piece to the member name being read.
func (r *Reader) keepKey(p []byte) {
	r.key = append(r.key, p[:min(len(p), maxKey+1-len(r.key))]...)
}

// endKey finds out what the member just named is good for.
func (r *Reader) endKey() {
	if r.index = -1; len(r.key) > maxKey {
		return
	}
	key := r.key
	var buf [maxKey]byte
	if bytes.IndexByte(key, '\\') >= 0 {
		key = appendUnescaped(buf[:0], key)
	}
	r.index = r.paths.find(r.parent, key)
}

// enter reports whether the value, an object, is to be read member by member,
// and if so makes it the parent.
func (r *Reader) enter() bool {
	if r.parent != "" || len(r.key) > maxKey {
		return false
	}
	r.parent = r.paths.parent(r.key)
	return r.parent != ""
}

// find returns the index of a path, or a negative number.
func (ps *Paths) find(parent string, name []byte) int {
	for i := range ps.paths {
		if p := &ps.paths[i]; p.name == string(name) && p.parent == parent {
			return i
		}
	}
	return -1
}

// parent returns the name if wanted members lie within the member so called, and
// otherwise nothing.
func (ps *Paths) parent(name []byte) string {
	for _, p := range ps.parents {
		if p == string(name) {
			return p
		}
	}
	return ""
}
