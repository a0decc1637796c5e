// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jsonpeek

// Whole reads a document that is complete in p, the usual case, in a fraction of
// the time and without copying: the values are parts of p until Forget or Reset.
// It reports whether it could. If not, because p is a part of a document, an
// array or anything uncommon, nothing has happened, and Write is to be given p.
//
// Ended says that nothing can follow p. Only then may the middle of the document be
// left out (see Paths.Outside): of a part that ends like a whole, the end is not where
// it seems to be.
func (r *Reader) Whole(p []byte, ended bool) bool {
	r.ended = ended
	if r.state != beforeDocument || len(r.key) > 0 || !mayBeWhole(p) {
		return false
	}
	i := skipSpace(p, 0)
	if i = r.walk(p, i+1, ""); i > 0 && skipSpace(p, i) == len(p) {
		r.state = done
		return true
	}
	r.Forget()
	return false
}

// Forget drops the values, and with them what refers to a document that was
// given whole.
func (r *Reader) Forget() {
	for i := range r.values {
		v := &r.values[i]
		v.raw, v.present, v.long = nil, false, false
	}
}

// mayBeWhole reports whether p begins and ends like an object.
func mayBeWhole(p []byte) bool {
	first, last := skipSpace(p, 0), len(p)-1
	for last > first && p[last] <= ' ' {
		last--
	}
	return first < last && p[first] == '{' && p[last] == '}'
}

// walk reads the members of the object whose first member begins after i and
// returns the position after it, or zero if it is not of the usual shape. What
// it takes Write would take as well.
func (r *Reader) walk(p []byte, i int, parent string) int {
	if i = skipSpace(p, i); i < len(p) && p[i] == '}' {
		return i + 1
	}
	tried := false
	for {
		if i = skipSpace(p, i); i >= len(p) || p[i] != '"' {
			return 0
		}
		end := shortEnd(p, i+1)
		if end == 0 {
			// A backslash would make it a name to be unescaped.
			if end = nameEnd(p, i+1); end == 0 {
				return 0
			}
		}
		name := p[i+1 : end-1]
		if i = skipSpace(p, end); i >= len(p) || p[i] != ':' {
			return 0
		}
		if i = skipSpace(p, i+1); i >= len(p) {
			return 0
		}
		index := r.paths.find(parent, name)
		if index < 0 && p[i] == '{' && parent == "" {
			if within := r.paths.parent(name); within != "" {
				if i = r.walk(p, i+1, within); i == 0 {
					return 0
				}
				index = -2
			}
		}
		if index == -1 && p[i] == '[' && parent == "" && r.ended && !tried {
			if tried = true; r.ends(p, i) {
				return len(p)
			}
		}
		if index != -2 {
			start := i
			if i = skipLoose(p, i); i == 0 {
				return 0
			}
			if index >= 0 && p[start] != 'n' { // null counts as absent
				r.values[index].see(p[start:i:i])
			}
		}
		if i = skipSpace(p, i); i >= len(p) {
			return 0
		}
		switch p[i] {
		case ',':
			i++
		case '}':
			return i + 1
		default:
			return 0
		}
	}
}

// see takes over a value of a document given whole.
func (v *value) see(raw []byte) {
	v.present, v.long = true, len(raw) > MaxValue
	if v.raw = raw; v.long {
		v.raw = nil
	}
}

// nameEnd returns the position after the closing quote of a member name that is
// longer than a word, or zero if it holds a backslash or does not end.
func nameEnd(p []byte, i int) int {
	for ; i < len(p); i++ {
		switch p[i] {
		case '"':
			return i + 1
		case '\\':
			return 0
		}
	}
	return 0
}
