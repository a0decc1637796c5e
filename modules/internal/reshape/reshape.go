// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package reshape changes header fields, queries, forms and JSON documents by a list
// of edits, compiled once.
//
// The edits of a [Plan] take place in the order of their verbs, whatever the order in
// which they are written: remove, rename, replace, set, add, append. Those of one verb
// go by the order in which they are written. Each sees what those before it have made.
//
// Names and values may hold placeholders, which somebody else knows how to replace
// ([Plan.Bind]). They are replaced before the first edit takes place, and what they come
// to stays what it is: a part of one name, a text, a number. It never becomes a second
// header field or parameter, and never ends a JSON string.
//
// A JSON document is read once, and only as far as edits reach into it: every byte that
// is not edited stays, white space, escapes and the digits of numbers included.
package reshape

// Verb is what an edit does.
type Verb string

// The verbs, in the order in which they take place.
const (
	// Remove takes out what has the name.
	Remove Verb = "remove"
	// Rename gives another name to what is there, and has it replace what has that
	// name. In JSON it stays in its object.
	Rename Verb = "rename"
	// Replace gives another value to what is there.
	Replace Verb = "replace"
	// Set is Replace for what is there, and Add for what is not.
	Set Verb = "set"
	// Add puts a value where there is none.
	Add Verb = "add"
	// Append puts a value behind those that are there.
	Append Verb = "append"
)

// Verbs are all verbs in the order in which they take place.
var Verbs = []Verb{Remove, Rename, Replace, Set, Add, Append}

// Place is what an edit changes.
type Place string

// The places.
const (
	Header Place = "header"
	Query  Place = "query"
	Body   Place = "body"
)

// Type is what kind of JSON value a text is.
type Type string

// The types.
const (
	// Auto takes a text for a number, true, false, null, an object or an array if it
	// is one as it is written, and for a string otherwise. Placeholders within the
	// strings of an object or array are replaced.
	Auto Type = ""
	// String takes it for a string in any case.
	String Type = "string"
	// Number and Boolean want one, also of a placeholder.
	Number  Type = "number"
	Boolean Type = "boolean"
	// JSON takes it for any JSON value, also that of a placeholder which stands
	// alone. Whoever decides on such a value decides on all that is in it.
	JSON Type = "json"
)

// Bounds of a plan and of what placeholders may come to.
const (
	// MaxEdits is how many edits a plan has at most.
	MaxEdits = 256
	// MaxSteps is how many names and positions a path has at most, and how deep a
	// value may be nested.
	MaxSteps = 24
	// MaxIndex is the last position in an array that a path may name.
	MaxIndex = 999
	// MaxName and MaxText bound what the placeholders of a name and of a value in a
	// header field or query may come to, MaxValue those of a value in a body, in
	// bytes. An edit beyond them finds no value.
	MaxName  = 1 << 10
	MaxText  = 16 << 10
	MaxValue = 1 << 20
)

// Edit is one change.
type Edit struct {
	// Do is what it does: remove, rename, replace, set, add or append.
	Do Verb `json:"do,omitempty"`

	// In is what it changes: header, query or body.
	In Place `json:"in,omitempty"`

	// Name of the header field or parameter. In a body it is a path: names with dots
	// between them, "#" for every element of an array, a number for the element at
	// that position, counted from 0, or for the member of that name. A backslash
	// before a dot, a backslash, a number sign or a leading digit takes its meaning
	// away. In a form it is the name of a field. It may hold placeholders.
	Name string `json:"name,omitempty"`

	// To is the new name, of rename alone. In a body it is a name, not a path.
	To string `json:"to,omitempty"`

	// Value is what is put there, of all verbs but remove and rename. It may hold
	// placeholders.
	Value string `json:"value,omitempty"`

	// Type is what kind of JSON value it is: string, number, boolean or json. By
	// default it is what it looks like: a JSON value other than a string, or else
	// a string, which placeholders always are.
	Type Type `json:"type,omitempty"`
}

// HasValue reports whether a verb has one.
func (v Verb) HasValue() bool { return v != Remove && v != Rename }

// creates says that a verb puts something where there is nothing.
func (v Verb) creates() bool { return v == Set || v == Add || v == Append }
