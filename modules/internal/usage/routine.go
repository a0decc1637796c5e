// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package usage

import (
	"bytes"
	"encoding/binary"
)

// routine recognises the events of which a stream is full: each arrives whole and
// alone, and differs from the ones before only by a few words in the middle. They
// need no scanning and no search.
type routine struct {
	begin, end []byte // what the events have in common, line ends included; or empty
	start      int    // where the payload begins in begin
	told       bool   // the listener knows begin and end
	vain       int    // how often there was nothing in common
	head       [320]byte
	foot       [128]byte
}

// quiet is the way to see that there is nothing to be read in an event whose
// beginning tells nothing.
type quiet uint8

const (
	// neverQuiet is for formats in which the rest may always matter.
	neverQuiet quiet = iota
	// withoutBrace is for events in which a usage or an error is an object.
	withoutBrace
	// endsNotDone is for lines that say at their end that more will come.
	endsNotDone
)

const (
	// maxMiddle is the longest difference between events that are routine.
	maxMiddle = 64
	// minEnd is the shortest end: a brace and what ends the lines.
	minEnd = 3
	// maxVain is how often a stream may fail to repeat itself before it is taken
	// for one that does not.
	maxVain = 16
)

// reset forgets the events of the stream before.
func (o *routine) reset() { o.begin, o.end, o.told, o.vain = nil, nil, false, 0 }

// covers reports whether p is one event that differs from the ones before by what
// it returns, in which nothing is to be read.
func (o *routine) covers(p []byte) (middle []byte, ok bool) {
	n := len(o.begin)
	k := len(p) - n - len(o.end)
	if n == 0 || uint(k) > maxMiddle || string(p[:n]) != string(o.begin) || string(p[n+k:]) != string(o.end) { //nolint:gosec // A negative k is a large one.
		return nil, false
	}
	middle = p[n : n+k]
	var found uint64
	for n+8 <= len(p) && k >= 8 {
		found |= feedOrBrace(binary.LittleEndian.Uint64(p[n:]))
		n, k = n+8, k-8
	}
	if k > 0 {
		// A part of a word. Zero is neither line feed nor brace. The event is
		// longer than a word, so that its last one can be read.
		w := binary.LittleEndian.Uint64(p[min(n, len(p)-8):])
		w >>= 8 * max(0, n+8-len(p))
		found |= feedOrBrace(w & (1<<(8*k) - 1))
	}
	return middle, found&highs == 0
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// feedOrBrace has a high bit set if a byte of w is a line feed or an opening brace.
func feedOrBrace(w uint64) uint64 {
	x, y := w^ones*'\n', w^ones*'{'
	return (x-ones)&^x | (y-ones)&^y
}

// learn shortens beginning and end to what p has in common with them, or starts
// anew with p. The payload is that of the one event in p, in which nothing was to be
// read.
func (o *routine) learn(p, payload []byte, q quiet) {
	o.told = false
	start := cap(p) - cap(payload)
	if o.vain == maxVain || len(payload) == 0 || start < 0 || start >= len(p) || &p[start] != &payload[0] {
		o.begin = nil // the payload was put together elsewhere
		return
	}
	if o.start == start && len(o.begin) > 0 {
		o.begin = o.begin[:samePrefix(o.begin, p)]
		o.end = quietEnd(o.end[len(o.end)-min(sameSuffix(o.end, p), len(p)-len(o.begin)):], q)
		if len(o.begin) >= start+minCalm && len(o.end) >= minEnd {
			return
		}
	}
	o.vain++
	o.start = start
	o.begin = o.head[:copy(o.head[:], p)]
	o.end = o.foot[:copy(o.foot[:], p[max(0, len(p)-len(o.foot)):])]
	if o.end = quietEnd(o.end, q); len(o.begin) < start+minCalm || len(o.end) < minEnd || payload[0] != '{' {
		o.begin = nil
	}
}

// quietEnd returns as much of the end of an event as says that nothing is to be
// read in it, whatever stands before.
func quietEnd(end []byte, q quiet) []byte {
	feeds := 2
	if q == endsNotDone {
		if feeds = 1; !bytes.HasSuffix(end, notDoneLine) {
			return nil
		}
	}
	if len(end) < feeds {
		return nil
	}
	for i := len(end) - feeds - 1; i >= 0; i-- {
		if end[i] == '{' || end[i] == '\n' {
			return end[i+1:]
		}
	}
	return end
}

// samePrefix returns how long a beginning the two share.
func samePrefix(a, b []byte) (n int) {
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// sameSuffix returns how long an end the two share.
func sameSuffix(a, b []byte) (n int) {
	for n < min(len(a), len(b)) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return n
}

// payload returns the common ends of the payloads, without what ends a line.
func (o *routine) payload() (prefix, suffix []byte) {
	return o.begin[o.start:], bytes.TrimRight(o.end, "\n")
}

var notDoneLine = append(bytes.Clone(notDone), '\n')
