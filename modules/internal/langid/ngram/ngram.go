// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package ngram turns text into what the language models are made of: the letters of
// one script, folded to seven bits each, and the buckets into which sequences of them
// fall. Detection and training share it, so that both see the same.
package ngram

// Group is a script that several languages share, of which a model tells them apart.
type Group uint8

// The groups. Arab and Latn models know text of other languages as well.
const (
	Deva Group = iota
	Beng
	Arab
	Latn
	NumGroups = iota
)

// String returns the ISO 15924 code of the script in lower case.
func (g Group) String() string {
	return [NumGroups]string{"deva", "beng", "arab", "latn"}[g]
}

const (
	// Boundary stands before, between and after words.
	Boundary = 0
	// MaxIDs is how many identifiers AppendIDs appends at most, those of about fifty
	// words; a language shows itself in fewer.
	MaxIDs = 320
	// full is the number from which on the next letter, which may be a boundary and two
	// identifiers, and the last boundary would not fit for sure.
	full = MaxIDs - 4
	// idBits is the size of an identifier.
	idBits = 7
)

// AppendIDs appends the words of a text that are written in the group's script, each
// letter as an identifier below 128, with Boundary before, between and after words. It
// appends nothing if there are none, and stops at MaxIDs.
func AppendIDs(dst, text []byte, g Group) []byte {
	switch g {
	case Deva:
		return appendIndic(dst, text, 0xa4, &nuktaDeva)
	case Beng:
		return appendIndic(dst, text, 0xa6, &nuktaBeng)
	case Arab:
		return appendArabic(dst, text)
	default:
		return appendLatin(dst, text)
	}
}

// Multipliers spread n-grams of each length, and words, over the buckets.
const (
	mul1 = 0x9e3779b97f4a7c15
	mul2 = 0xbf58476d1ce4e5b9
	mul3 = 0x94d049bb133111eb
	mul4 = 0xd6e8feb86659fd93
	mulW = 0xa0761d6478bd642f
)

// Grams returns the buckets of the n-grams of one to four letters that end with the
// last letter of the window, which holds the letters of a word so far, seven bits each.
// At the beginning of a word the longer ones hold what the shorter ones do, which makes
// beginnings weigh more.
func Grams(window uint64, shift uint) (b1, b2, b3, b4 uint32) {
	b1 = uint32(window & 0x7f * mul1 >> shift)
	b2 = uint32(window & 0x3fff * mul2 >> shift)
	b3 = uint32(window & 0x1fffff * mul3 >> shift)
	b4 = uint32(window & 0xfffffff * mul4 >> shift)
	return b1, b2, b3, b4
}

// Push adds a letter to a window.
func Push(window uint64, id byte) uint64 { return window<<idBits | uint64(id) }

// NewWord is the state of a word's hash before its first letter.
const NewWord uint64 = 0xcbf29ce484222325

// PushWord adds a letter to a word's hash.
func PushWord(h uint64, id byte) uint64 { return (h ^ uint64(id)) * mulW }

// Word returns the bucket of a whole word.
func Word(h uint64, shift uint) uint32 { return uint32((h ^ h>>32) * mulW >> shift) }

// Buckets appends the buckets of all features of what AppendIDs returned, for a table
// of 1<<bits buckets.
func Buckets(dst []uint32, ids []byte, bits uint) []uint32 {
	shift := 64 - bits
	window, word := uint64(0), NewWord
	for i := 1; i < len(ids); i++ {
		id := ids[i]
		window = Push(window, id)
		b1, b2, b3, b4 := Grams(window, shift)
		if id == Boundary {
			dst = append(dst, b2, b3, b4, Word(word, shift))
			window, word = 0, NewWord
			continue
		}
		dst = append(dst, b1, b2, b3, b4)
		word = PushWord(word, id)
	}
	return dst
}
