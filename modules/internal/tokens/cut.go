// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"unicode"
	"unicode/utf8"
)

const (
	// maxBlock is how much the tokenizer is given at once. It takes a time
	// that grows with the square of some texts.
	maxBlock = 4 << 10

	// maxWord and maxSpace bound what it would have to look through for one
	// piece. The latter is a multiple of the longest token of spaces.
	maxWord  = 1 << 10
	maxSpace = 256

	// maxSearch is how far a cut may be from where it is wanted.
	maxSearch = 256
)

// block returns the length of the block that the text, which is not empty,
// begins with.
func block(text []byte) int {
	end := min(len(text), maxBlock)
	run, inSpace, last := 0, false, 0
	for i := 0; i < end; {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(text[i:])
		}
		limit := maxWord
		space := unicode.IsSpace(r)
		if space {
			limit = maxSpace
		}
		if space != inSpace {
			run, inSpace = 0, space
		}
		if run += size; run > limit {
			if space {
				return i
			}
			return boundaryBefore(text, i)
		}
		last = i
		i += size
	}
	if end == len(text) {
		return end
	}
	// The character that the end may lie within belongs to the next block.
	return boundaryBefore(text, last)
}

// Boundary returns a place near the end of the text at which it can be cut such
// that its parts have as many tokens as the whole, or almost as many when there
// is no such place near. It never cuts a character, and returns zero only for a
// text of a single one.
func Boundary(text []byte) int {
	end := len(text) - 1
	for end > 0 && end > len(text)-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	if end <= 0 {
		return 0
	}
	return boundaryBefore(text, end)
}

// boundaryBefore returns the last boundary at or before i, or i, which is the
// beginning of a character, if there is none near.
func boundaryBefore(text []byte, i int) int {
	for j := i; j > 0 && j > i-maxSearch; j-- {
		if isBoundary(text, j) {
			return j
		}
	}
	return i
}

// boundaryAfter returns the first boundary at or after i, or the next beginning
// of a character if there is none near.
func boundaryAfter(text []byte, i int) int {
	for j := i; j < len(text) && j < i+maxSearch; j++ {
		if isBoundary(text, j) {
			return j
		}
	}
	for i < len(text) && !utf8.RuneStart(text[i]) {
		i++
	}
	return i
}

// isBoundary reports whether no token of any encoding lies across i. There are
// more such places than it knows of.
//
// The expressions that cut a text into words before anything is merged read
// from left to right without looking back. None takes in a space after anything
// but white space, a line break before anything but white space or a slash, or a
// sign after a letter unless that is an apostrophe.
func isBoundary(text []byte, i int) bool {
	if i <= 0 || i >= len(text) {
		return true
	}
	next := text[i]
	switch {
	case !utf8.RuneStart(next):
		return false
	case next == ' ':
		r, _ := utf8.DecodeLastRune(text[:i])
		return !unicode.IsSpace(r)
	case text[i-1] == '\n':
		r, _ := utf8.DecodeRune(text[i:])
		return !unicode.IsSpace(r) && r != '/'
	case next == '\'' || next < utf8.RuneSelf && (isLetter(next) || next <= ' '):
		return false
	}
	r, _ := utf8.DecodeRune(text[i:])
	if !unicode.IsPunct(r) && !unicode.IsSymbol(r) || r == utf8.RuneError {
		return false
	}
	r, _ = utf8.DecodeLastRune(text[:i])
	return unicode.IsLetter(r)
}

// isLetter reports whether an ASCII character is a letter.
func isLetter(c byte) bool { return c|0x20-'a' < 26 }
