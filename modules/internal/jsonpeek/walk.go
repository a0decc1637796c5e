// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jsonpeek

// Check validates a document (RFC 8259) of any kind, as strictly as Scan does one
// that is an object. Members may repeat.
func Check(doc []byte) error {
	i := skipSpace(doc, 0)
	if i == len(doc) {
		return &SyntaxError{i, "empty document"}
	}
	end, msg := skipValue(doc, i, 0)
	if msg != "" {
		return &SyntaxError{end, msg}
	}
	return scanEnd(doc, end)
}

// Walker goes from member to member of an object, or from element to element of an
// array, and says where they stand. The document must be one that Check accepts.
type Walker struct {
	doc  []byte
	done bool

	// Start is where the white space before the member begins, after the bracket or
	// the comma; Name and NameEnd are where its name begins, quotes included, and
	// ends; they are those of an element's value.
	Start, Name, NameEnd int
	// Value and End are where its value begins and ends.
	Value, End int
	// After is where the comma or the closing bracket stands that follows.
	After int
}

// Walk returns a walker for the object or array that begins at i. It reports whether
// there is one.
func Walk(doc []byte, i int) (w Walker, ok bool) {
	if i >= len(doc) || doc[i]|0x20 != '{' {
		return Walker{done: true}, false
	}
	w = Walker{doc: doc, Start: i + 1, After: i}
	if end := skipSpace(doc, i+1); end < len(doc) && doc[end]|0x20 == '}' {
		w.After, w.done = end, true
	}
	return w, true
}

// Next goes to the next member or element. It returns false after the last one, and
// where the document cannot be followed.
func (w *Walker) Next() bool {
	if w.done {
		return false
	}
	named := w.doc[w.After] == '{' // of the first one alone
	if w.End > 0 {
		named = w.NameEnd < w.Value
	}
	w.Start = w.After + 1
	i := skipSpace(w.doc, w.Start)
	w.Name, w.NameEnd, w.Value = i, i, i
	if named {
		end, value, msg := memberStart(w.doc, i)
		if msg != "" {
			w.done = true
			return false
		}
		w.NameEnd, w.Value = end, value
	}
	w.End = skipLoose(w.doc, w.Value)
	w.After = skipSpace(w.doc, w.End)
	if w.End == 0 || w.After >= len(w.doc) {
		w.done = true
		return false
	}
	w.done = w.doc[w.After] != ','
	return true
}
