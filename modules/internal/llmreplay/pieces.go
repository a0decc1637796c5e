// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmreplay

import "unicode/utf8"

// The sizes of the pieces of a text, in bytes as it is written in JSON.
const (
	pieceBytes = 24  // from which on a piece ends at the next space
	pieceSlack = 36  // bytes that it may then go on
	maxPieces  = 512 // of one text
)

// pieces cuts the content of a string into pieces that are contents of strings: not
// within a character or an escape, nor between two that are a pair of surrogates. An
// empty text has none.
func pieces(content []byte) [][]byte {
	if len(content) == 0 {
		return nil
	}
	size := max(pieceBytes, len(content)/(maxPieces-1)+1)
	cut := make([][]byte, 0, min(len(content)/size, maxPieces)+1)
	for len(content) > 0 {
		n := piece(content, size)
		cut = append(cut, content[:n:n])
		content = content[n:]
	}
	return cut
}

// piece returns the length of the first piece.
func piece(content []byte, size int) int {
	i := 0
	for i < len(content) && i < size+pieceSlack {
		c := content[i]
		if c >= utf8.RuneSelf {
			_, n := utf8.DecodeRune(content[i:])
			i += n
			continue
		}
		if c == '\\' {
			i += escape(content[i:])
			continue
		}
		if i++; c == ' ' && i >= size {
			break
		}
	}
	return i
}

// escape returns the length of the escape with which p begins, or of the two that are
// a pair.
func escape(p []byte) int {
	if len(p) < 2 || p[1] != 'u' {
		return min(2, len(p))
	}
	if len(p) >= 12 && isSurrogate(p, "89abAB") && isSurrogate(p[6:], "cdefCDEF") {
		return 12
	}
	return min(6, len(p))
}

// isSurrogate reports whether an escape is that of a surrogate with one of the given
// second digits.
func isSurrogate(p []byte, second string) bool {
	if p[0] != '\\' || p[1] != 'u' || p[2]|0x20 != 'd' {
		return false
	}
	for i := range len(second) {
		if p[3] == second[i] {
			return true
		}
	}
	return false
}

// pieceOf returns the i-th of k parts of a list, as equal as can be.
func pieceOf(elements [][]byte, i, k int) [][]byte {
	return elements[len(elements)*i/k : len(elements)*(i+1)/k]
}
