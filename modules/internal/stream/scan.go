// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package stream

import "bytes"

// Write scans the next chunk and calls the sink for every payload that ends in
// it. It neither keeps nor alters p.
func (s *Scanner) Write(p []byte, sink Sink) {
	if s.skipLF && len(p) > 0 {
		s.skipLF = false
		if p[0] == '\n' {
			p = p[1:]
		}
	}
	// A body without any CR, the common one, is searched for it once per chunk
	// instead of once per line.
	cr := s.framing == SSE && bytes.IndexByte(p, '\r') >= 0
	lf := -1 // position of the next LF; len(p) when there is none
	for pos := 0; pos < len(p); {
		if lf < pos {
			if lf = bytes.IndexByte(p[pos:], '\n'); lf < 0 {
				lf = len(p)
			} else {
				lf += pos
			}
		}
		end, next := lf, lf+1
		if cr {
			if r := bytes.IndexByte(p[pos:lf], '\r'); r >= 0 {
				end, next = pos+r, pos+r+1
				if next == lf && lf < len(p) {
					next++ // CRLF is one ending
				}
				s.skipLF = next == len(p) && p[next-1] == '\r'
			}
		}
		if end == len(p) {
			s.hold()
			s.carry(p[pos:], sink)
			return
		}
		s.endLine(p[pos:end], sink)
		pos = next
	}
	s.hold()
}

// Finish handles what the end of the body left over: a last line without its
// ending and an event without its empty line. The scanner needs Reset after.
func (s *Scanner) Finish(sink Sink) {
	if !s.long && len(s.line) > 0 {
		s.endLine(nil, sink)
	} else if s.parting {
		return // cut within a payload in pieces: its last piece never came
	}
	s.dispatch(sink)
}

// carry keeps the beginning of a line whose end lies in a later chunk.
func (s *Scanner) carry(p []byte, sink Sink) {
	if !s.long && len(s.line)+len(p) <= s.limit() {
		s.line = grow(s.line, p, s.limit())
		return
	}
	if !s.long {
		s.overflow(p, sink)
	} else if s.parting {
		sink.Part(s.name, p, false)
	}
}

// endLine completes the current line with its last bytes.
func (s *Scanner) endLine(tail []byte, sink Sink) {
	line := tail
	switch {
	case s.long:
		if s.parting {
			sink.Part(s.name, tail, true)
		}
		s.long, s.parting = false, false
		return
	case len(s.line)+len(tail) > s.limit():
		s.overflow(tail, sink)
		if s.parting {
			sink.Part(s.name, nil, true)
		}
		s.long, s.parting = false, false
		return
	case len(s.line) > 0:
		s.line = grow(s.line, tail, s.limit())
		line = s.line
		// The line stays readable until the next carry, and hold comes first.
		s.line = s.line[:0]
	}
	if !s.started {
		s.started = true
		line = bytes.TrimPrefix(line, bom)
	}
	if s.framing == NDJSON {
		if line = bytes.Trim(line, " \t\r"); len(line) > 0 {
			sink.Event(nil, line)
		}
		return
	}
	s.field(line, sink)
}

// overflow turns the current line, of which p is the newest piece, into one
// that is handed over in pieces if it is a payload and skipped if not.
func (s *Scanner) overflow(p []byte, sink Sink) {
	s.long = true
	head := s.line
	s.line = s.line[:0]
	if len(head) < len(dataPrefix)+len(bom)+1 {
		// Too little to tell the field: look at both together.
		n := min(len(p), 16)
		head = append(append(make([]byte, 0, 32), head...), p[:n]...)
		p = p[n:]
	}
	if !s.started {
		s.started = true
		head = bytes.TrimPrefix(head, bom)
	}
	if s.framing == SSE {
		rest, ok := bytes.CutPrefix(head, dataPrefix)
		if !ok {
			return
		}
		s.spent = true
		if s.has {
			return // one of several data lines: the event is skipped
		}
		head = bytes.TrimPrefix(rest, space)
	}
	s.parting = true
	sink.Part(s.name, head, false)
	if len(p) > 0 {
		sink.Part(s.name, p, false)
	}
}

var (
	bom        = []byte("\xEF\xBB\xBF")
	dataPrefix = []byte("data:")
	space      = []byte(" ")
)
