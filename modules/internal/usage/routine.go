// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package usage

import (
	"bytes"
	"encoding/binary"

	"github.com/caddy-gateway/tollgate/modules/internal/stream"
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
	tail       [maxEnd]byte
	foot       foot // end, for comparison
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
	// maxEnd is how much of an end is compared: the more, the less is taken for new.
	// No beginning is shorter.
	maxEnd = 48
	// maxVain is how often a stream may fail to repeat itself before it is taken
	// for one that does not.
	maxVain = 16
)

// reset forgets the events of the stream before.
func (o *routine) reset() { o.begin, o.end, o.told, o.vain = nil, nil, false, 0 }

// covers reports whether p is one event that differs from the ones before only by
// what stands between begin and end, and in which nothing is to be read.
func (o *routine) covers(p []byte) bool {
	from, to := len(o.begin), len(p)-len(o.end)
	if uint(to-from) > maxMiddle || from < maxEnd { //nolint:gosec // A negative length is a large one.
		return false
	}
	found := o.foot.differs((*[maxEnd]byte)(p[len(p)-maxEnd:]))
	i := from
	for ; i+8 <= to; i += 8 {
		found |= feedOrBrace(binary.LittleEndian.Uint64(p[i:])) & highs
	}
	if i < to { // a part of a word, without what stands before it
		found |= feedOrBrace(binary.LittleEndian.Uint64(p[to-8:])>>(8*uint(i+8-to)&63)) & highs
	}
	return found == 0 && string(p[:from]) == string(o.begin)
}

// foot is an end of at most maxEnd bytes in words, and which of their bits count.
type foot struct{ words, masks [maxEnd / 8]uint64 }

// set takes over an end.
func (f *foot) set(end []byte) {
	var text, mask [maxEnd]byte
	copy(text[maxEnd-len(end):], end)
	for i := maxEnd - len(end); i < maxEnd; i++ {
		mask[i] = 0xff
	}
	for i := range f.words {
		f.words[i] = binary.LittleEndian.Uint64(text[8*i:])
		f.masks[i] = binary.LittleEndian.Uint64(mask[8*i:])
	}
}

// differs is zero if p ends like that. It is unrolled, because a comparison of so few
// bytes takes longer to call than to do.
func (f *foot) differs(p *[maxEnd]byte) uint64 {
	return (binary.LittleEndian.Uint64(p[0:])^f.words[0])&f.masks[0] |
		(binary.LittleEndian.Uint64(p[8:])^f.words[1])&f.masks[1] |
		(binary.LittleEndian.Uint64(p[16:])^f.words[2])&f.masks[2] |
		(binary.LittleEndian.Uint64(p[24:])^f.words[3])&f.masks[3] |
		(binary.LittleEndian.Uint64(p[32:])^f.words[4])&f.masks[4] |
		(binary.LittleEndian.Uint64(p[40:])^f.words[5])&f.masks[5]
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
		o.begin = o.begin[:stream.CommonPrefix(o.begin, p)]
		o.end = quietEnd(o.end[len(o.end)-min(stream.CommonSuffix(o.end, p), len(p)-len(o.begin)):], q)
		if len(o.begin) >= max(start+minCalm, maxEnd) && len(o.end) >= minEnd {
			o.foot.set(o.end)
			return
		}
	}
	o.vain++
	o.start = start
	o.begin = o.head[:copy(o.head[:], p)]
	o.end = o.tail[:copy(o.tail[:], p[max(0, len(p)-len(o.tail)):])]
	if o.end = quietEnd(o.end, q); len(o.begin) < max(start+minCalm, maxEnd) || len(o.end) < minEnd || payload[0] != '{' {
		o.begin = nil
	}
	o.foot.set(o.end)
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

// payload returns the common ends of the payloads, without what ends a line.
func (o *routine) payload() (prefix, suffix []byte) {
	return o.begin[o.start:], bytes.TrimRight(o.end, "\n")
}

var notDoneLine = append(bytes.Clone(notDone), '\n')
