// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package estimate

// growth returns by how many bytes the texts of a JSON document can grow when they are
// normalized (Unicode, form NFKC), as some tokenizers do first. Few characters
// grow: the worst one, U+FDFA, becomes 18 letters of 33 bytes.
func growth(doc []byte) (n int64) {
	for i := 0; i < len(doc)-1; i++ {
		switch c := doc[i]; {
		case c < 0xc2:
			if c == '\\' && doc[i+1] == 'u' && i+3 < len(doc) {
				n += escapedGrowth(doc[i+2]|0x20, doc[i+3]|0x20)
			}
		case c < 0xe0:
			n += 3
		case c == 0xe0, c == 0xe1:
			n += 6
		case c == 0xe2:
			n += 9
		case c == 0xe3:
			if next := doc[i+1]; next == 0x8c || next == 0x8d { // U+3300 to U+337F, words in a square
				n += 15
			} else {
				n += 5
			}
		case c == 0xef:
			if doc[i+1] == 0xb7 { // U+FDC0 to U+FDFF, phrases in a ligature
				n += 30
			} else {
				n += 3
			}
		case c >= 0xf0:
			n += 8
		}
	}
	return n
}

// escapedGrowth is by how much more than the six bytes of an escape its character can
// have. The arguments are its first two digits, letters in lower case.
func escapedGrowth(a, b byte) int64 {
	switch {
	case a == 'f' && b == 'd':
		return 27
	case a|0x20 == '3' && b|0x20 == '3':
		return 12
	case a == '0' && b == 'f', a == '2' && (b == '0' || b == '2' || b == 'a'), a == '3' && b == '2':
		return 6
	}
	return 0
}
