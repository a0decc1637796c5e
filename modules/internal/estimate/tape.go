// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package estimate

import (
	"bytes"
	"encoding/binary"

	"github.com/caddy-gateway/tollgate/modules/internal/stream"
)

const (
	// maxTape is how much a tape holds before it has to be played.
	maxTape = 64 << 10

	// maxTemplate is the longest payload that others are compared with.
	maxTemplate = 4 << 10

	// maxRecord is the longest payload that a tape takes.
	maxRecord = maxTape / 2

	// minShape is the least that payloads must share to be worth comparing,
	// minInfix the least between their ends, and minSplit the least to look for it in.
	minShape = 32
	minInfix = 16
	minSplit = 48

	// room is more than what a record takes besides its payload.
	room = 32

	// keepTape is the largest tape whose memory is kept for the next stream.
	keepTape = 16 << 10

	unshaped = 1 << 30 // longer than any payload
)

// Records begin with a byte below recordWhole, the length of what is between
// prefix and suffix or before the infix, or with one of these and a length.
const (
	recordWhole    = 0xf0 + iota // a payload, the new template
	recordPlain                  // a payload that is no template
	recordMiddle                 // all that is between prefix and suffix
	recordShape                  // the shape from here on
	recordTemplate               // the new template, which is no payload
)

// tape holds payloads undecoded. Those of a stream differ by little but the
// delivered words, so one of them serves as the template: the others are held
// without the prefix and the suffix that they share with it. Many have a second
// gap, for a time or for padding. What is between the gaps, the infix, begins at
// the first quote. Taking a payload costs two comparisons, or three, and the copy
// of its gaps.
type tape struct {
	buf []byte

	template, length int // where the template lies in buf
	shape
	told     bool // the shape is the one that was told last
	fixed    int  // prefix and suffix, or unshaped
	tail, in int  // where suffix and infix lie in buf
}

// shape says what payloads share with the template: the lengths of its parts, and
// where in it the infix begins.
type shape struct{ prefix, suffix, infix, at int }

// reset empties the tape.
func (t *tape) reset() {
	buf := t.buf[:0]
	if cap(buf) > keepTape {
		buf = nil
	}
	*t = tape{buf: buf, fixed: unshaped}
}

// rewind empties the tape and keeps its memory.
func (t *tape) rewind() { *t = tape{buf: t.buf[:0], fixed: unshaped} }

// fits reports whether the tape has room for a payload.
func (t *tape) fits(data []byte) bool { return len(t.buf)+len(data)+room <= maxTape }

// put records a payload that fits.
func (t *tape) put(data []byte) {
	if n := len(data) - t.fixed; n >= 0 {
		between, rest := t.template+t.prefix, data[t.prefix:]
		if string(data[:t.prefix]) == string(t.buf[t.template:between]) && string(rest[n:]) == string(t.buf[t.tail:t.tail+t.suffix]) {
			// The usual case: a payload like those before it.
			if t.infix > 0 {
				if t.putGaps(rest, n) {
					return
				}
			} else if n < minSplit {
				t.buf = gap(append(t.buf, byte(n)), rest, n)
				return
			}
		}
	}
	t.putOther(data)
}

// putGaps records what the first n bytes of rest hold before and after the infix,
// if that is where it is expected.
func (t *tape) putGaps(rest []byte, n int) bool {
	i := bytes.IndexByte(rest[:n], '"')
	after := i + t.infix
	if i < 0 || i >= recordWhole || after > n || n-after > 0xff || string(rest[i:after]) != string(t.buf[t.in:t.in+t.infix]) {
		return false
	}
	b := append(t.buf, byte(i), byte(n-after))
	t.buf = gap(gap(b, rest, i), rest[after:], n-after)
	return true
}

// gap appends the first n bytes of p. Few are copied faster by copying more.
func gap(b, p []byte, n int) []byte {
	const few = 16
	used := len(b)
	if n <= few && len(p) >= few && cap(b)-used >= few {
		b = b[:used+few]
		*(*[few]byte)(b[used:]) = [few]byte(p)
		return b[:used+n]
	}
	return append(b, p[:n]...)
}

// tell makes beginning and end of a shape the template.
func (t *tape) tell(prefix, suffix []byte) {
	t.buf = t.head(recordTemplate, len(prefix)+len(suffix))
	t.template, t.length = len(t.buf), len(prefix)+len(suffix)
	t.buf = append(append(t.buf, prefix...), suffix...)
	t.shape, t.fixed = shape{prefix: len(prefix), suffix: len(suffix)}, t.length
	t.tail, t.in = t.template+len(prefix), t.template
	t.buf = t.head(recordShape, len(prefix), len(suffix), 0, 0)
	t.told = true
}

// putOther records a payload that does not have the shape, or that might have a
// better one.
func (t *tape) putOther(data []byte) {
	t.told = false
	if t.length > 0 && t.reshape(data) {
		middle := data[t.prefix : len(data)-t.suffix]
		switch {
		case t.infix > 0 && t.putGaps(data[t.prefix:], len(middle)):
		case t.infix == 0 && len(middle) < recordWhole:
			t.buf = append(append(t.buf, byte(len(middle))), middle...)
		default:
			t.buf = append(t.head(recordMiddle, len(middle)), middle...)
		}
		return
	}
	if len(data) > maxTemplate {
		t.buf = append(t.head(recordPlain, len(data)), data...)
		return
	}
	t.buf = t.head(recordWhole, len(data))
	t.template, t.length = len(t.buf), len(data)
	t.shape, t.fixed = shape{}, unshaped
	t.buf = append(t.buf, data...)
}

// head returns the tape with a kind and lengths appended.
func (t *tape) head(kind byte, lengths ...int) []byte {
	b := append(t.buf, kind)
	for _, n := range lengths {
		b = binary.AppendUvarint(b, uint64(n)) //nolint:gosec // a length
	}
	return b
}

// reshape shortens the shape to what the payload shares with the template,
// unless that is too little: then it is better a template itself.
func (t *tape) reshape(data []byte) bool {
	template := t.buf[t.template : t.template+t.length]
	var s shape
	s.prefix = stream.CommonPrefix(template, data)
	s.suffix = stream.CommonSuffix(template[s.prefix:], data[s.prefix:])
	enough := len(data) / 2
	if t.fixed != unshaped {
		s.prefix, s.suffix = min(s.prefix, t.prefix), min(s.suffix, t.suffix)
		enough = t.fixed * 3 / 4
	}
	// What the payload has between ends that are alike counts for being alike.
	s.infix, s.at = sameInfix(template[s.prefix:t.length-s.suffix], data[s.prefix:len(data)-s.suffix])
	s.at += s.prefix
	if s.prefix+s.suffix+s.infix < max(minShape, enough) {
		return false
	}
	if s.prefix == t.prefix && s.suffix == t.suffix && (s.infix == 0 || s.at == t.at && s.infix > t.infix && t.infix > 0) {
		s.infix, s.at = t.infix, t.at // an odd one out
	}
	if s != t.shape || t.fixed == unshaped {
		t.shape, t.fixed = s, s.prefix+s.suffix
		t.tail, t.in = t.template+t.length-s.suffix, t.template+s.at
		t.buf = t.head(recordShape, s.prefix, s.suffix, s.infix, s.at)
	}
	return true
}

// play has the payloads read in order.
func (t *tape) play(w *walker) {
	var template []byte
	var s shape
	for rest := t.buf; len(rest) > 0; {
		kind := rest[0]
		rest = rest[1:]
		if kind == recordShape {
			for _, n := range []*int{&s.prefix, &s.suffix, &s.infix, &s.at} {
				*n, rest = length(rest)
			}
			continue
		}
		n, second := int(kind), 0
		switch {
		case kind >= recordWhole:
			n, rest = length(rest)
		case s.infix > 0:
			second, rest = int(rest[0]), rest[1:]
		}
		data := rest[:n]
		rest = rest[n:]
		if kind == recordTemplate {
			template = data
			continue
		}
		w.begin()
		switch {
		case kind == recordWhole:
			template, s = data, shape{}
			w.write(data)
		case kind == recordPlain:
			w.write(data)
		default:
			w.write(template[:s.prefix])
			w.write(data)
			if kind < recordWhole && s.infix > 0 {
				w.write(template[s.at : s.at+s.infix])
				w.write(rest[:second])
				rest = rest[second:]
			}
			w.write(template[len(template)-s.suffix:])
		}
		w.finish()
	}
}

// length reads a length that the tape wrote.
func length(b []byte) (n int, rest []byte) {
	v, size := binary.Uvarint(b)
	return int(v), b[size:] //nolint:gosec // at most maxTape
}

// sameInfix returns the length of what the two share from their first quote on,
// and where that is in the first, or zero if it is too short.
func sameInfix(a, b []byte) (n, at int) {
	at = bytes.IndexByte(a, '"')
	i := bytes.IndexByte(b, '"')
	if at < 0 || i < 0 {
		return 0, 0
	}
	if n = stream.CommonPrefix(a[at:], b[i:]); n < minInfix {
		return 0, 0
	}
	return n, at
}
