// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jsonpeek

// skipValue validates the value at i and returns the position after it, or a
// message and the position of the defect. Depth counts the containers around
// the value.
func skipValue(doc []byte, i, depth int) (int, string) {
	if i >= len(doc) {
		return i, "unexpected end"
	}
	c := doc[i]
	if c == '"' {
		return skipString(doc, i+1)
	}
	switch c {
	case '{':
		if depth == MaxDepth {
			return i, "nested too deep"
		}
		return skipObject(doc, i+1, depth+1)
	case '[':
		if depth == MaxDepth {
			return i, "nested too deep"
		}
		return skipArray(doc, i+1, depth+1)
	case 't':
		return skipWord(doc, i, "true")
	case 'f':
		return skipWord(doc, i, "false")
	case 'n':
		return skipWord(doc, i, "null")
	}
	return skipNumber(doc, i)
}

func skipObject(doc []byte, i, depth int) (int, string) {
	i = skipSpace(doc, i)
	if i < len(doc) && doc[i] == '}' {
		return i + 1, ""
	}
	for {
		_, value, msg := memberStart(doc, i)
		if msg != "" {
			return value, msg
		}
		i = 0
		if value < len(doc) && doc[value] == '"' {
			i = shortEnd(doc, value+1)
		}
		if i == 0 {
			if i, msg = skipValue(doc, value, depth); msg != "" {
				return i, msg
			}
		}
		i = skipSpace(doc, i)
		if i == len(doc) {
			return i, "unexpected end"
		}
		switch doc[i] {
		case ',':
			i = skipSpace(doc, i+1)
		case '}':
			return i + 1, ""
		default:
			return i, "expected comma or closing brace"
		}
	}
}

func skipArray(doc []byte, i, depth int) (int, string) {
	i = skipSpace(doc, i)
	if i < len(doc) && doc[i] == ']' {
		return i + 1, ""
	}
	for {
		var msg string
		if i, msg = skipValue(doc, i, depth); msg != "" {
			return i, msg
		}
		i = skipSpace(doc, i)
		if i == len(doc) {
			return i, "unexpected end"
		}
		switch doc[i] {
		case ',':
			i = skipSpace(doc, i+1)
		case ']':
			return i + 1, ""
		default:
			return i, "expected comma or closing bracket"
		}
	}
}

func skipWord(doc []byte, i int, word string) (int, string) {
	if len(doc)-i < len(word) || string(doc[i:i+len(word)]) != word {
		return i, "invalid literal"
	}
	return i + len(word), ""
}

// skipNumber validates a number: an optional minus, an integer without leading
// zeros, an optional fraction and an optional exponent.
func skipNumber(doc []byte, i int) (int, string) {
	start := i
	if i < len(doc) && doc[i] == '-' {
		i++
	}
	switch {
	case i == len(doc) || !isDigit(doc[i]):
		if i == start {
			return i, "unexpected character"
		}
		return i, "invalid number"
	case doc[i] == '0':
		i++
	default:
		i = skipDigits(doc, i)
	}
	if i < len(doc) && doc[i] == '.' {
		j := skipDigits(doc, i+1)
		if j == i+1 {
			return j, "invalid number"
		}
		i = j
	}
	if i < len(doc) && doc[i]|0x20 == 'e' {
		i++
		if i < len(doc) && (doc[i] == '+' || doc[i] == '-') {
			i++
		}
		j := skipDigits(doc, i)
		if j == i {
			return j, "invalid number"
		}
		i = j
	}
	return i, ""
}

func isDigit(c byte) bool { return c-'0' <= 9 }

func skipDigits(doc []byte, i int) int {
	for i < len(doc) && isDigit(doc[i]) {
		i++
	}
	return i
}
