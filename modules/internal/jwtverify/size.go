// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtverify

// What values of a document take in memory once they are decoded, in bytes: those with a
// name or a neighbour, lists, and objects, which are maps.
const (
	valueSize  = 48
	listSize   = 64
	objectSize = 400
)

// DecodedSize is about how many bytes a JSON document takes once it is decoded into maps and
// lists, and itself with that. Where values are many and short that is fifty times its length.
// It is never far too little; punctuation in strings makes it too much.
func DecodedSize(doc []byte) int {
	n := len(doc)
	for _, c := range doc {
		switch c {
		case ',', ':':
			n += valueSize
		case '[':
			n += listSize
		case '{':
			n += objectSize
		}
	}
	return n
}

// Size is about how many bytes the token takes in memory.
func (t *Token) Size() int { return len(t.compact) + t.decoded }
