// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package reshape

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// withoutLoneSurrogates returns a copy of a JSON text that is as long and has U+FFFD in
// place of each escape of a surrogate that is half of no pair; nil if there is none. RFC
// 8259 allows these (section 8.2), and servers that cut text between two chunks of a
// stream send them.
func withoutLoneSurrogates(doc []byte) []byte {
	var out []byte
	for i := 0; i < len(doc); {
		next := bytes.IndexByte(doc[i:], '\\')
		if next < 0 {
			break
		}
		i += next
		high, ok := surrogate(doc[i:])
		if !ok {
			i += 2
			continue
		}
		if low, ok := surrogate(doc[i+6:]); ok && utf16.DecodeRune(high, low) != utf8.RuneError {
			i += 12
			continue
		}
		if out == nil {
			out = bytes.Clone(doc)
		}
		i += copy(out[i:], `\ufffd`)
	}
	return out
}

// surrogate reads the escape of one with which a text begins.
func surrogate(text []byte) (rune, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' || text[2]|0x20 != 'd' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return rune(n), err == nil && utf16.IsSurrogate(rune(n))
}
