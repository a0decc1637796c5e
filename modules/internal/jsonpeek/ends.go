// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jsonpeek

import "bytes"

// minMiddle is the shortest rest of a document, behind the beginning of its first
// array, that is worth reading from the end.
const minMiddle = 512

// Outside says that the members needed stand before the first array of a document
// or behind its last one, where they stand at all. A document given whole in which
// all of them are found there is not read in between, which is where answers hold
// their long texts.
//
// Other paths that stand between two arrays are then overlooked, unless they are
// among sought: for those the text in between is searched. What is sought should
// contain an underscore: it is found fast because prose has few.
//
// Nested paths are looked for before the first array only. It returns ps.
func (ps *Paths) Outside(needed []string, sought ...string) *Paths {
	for _, name := range needed {
		ps.needed = append(ps.needed, ps.find("", []byte(name)))
	}
	for _, name := range sought {
		_, rare, _ := bytes.Cut([]byte(name), []byte("_"))
		ps.sought = append(ps.sought, mark{ps.find("", []byte(name)), append(append([]byte("_"), rare...), '"')})
	}
	return ps
}

// mark is how a path is searched for: the end of its name, from an underscore on.
type mark struct {
	index int
	rare  []byte
}

// ends reads the members before the first array, which begins at i, and those
// behind the last one. The former have been read already. It reports whether that
// is enough.
func (r *Reader) ends(p []byte, i int) bool {
	if len(r.paths.needed) == 0 || len(p)-i < minMiddle {
		return false
	}
	end := r.walkBack(p, i)
	if end == 0 {
		return false
	}
	for _, index := range r.paths.needed {
		if !r.values[index].present {
			return false
		}
	}
	for _, m := range r.paths.sought {
		if !r.values[m.index].present && bytes.Contains(p[i:end], m.rare) {
			return false
		}
	}
	return true
}

// walkBack reads the members at the end of the object p back to the first value
// that is an array, which begins at or after least, and returns the position after
// it; or zero if there is none or p is not of the usual shape. Of members that
// repeat the last one counts.
func (r *Reader) walkBack(p []byte, least int) int {
	i := spaceBefore(p, len(p)) - 1 // the closing brace
	var seen uint64
	for {
		end := spaceBefore(p, i)
		if end <= least {
			return 0
		}
		if p[end-1] == ']' {
			return end
		}
		start := valueBefore(p, end, least)
		if start == 0 {
			return 0
		}
		i = spaceBefore(p, start) - 1
		if i <= least || p[i] != ':' {
			return 0
		}
		if i = spaceBefore(p, i); i <= least || p[i-1] != '"' {
			return 0
		}
		open := stringBefore(p, i, least)
		if open == 0 || bytes.IndexByte(p[open:i], '\\') >= 0 {
			return 0
		}
		if p[start] != 'n' { // null counts as absent
			if index := r.paths.find("", p[open+1:i-1]); index >= 0 && index < 64 && seen&(1<<index) == 0 {
				seen |= 1 << index
				r.values[index].see(p[start:end:end])
			}
		}
		if i = spaceBefore(p, open) - 1; i <= least || p[i] != ',' {
			return 0
		}
	}
}

// spaceBefore returns the position after the last byte before i that is not white
// space.
func spaceBefore(p []byte, i int) int {
	for i > 0 && (p[i-1] == ' ' || p[i-1] == '\n' || p[i-1] == '\r' || p[i-1] == '\t') {
		i--
	}
	return i
}

// valueBefore returns where the value begins that ends before end and is no array,
// or zero if it begins before least.
func valueBefore(p []byte, end, least int) int {
	switch p[end-1] {
	case '"':
		return stringBefore(p, end, least)
	case '}':
	default:
		i := end
		for i > least && !ends[p[i-1]] && p[i-1] != ':' && p[i-1] != '"' {
			i--
		}
		if i == end || i == least {
			return 0
		}
		return i
	}
	for i, depth := end-1, 0; i > least; i-- {
		switch p[i] {
		case '"':
			if i = stringBefore(p, i+1, least); i == 0 {
				return 0
			}
		case '}', ']':
			depth++
		case '{', '[':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return 0
}

// stringBefore returns the position of the quote that opens the string whose
// closing quote stands before end, or zero. A quote within has an odd number of
// backslashes before it.
func stringBefore(p []byte, end, least int) int {
	for i := end - 1; i > least; {
		i = bytes.LastIndexByte(p[:i], '"')
		if i <= least {
			return 0
		}
		if backslashes(p[least:i])&1 == 0 {
			return i
		}
	}
	return 0
}
