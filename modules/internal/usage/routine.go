// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package usage

import (
	"bytes"
	"encoding/binary"
)

// routine recognises the events of which a stream is full: each arrives whole and
// alone, begins like the ones before it and goes on with a few words. They need no
// scanning and no search.
type routine struct {
	begin []byte    // what the events have in common; part of head, or empty
	start int       // where the payload begins in it
	head  [320]byte // the beginning of a chunk that held one event
}

// quiet is the way to see from the rest of an event, whose beginning tells nothing,
// that there is nothing to be read in it.
type quiet uint8

const (
	// neverQuiet is for formats in which the rest may always matter.
	neverQuiet quiet = iota
	// withoutBrace is for events in which a usage or an error is an object.
	withoutBrace
	// endsNotDone is for lines that say at their end that more will come.
	endsNotDone
)

// covers reports whether p is one event that begins like the ones before and holds
// nothing to be read.
func (o *routine) covers(p []byte, q quiet) bool {
	n := len(o.begin)
	if n == 0 || len(p) < n+10 || string(p[:n]) != string(o.begin) {
		return false
	}
	if q == endsNotDone {
		line := p[n : len(p)-1]
		return p[len(p)-1] == '\n' && bytes.IndexByte(line, '\n') < 0 && bytes.HasSuffix(line, notDone)
	}
	rest := p[n:]
	end := len(rest) - 10 // of the last word before the two line feeds
	if rest[end+9] != '\n' || rest[end+8] != '\n' {
		return false
	}
	var found uint64
	for i := 0; i < end; i += 8 {
		found |= feedOrBrace(rest[i:])
	}
	return (found|feedOrBrace(rest[end:]))&highs == 0
}

// payload is that of an event which is covered. What ends a line is no part of it.
func (o *routine) payload(p []byte) []byte {
	end := len(p) - 1
	if p[end-1] == '\n' {
		end--
	}
	return p[o.start:end]
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// feedOrBrace has a high bit set if there is a line feed or an opening brace among
// the eight bytes at the beginning of p.
func feedOrBrace(p []byte) uint64 {
	w := binary.LittleEndian.Uint64(p)
	x, y := w^ones*'\n', w^ones*'{'
	return (x-ones)&^x | (y-ones)&^y
}

// learn shortens the beginning to what p has in common with it, or starts anew
// with p. The payload is that of the one event in p, in which nothing was to be
// read.
func (o *routine) learn(p, payload []byte) {
	start := cap(p) - cap(payload)
	if len(payload) == 0 || start < 0 || start >= len(p) || &p[start] != &payload[0] {
		o.begin = nil // the payload was put together elsewhere
		return
	}
	same := 0
	for same < min(len(o.begin), len(p)) && p[same] == o.begin[same] {
		same++
	}
	if o.begin = o.head[:same]; same < start+minCalm || o.start != start {
		o.begin, o.start = o.head[:copy(o.head[:], p)], start
		if len(o.begin) < start+minCalm || payload[0] != '{' {
			o.begin = nil
		}
	}
}
