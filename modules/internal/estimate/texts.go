// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package estimate

import (
	"bytes"
	"slices"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/caddy-gateway/tollgate/modules/internal/tokens"
)

const (
	// maxPending is how much text of one document is held until it is known
	// what it counts as.
	maxPending = 16 << 10

	// maxTexts is how much delivered text is held. Of what comes after it only the
	// size is: counting takes a quarter of a second for each MiB, and most answers
	// tell their usage in the end. It is a quarter of a million tokens or so, more
	// than models write at once.
	maxTexts = 1 << 20

	// maxLanes is how many texts are told apart. Those of further answers to
	// one request are counted as one.
	maxLanes = 16

	// keepText is the largest buffer kept for the next stream.
	keepText = 16 << 10
)

// texts holds what was delivered. The pieces of one text come one by one and
// count as if they had come together, since words lie across them.
type texts struct {
	encoding tokens.Encoding

	// What the current document has said so far.
	pending []byte
	pieces  []piece
	barrier int // pieces from here on may be added to

	lanes []lane
	held  int // bytes in lanes
}

// piece is a part of pending.
type piece struct {
	kind kind
	end  int
}

// lane is one of several texts that come in turns.
type lane struct {
	kind  kind
	index int
	buf   []byte
	more  int // bytes beyond, which are taken to be like those in buf
}

func (t *texts) reset(e tokens.Encoding) {
	if cap(t.pending) > keepText {
		t.pending = nil
	}
	for i := range t.lanes {
		if cap(t.lanes[i].buf) > keepText {
			t.lanes[i].buf = nil
		}
	}
	*t = texts{encoding: e, pending: t.pending[:0], pieces: t.pieces[:0], lanes: t.lanes[:0]}
}

// open begins a scope and returns its first piece.
func (t *texts) open() int {
	t.barrier = len(t.pieces)
	return t.barrier
}

// begin begins a piece.
func (t *texts) begin(k kind) {
	if n := len(t.pieces); n > t.barrier && t.pieces[n-1].kind == k {
		return
	}
	t.pieces = append(t.pieces, piece{k, len(t.pending)})
}

// add adds to the last piece.
func (t *texts) add(p []byte) {
	t.pending = append(t.pending, p...)
	t.pieces[len(t.pieces)-1].end = len(t.pending)
}

// turn changes what the pieces of a scope count as.
func (t *texts) turn(first int, from, to kind) {
	for i := first; i < len(t.pieces); i++ {
		if t.pieces[i].kind == from {
			t.pieces[i].kind = to
		}
	}
}

// commit ends the pieces of a scope, which belong to the index-th answer.
func (t *texts) commit(first, index int) {
	if first >= len(t.pieces) {
		return
	}
	start := 0
	if first > 0 {
		start = t.pieces[first-1].end
	}
	pieces := t.pieces[first:]
	again := slices.ContainsFunc(pieces, func(p piece) bool { return p.kind == reasoning })
	for from := start; len(pieces) > 0; pieces = pieces[1:] {
		p := pieces[0]
		if p.kind == reasoningAgain {
			if p.kind = reasoning; again {
				p.kind = nothing
			}
		}
		if p.kind != nothing && p.kind != added && p.end > from {
			t.deliver(p.kind, index, t.pending[from:p.end])
		}
		from = p.end
	}
	t.pending, t.pieces = t.pending[:start], t.pieces[:first]
	t.barrier = min(t.barrier, first)
}

// deliver adds to a lane, or, when enough is held, to its size.
func (t *texts) deliver(k kind, index int, p []byte) {
	l := t.lane(k, index)
	if t.held+len(p) > maxTexts {
		l.more += len(p)
		return
	}
	before := len(l.buf)
	l.buf = joinText(l.buf, p)
	t.held += len(l.buf) - before
}

// lane finds a lane or makes it.
func (t *texts) lane(k kind, index int) *lane {
	if k == delta {
		k = text
	}
	for i := range t.lanes {
		if l := &t.lanes[i]; l.kind == k && l.index == index {
			return l
		}
	}
	n := len(t.lanes)
	if n >= maxLanes {
		for i := range t.lanes {
			if l := &t.lanes[i]; (l.kind == reasoning) == (k == reasoning) {
				return l
			}
		}
	}
	if n < cap(t.lanes) {
		t.lanes = t.lanes[:n+1]
	} else {
		t.lanes = append(t.lanes, lane{})
	}
	l := &t.lanes[n]
	*l = lane{kind: k, index: index, buf: l.buf[:0]}
	return l
}

// count returns the tokens of all texts, and of the reasoning among them apart.
func (t *texts) count() (output, reasoned int64) {
	for i := range t.lanes {
		l := &t.lanes[i]
		n := t.encoding.Count(l.buf)
		switch {
		case l.more == 0:
		case len(l.buf) == 0:
			n = Rough(l.more)
		default:
			n = int64(float64(n) * (1 + float64(l.more)/float64(len(l.buf))))
		}
		if l.kind == reasoning {
			reasoned += n
		} else {
			output += n
		}
	}
	return output, reasoned
}

// joinText appends a text. The halves of a pair of surrogates, encoded each on
// its own, become one character.
func joinText(dst, p []byte) []byte {
	for len(p) > 0 {
		n := len(dst)
		if n >= 3 && len(p) >= 3 && dst[n-3] == 0xed && dst[n-2]&0xf0 == 0xa0 && p[0] == 0xed && p[1]&0xf0 == 0xb0 {
			dst = utf8.AppendRune(dst[:n-3], utf16.DecodeRune(half(dst[n-3:]), half(p)))
			p = p[3:]
			continue
		}
		// The next place where there may be something to join.
		end := bytes.IndexByte(p[1:], 0xed) + 1
		if end == 0 {
			end = len(p)
		}
		dst = append(dst, p[:end]...)
		p = p[end:]
	}
	return dst
}

// half decodes half of a pair.
func half(p []byte) rune { return rune(p[0]&0xf)<<12 | rune(p[1]&0x3f)<<6 | rune(p[2]&0x3f) }
