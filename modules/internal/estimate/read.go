// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package estimate

import (
	"unicode/utf16"
	"unicode/utf8"
)

// write reads on.
func (w *walker) write(p []byte) {
	for i := 0; i < len(p); {
		switch w.state {
		case inName, inString:
			i = w.readString(p, i)
		case inNested, inNestedString:
			i = w.readNested(p, i)
		case inScalar:
			i = w.readScalar(p, i)
		case lost:
			return
		default:
			if p[i] <= ' ' || w.readToken(p[i]) {
				i++
			}
		}
	}
}

// readToken reads the first byte of what comes next. It reports whether it took
// the byte.
func (w *walker) readToken(c byte) bool {
	switch c {
	case ',':
		return true
	case '}', ']':
		w.shut()
		return true
	case ':':
		if w.state != beforeColon {
			w.state = lost
			return true
		}
		w.state = beforeValue
		return true
	}
	switch w.state {
	case beforeName:
		if c != '"' {
			w.state = lost
			return true
		}
		w.state, w.to, w.word = inName, toWord, w.space[:0]
	case beforeColon:
		w.state = lost
	default: // beforeValue
		return w.readValue(c)
	}
	return true
}

// readValue reads the first byte of a value.
func (w *walker) readValue(c byte) bool {
	if c == '{' || c == '[' {
		w.open(c)
		return true
	}
	w.to = toNowhere
	switch m := w.member; {
	case m == nil:
	case m.mark != noMark:
		w.to, w.word = toWord, w.space[:0]
	case m.take != nothing && c == '"':
		w.to = toTexts
		w.texts.begin(m.take)
	}
	if c == '"' {
		w.state = inString
		return true
	}
	w.state = inScalar
	return false
}

// readString reads on in a string.
func (w *walker) readString(p []byte, i int) int {
	if w.escape > 0 {
		return w.readEscape(p, i)
	}
	from := i
	for i < len(p) && p[i] != '"' && p[i] != '\\' {
		i++
	}
	w.keep(p[from:i])
	if i == len(p) {
		return i
	}
	switch {
	case p[i] == '\\':
		w.escape = 1
	case w.state == inName:
		w.named()
	default:
		if w.to == toWord {
			w.marked()
		}
		w.next()
	}
	return i + 1
}

// readEscape reads the byte after a backslash or a digit of a code unit. What is
// no digit ends the escape and is read again.
func (w *walker) readEscape(p []byte, i int) int {
	c := p[i]
	if w.escape == 1 {
		w.escape = 0
		switch c {
		case 'u':
			w.escape, w.unit = 2, 0
		case 'b':
			w.keepRune('\b')
		case 'f':
			w.keepRune('\f')
		case 'n':
			w.keepRune('\n')
		case 'r':
			w.keepRune('\r')
		case 't':
			w.keepRune('\t')
		default:
			w.keep(p[i : i+1])
		}
		return i + 1
	}
	digit := rune(c - '0')
	if c |= 0x20; c >= 'a' && c <= 'f' {
		digit = rune(c - 'a' + 10)
	} else if digit > 9 {
		w.escape = 0
		w.keepRune(utf8.RuneError)
		return i
	}
	w.unit = w.unit<<4 | digit
	if w.escape++; w.escape > 5 {
		w.escape = 0
		w.keepRune(w.unit)
	}
	return i + 1
}

// readScalar reads on in a number or literal.
func (w *walker) readScalar(p []byte, i int) int {
	from := i
	for i < len(p) && !endsScalar[p[i]] {
		i++
	}
	w.keep(p[from:i])
	if i < len(p) {
		if w.to == toWord {
			w.marked()
		}
		w.next()
	}
	return i
}

// endsScalar holds the bytes that end a number or literal.
var endsScalar = [256]bool{
	',': true, ':': true, '"': true, '{': true, '}': true, '[': true, ']': true,
	' ': true, '\t': true, '\r': true, '\n': true,
}

// readNested reads on in a value that is skipped or taken as it is.
func (w *walker) readNested(p []byte, i int) int {
	from := i
	for i < len(p) && w.nested > 0 {
		c := p[i]
		i++
		switch {
		case w.state == inNested:
			switch c {
			case '"':
				w.state = inNestedString
			case '{', '[':
				w.nested++
			case '}', ']':
				w.nested--
			}
		case w.escape > 0:
			w.escape = 0
		case c == '\\':
			w.escape = 1
		case c == '"':
			w.state = inNested
		}
	}
	w.keep(p[from:i])
	if w.nested == 0 {
		w.next()
	}
	return i
}

// keep takes bytes of the value being read to where they belong.
func (w *walker) keep(p []byte) {
	switch w.to {
	case toNowhere:
	case toWord:
		if len(w.word)+len(p) > maxWord {
			w.to, w.word = toNowhere, nil // no name or mark that matters
			return
		}
		w.word = append(w.word, p...)
	case toTexts:
		for len(p) > 0 {
			n := min(len(p), maxPending-len(w.texts.pending))
			w.texts.add(p[:n])
			if p = p[n:]; len(w.texts.pending) == maxPending {
				w.flush()
			}
		}
	}
}

// keepRune is keep for a code unit. Half of a pair is encoded as if it were a
// character, until the other half joins it: providers cut between them.
func (w *walker) keepRune(r rune) {
	var b [utf8.UTFMax]byte
	if utf16.IsSurrogate(r) {
		b[0], b[1], b[2] = 0xe0|byte(r>>12), 0x80|byte(r>>6&0x3f), 0x80|byte(r&0x3f)
		w.keep(b[:3])
		return
	}
	w.keep(utf8.AppendRune(b[:0], r))
}
