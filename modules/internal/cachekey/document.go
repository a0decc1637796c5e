// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cachekey

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

// The canonical form is a sequence of tokens, each a tag and, for strings, names and
// numbers, its text. No tag is a byte that text can hold, because none occurs in
// UTF-8: where a text ends needs no saying, and the sequence can be read in one way
// only.
const (
	tagObject = 0xF8
	tagArray  = 0xF9
	tagEnd    = 0xFA // of an object, an array or the document
	tagString = 0xFB
	tagNumber = 0xFC
	tagTrue   = 0xFD
	tagFalse  = 0xFE
	tagNull   = 0xFF
)

// document adds the canonical form of a document.
func (h *Hasher) document(doc []byte, ignore *Ignore) error {
	if err := h.tree.read(doc); err != nil {
		return err
	}
	return h.node(0, ignore, true)
}

// node adds the node at an index, without what is ignored of it. If it is not to be
// said, it is only checked.
func (h *Hasher) node(at int32, ignore *Ignore, say bool) error {
	n := h.tree.nodes[at]
	switch n.kind {
	case isObject:
		return h.object(at, ignore, say)
	case isArray:
		if say {
			h.byte(tagArray)
		}
		for i := at + 1; i < n.next; i = h.tree.nodes[i].next {
			if err := h.node(i, nil, say); err != nil {
				return err
			}
		}
		if say {
			h.byte(tagEnd)
		}
		return nil
	default:
		return h.scalar(n, say)
	}
}

func (h *Hasher) scalar(n node, say bool) error {
	if !say && n.kind != isNumber {
		return nil
	}
	raw := h.tree.doc[n.start:n.end]
	switch n.kind {
	case isString:
		h.byte(tagString)
		if n.escaped {
			h.text(raw)
		} else {
			h.write(raw)
		}
	case isNumber:
		if !say {
			if k := bytes.IndexAny(raw, "eE"); k >= 0 {
				if _, ok := readExponent(raw[k+1:]); !ok {
					return &Error{NumberRange, int(n.start)}
				}
			}
			return nil
		}
		h.byte(tagNumber)
		if !h.number(raw) {
			return &Error{NumberRange, int(n.start)}
		}
	case isTrue:
		h.byte(tagTrue)
	case isFalse:
		h.byte(tagFalse)
	case isNull:
		h.byte(tagNull)
	case isObject, isArray: // are no scalars
	}
	return nil
}

// entry is a member to be sorted: the beginning of its name as a number, so that
// most comparisons need no more, and the node of its name.
type entry struct {
	head uint64
	node int32
}

// object adds the object at an index, its members sorted.
func (h *Hasher) object(at int32, ignore *Ignore, say bool) error {
	t := &h.tree
	base := len(t.order)
	for i, next := at+1, t.nodes[at].next; i < next; i = t.nodes[i+1].next {
		t.order = append(t.order, entry{head(t.name(i)), i})
	}
	if err := t.sort(base); err != nil {
		return err
	}
	if say {
		h.byte(tagObject)
	}
	for k := base; k < len(t.order); k++ {
		i := t.order[k].node
		name := t.name(i)
		whole, below := ignore.find(name)
		said := say && !whole
		if said {
			h.byte(tagString)
			h.write(name)
		}
		if err := h.node(i+1, below, said); err != nil {
			return err
		}
	}
	if say {
		h.byte(tagEnd)
	}
	t.order = t.order[:base]
	return nil
}

// name returns the name that a node stands for.
func (t *tree) name(i int32) []byte {
	n := &t.nodes[i]
	if n.escaped {
		return t.names[n.start:n.end]
	}
	return t.doc[n.start:n.end]
}

// head returns the first eight bytes of a name as a number of the same order.
func head(name []byte) uint64 {
	if len(name) >= 8 {
		return binary.BigEndian.Uint64(name)
	}
	var x uint64
	for i, c := range name {
		x |= uint64(c) << (56 - 8*i)
	}
	return x
}

// few is the number of members up to which they are sorted by insertion.
const few = 12

// sort sorts the members from base on and refuses two of one name.
func (t *tree) sort(base int) error {
	members := t.order[base:]
	if len(members) <= few {
		for i := 1; i < len(members); i++ {
			for j := i; j > 0 && t.compare(members[j], members[j-1]) < 0; j-- {
				members[j], members[j-1] = members[j-1], members[j]
			}
		}
	} else {
		slices.SortFunc(members, t.compare)
	}
	for i := 1; i < len(members); i++ {
		if t.compare(members[i-1], members[i]) == 0 {
			return &Error{Reason: DuplicateMember}
		}
	}
	return nil
}

func (t *tree) compare(a, b entry) int {
	if a.head != b.head {
		return cmp.Compare(a.head, b.head)
	}
	return bytes.Compare(t.name(a.node), t.name(b.node))
}
