// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package estimate

import (
	"bytes"
	"strconv"
)

const (
	// maxDepth is how deep within a document texts are looked for.
	maxDepth = 16

	// maxWord is the longest member name or mark that is compared.
	maxWord = 64
)

// walker reads JSON documents that are cut anywhere, even within a character or
// an escape, and collects the texts of the members that count. It is as lenient
// as can be, since not the document matters but its texts: what is delivered of
// one that breaks off counts.
type walker struct {
	root  *member
	texts texts

	state  walkState
	member *member // of the value being read or expected, or nil
	depth  int
	frames [maxDepth]frame
	nested int // open brackets of a value that is skipped or taken as it is

	to     target // what the value being read is for
	escape int    // 1 after a backslash, 2 to 5 before the digits of \u
	unit   rune   // those digits so far
	word   []byte
	space  [maxWord]byte // of word
}

// frame is an open object or array.
type frame struct {
	member *member
	array  bool

	// What is known of a scope.
	first   int // the first text within it
	index   int
	thought bool
	event   eventType
}

// eventType is what the type of a responses event says about its delta.
type eventType uint8

const (
	untyped eventType = iota
	addsText
	addsItem
	addsNothing
)

// walkState says what the next byte is part of.
type walkState uint8

const (
	beforeValue walkState = iota
	beforeName            // or at the end of the object
	inName
	beforeColon
	inString // a string value
	inScalar // a number or literal
	inNested // a value that is skipped or taken as it is
	inNestedString
	lost // this is no JSON
)

// target says where the bytes of a value go.
type target uint8

const (
	toNowhere target = iota
	toWord
	toTexts
)

// begin prepares for a document.
func (w *walker) begin() {
	w.state, w.member = beforeValue, w.root
	w.depth, w.escape, w.to = 0, 0, toNowhere
}

// finish takes the document for ended, whether it is or not.
func (w *walker) finish() {
	w.to = toNowhere
	w.flush()
	w.begin()
}

// flush hands over the texts of the scopes that are still open, by what is known
// of them. The document may go on.
func (w *walker) flush() {
	for d := w.depth - 1; d >= 0; d-- {
		w.leave(&w.frames[d])
		w.frames[d].first = 0
	}
	w.texts.commit(0, 0)
	if w.to == toTexts {
		w.texts.begin(w.member.take)
	}
}

// open begins an object or array.
func (w *walker) open(c byte) {
	m := w.member
	if m == nil || w.depth == maxDepth || m.raw {
		w.state, w.nested, w.to = inNested, 1, toNowhere
		if m != nil && m.raw {
			w.to = toTexts
			w.texts.begin(m.take)
			w.keep([]byte{c})
		}
		return
	}
	f := frame{member: m, array: c == '['}
	if !f.array && m.scope != noScope {
		f.first = w.texts.open()
	}
	w.frames[w.depth] = f
	w.depth++
	w.next()
}

// shut ends an object or array.
func (w *walker) shut() {
	if w.depth == 0 {
		w.state = lost
		return
	}
	w.depth--
	w.leave(&w.frames[w.depth])
	if w.depth == 0 {
		w.texts.commit(0, 0)
	}
	w.next()
}

// next expects what follows a value, or begins a container. Commas are passed
// over wherever they are.
func (w *walker) next() {
	w.to = toNowhere
	if w.depth == 0 {
		w.begin()
		return
	}
	f := &w.frames[w.depth-1]
	if f.array {
		w.state, w.member = beforeValue, f.member
		return
	}
	w.state = beforeName
}

// leave applies what a scope knows to the texts within it.
func (w *walker) leave(f *frame) {
	if f.array {
		return
	}
	switch f.member.scope {
	case noScope:
	case part:
		if f.thought {
			w.texts.turn(f.first, text, reasoning)
		}
	case event:
		kind := text
		switch {
		case f.event > addsText:
			kind = nothing
		case f.thought:
			kind = reasoning
		}
		w.texts.turn(f.first, delta, kind)
		kind = nothing
		if f.event == addsItem {
			kind = tool
		}
		w.texts.turn(f.first, added, kind)
	case choice:
		w.texts.commit(f.first, f.index)
	}
}

// named finds the member by the name just read.
func (w *walker) named() {
	w.member = w.frames[w.depth-1].member.names[string(w.word)]
	w.state = beforeColon
}

// marked takes over a mark, to the innermost scope.
func (w *walker) marked() {
	for d := w.depth - 1; d >= 0; d-- {
		f := &w.frames[d]
		if f.array || f.member.scope == noScope {
			continue
		}
		switch w.member.mark {
		case noMark:
		case isIndex:
			if i, err := strconv.Atoi(string(w.word)); err == nil && i > 0 {
				f.index = i
			}
		case isThought:
			f.thought = string(w.word) == "true"
		case isType:
			f.thought = bytes.Contains(w.word, reasoningName)
			switch {
			case string(w.word) == "response.output_item.added":
				f.event = addsItem
			case bytes.HasSuffix(w.word, deltaEnd) && !bytes.HasSuffix(w.word, audioEnd):
				f.event = addsText
			default:
				f.event = addsNothing
			}
		}
		return
	}
}

var (
	reasoningName = []byte("reasoning")
	deltaEnd      = []byte(".delta")
	audioEnd      = []byte("audio.delta") // base64
)
