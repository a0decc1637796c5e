// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package stream splits server-sent events and newline-delimited JSON into
// payloads while the bytes pass by.
//
// A [Scanner] is fed with chunks cut anywhere and hands every payload to a
// [Sink]. It copies nothing as long as an event lies within one chunk: the
// payload then is a part of that chunk. Only what spans chunks is carried over
// in a buffer that is allocated on first need and reused after. No event costs
// an allocation.
//
// The scanner reads events the way the WHATWG HTML standard (section 9.2.6)
// says: LF, CRLF and CR end a line, one space after the colon is dropped,
// several data lines are joined by LF, a leading byte order mark is dropped, an
// empty line dispatches. It deviates where a meter gains from it: an event at
// the end of the body without its empty line still counts, and the first line
// decides whether lines end in CR alone or not, as no server mixes the two.
package stream

// MaxLine is the longest line, in bytes without its ending, that is buffered. A
// longer one reaches the sink in pieces, so memory stays bounded: a scanner
// holds at most MaxLine for an unfinished line, MaxLine for an event whose
// empty line is still to come, and maxName for its name.
const MaxLine = 1 << 20

const (
	maxName  = 128      // longer event names are treated as absent
	keepSize = 64 << 10 // larger buffers are given up on Reset
)

// Framing says how payloads are separated.
type Framing uint8

const (
	// SSE is text/event-stream.
	SSE Framing = iota
	// NDJSON is one JSON document per line, ended by LF or CRLF.
	NDJSON
)

// Sink receives payloads. The slices are valid only during the call.
type Sink interface {
	// Event receives one whole payload: the data of a server-sent event, or a
	// line of NDJSON. The name is empty unless the event carried one.
	Event(name, data []byte)

	// Part receives a payload longer than MaxLine, piece by piece in order;
	// last marks the final piece, which may be empty or, in NDJSON, end in CR.
	// When the stream ends within such a payload, no last piece comes. An event
	// that is too long over several data lines is skipped.
	Part(name, data []byte, last bool)
}

// Scanner splits a stream. The zero value reads server-sent events. It is not
// safe for concurrent use.
type Scanner struct {
	framing Framing
	max     int // line bound, at least 16; zero means MaxLine

	line    []byte // beginning of a line whose end has not come yet
	long    bool   // the current line exceeded the bound
	parting bool   // its payload is being handed over in pieces
	delim   byte   // what ends a line, LF or CR; zero until the first line did
	pending bool   // the first line ended in CR, and what follows is not known yet
	started bool   // the first line is behind, so no byte order mark can come

	// The event being assembled aliases the chunk or the line until hold.
	data     []byte
	name     []byte
	held     []byte // copy of data once the event spans chunks or has several data lines
	has      bool   // a data field was seen since the last dispatch
	split    bool   // data is a multi-line payload that lives in held
	heldName []byte // copy of name, likewise

	spent bool // the event was handed over in pieces, or is to be skipped
}

// Reset prepares the scanner for a new stream and keeps its buffers, unless
// they have grown large.
func (s *Scanner) Reset(f Framing) {
	line, held := s.line[:0], s.held[:0]
	if cap(line) > keepSize {
		line = nil
	}
	if cap(held) > keepSize {
		held = nil
	}
	*s = Scanner{framing: f, max: s.max, line: line, held: held, heldName: s.heldName}
	if f == NDJSON {
		s.delim = '\n'
	}
}

// Between reports whether the stream stands between two payloads and its lines end
// in LF, with or without a CR before it: what comes next begins a payload.
func (s *Scanner) Between() bool {
	return s.delim == '\n' && len(s.line) == 0 && !s.long && !s.has && !s.spent && len(s.name) == 0 &&
		(s.started || s.framing == NDJSON)
}

// limit returns the line bound in force.
func (s *Scanner) limit() int {
	if s.max > 0 {
		return s.max
	}
	return MaxLine
}

// grow appends p to b, never reserving more than limit plus what is needed.
func grow(b, p []byte, limit int) []byte {
	need := len(b) + len(p)
	if need <= cap(b) {
		return append(b, p...)
	}
	size := max(min(2*cap(b), limit), need, 512)
	n := make([]byte, len(b), size)
	copy(n, b)
	return append(n, p...)
}
