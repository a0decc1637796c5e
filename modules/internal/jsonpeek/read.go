// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jsonpeek

import "bytes"

// Write reads the next chunk. It neither keeps nor alters p. It reports whether
// the document ended in this chunk.
func (r *Reader) Write(p []byte) (ended bool) {
	for i := 0; i < len(p); {
		switch r.state {
		case inKey, inString, inNestedString:
			i = r.readString(p, i)
		case inNested:
			i = r.readNested(p, i)
		case inScalar:
			i = r.readScalar(p, i)
		case broken:
			return ended
		default:
			if i = skipSpace(p, i); i < len(p) {
				was := r.state
				i = r.readToken(p, i)
				ended = ended || r.state == done && was != done
			}
		}
	}
	return ended
}

// readToken reads one structural byte, which is not white space.
func (r *Reader) readToken(p []byte, i int) int {
	c := p[i]
	switch r.state {
	case beforeDocument:
		return r.readStart(p, i)
	case inList:
		return r.readList(p, i)
	case beforeKey:
		switch c {
		case '"':
			r.key = r.key[:0]
			r.state = inKey
			return i + 1
		case ',':
			return i + 1
		case '}':
			r.endObject()
			return i + 1
		}
		return r.fail(i, "expected member")
	case beforeColon:
		if c != ':' {
			return r.fail(i, "expected colon")
		}
		r.state = beforeValue
		return i + 1
	case beforeValue:
		return r.readValueStart(p, i)
	default: // done
		return r.fail(i, "data after the document")
	}
}

// readStart reads the first byte of the document. The byte order mark that a
// few servers send is left over in one piece or, cut, byte by byte.
func (r *Reader) readStart(p []byte, i int) int {
	switch c := p[i]; {
	case c == '{':
		r.state = beforeKey
	case c == '[':
		r.list = true
		r.state = inList
	case len(r.key) < len(bom) && c == bom[len(r.key)]:
		r.key = append(r.key, c)
	default:
		return r.fail(i, "not an object")
	}
	return i + 1
}

// readList reads the bytes between the objects of an array and skips elements
// that are none.
func (r *Reader) readList(p []byte, i int) int {
	switch p[i] {
	case '{':
		r.state = beforeKey
	case ']':
		r.state = done
	case '}', ':':
		return r.fail(i, "expected element")
	case '"':
		r.after, r.state = inList, inString
	case '[':
		r.after, r.state, r.depth = inList, inNested, 1
	case ',':
	default:
		r.after, r.state = inList, inScalar
		return i
	}
	return i + 1
}

// readValueStart reads the first byte of a member's value.
func (r *Reader) readValueStart(p []byte, i int) int {
	c := p[i]
	r.after = beforeKey
	r.taking = r.index >= 0 && c != 'n' // null counts as absent
	r.long = false
	r.work = r.work[:0]
	switch c {
	case '"':
		r.state = inString
	case '{', '[':
		if c == '{' && !r.taking && r.enter() {
			r.state = beforeKey
			return i + 1
		}
		r.state, r.depth = inNested, 1
	case '}', ']', ',', ':':
		r.taking = false
		return r.fail(i, "expected value")
	default:
		r.state = inScalar
		return i
	}
	r.keep(p[i : i+1])
	return i + 1
}

// readString reads on in a string: a member name, a value or a part of one.
func (r *Reader) readString(p []byte, i int) int {
	from := i
	if r.escaped {
		r.escaped = false
		i++
	}
	end, closed := stringEnd(p, i)
	if !closed {
		r.escaped = end > len(p)
		end = len(p)
	}
	switch r.state {
	case inKey:
		r.keepKey(bytes.TrimSuffix(p[from:end], quoteIf(closed)))
		if closed {
			r.endKey()
			r.state = beforeColon
		}
	case inString:
		r.keep(p[from:end])
		if closed {
			r.store()
			r.state = r.after
		}
	default:
		r.keep(p[from:end])
		if closed {
			r.state = inNested
		}
	}
	return end
}

// readNested reads on in an object or array that is not looked into.
func (r *Reader) readNested(p []byte, i int) int {
	from := i
	for i < len(p) {
		if i = skipPlain(p, i); i == len(p) {
			break
		}
		c := p[i]
		i++
		if c == '"' {
			end, closed := stringEnd(p, i)
			if !closed {
				r.escaped = end > len(p)
				r.state = inNestedString
				i = len(p)
				break
			}
			i = end
			continue
		}
		if c|0x20 == '{' {
			r.depth++
			continue
		}
		if r.depth--; r.depth == 0 {
			r.keep(p[from:i])
			r.store()
			r.state = r.after
			return i
		}
	}
	r.keep(p[from:i])
	return i
}

// readScalar reads on in a number or literal. The byte that ends it is left.
func (r *Reader) readScalar(p []byte, i int) int {
	from := i
	for i < len(p) && !ends[p[i]] {
		i++
	}
	r.keep(p[from:i])
	if i < len(p) {
		r.store()
		r.state = r.after
	}
	return i
}

// endObject leaves the object whose members are being read.
func (r *Reader) endObject() {
	switch {
	case r.parent != "":
		r.parent = ""
	case r.list:
		r.state = inList
	default:
		r.state = done
	}
}

// fail gives the document up. What was read before it stays.
func (r *Reader) fail(i int, trouble string) int {
	if r.trouble == "" {
		r.trouble = trouble
	}
	r.taking = false
	if r.state != done {
		r.state = broken
	}
	return i + 1
}

// quoteIf returns the quote that a closed string ends in.
func quoteIf(closed bool) []byte {
	if closed {
		return quote
	}
	return nil
}

var quote = []byte(`"`)
