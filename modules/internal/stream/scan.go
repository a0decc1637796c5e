// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package stream

import "bytes"

// Write scans the next chunk and calls the sink for every payload that ends in
// it. It neither keeps nor alters p.
func (s *Scanner) Write(p []byte, sink Sink) {
	if s.delim == 0 && !s.decide(&p, sink) {
		return
	}
	fresh := s.fresh()
	for pos := 0; pos < len(p); {
		if fresh && p[pos] == s.delim {
			s.dispatch(sink) // an empty line needs no search
			pos++
			continue
		}
		end := bytes.IndexByte(p[pos:], s.delim)
		if end < 0 {
			s.hold()
			s.carry(p[pos:], sink)
			return
		}
		line := p[pos : pos+end]
		pos += end + 1
		switch {
		case !fresh || len(line) > s.limit():
			s.endLine(line, sink)
			fresh = s.fresh()
		case pos < len(p) && p[pos] == '\n' && s.delim == '\n' && !s.has && !s.spent && isData(line):
			// A data line followed by an empty one, the shape of nearly every
			// event: there is no state to keep in between.
			pos++
			sink.Event(s.name, dataOf(s.trim(line)))
			s.name = nil
		default:
			s.field(s.trim(line), sink)
		}
	}
	if s.has || len(s.name) > 0 {
		s.hold()
	}
}

// fresh reports whether a line that begins here is a field or the end of an
// event and nothing else: not the rest of a line, the first one or NDJSON.
func (s *Scanner) fresh() bool {
	return s.started && len(s.line) == 0 && !s.long && s.framing == SSE
}

// decide looks for the end of the first line, which tells how lines end. It
// reports whether p can be scanned; what is to be scanned may be less.
func (s *Scanner) decide(p *[]byte, sink Sink) bool {
	chunk := *p
	if len(chunk) == 0 {
		return false
	}
	if s.pending {
		s.pending = false
		if s.delim = '\r'; chunk[0] == '\n' {
			s.delim = '\n'
			*p = chunk[1:]
		}
		s.endLine(nil, sink)
		return true
	}
	i := firstLineEnd(chunk)
	switch {
	case i < 0:
		s.carry(chunk, sink)
		return false
	case chunk[i] == '\n':
		s.delim = '\n'
	case i+1 == len(chunk):
		// Only the next byte can tell CR from CRLF.
		s.pending = true
		s.carry(chunk[:i], sink)
		return false
	case chunk[i+1] == '\n':
		s.delim = '\n'
	default:
		s.delim = '\r'
	}
	return true
}

// firstLineEnd returns the position of the first CR or LF, or a negative number.
func firstLineEnd(p []byte) int {
	i := bytes.IndexByte(p, '\n')
	if i >= 0 {
		p = p[:i]
	}
	if cr := bytes.IndexByte(p, '\r'); cr >= 0 {
		return cr
	}
	return i
}

// Finish handles what the end of the body left over: a last line without its
// ending and an event without its empty line. The scanner needs Reset after.
func (s *Scanner) Finish(sink Sink) {
	if s.parting {
		return // cut within a payload in pieces: its last piece never came
	}
	if !s.long && len(s.line) > 0 {
		s.endLine(nil, sink)
	}
	s.dispatch(sink)
}

// carry keeps the beginning of a line whose end lies in a later chunk.
func (s *Scanner) carry(p []byte, sink Sink) {
	switch {
	case len(p) == 0:
	case s.parting:
		sink.Part(s.name, p, false)
	case s.long:
	case s.exceeds(p):
		s.overflow(p, sink)
	default:
		s.line = grow(s.line, p, s.limit()+1)
	}
}

// exceeds reports whether the current line, of which p is the newest piece, is
// beyond the bound. A CR at its end may belong to the ending.
func (s *Scanner) exceeds(p []byte) bool {
	n := len(s.line) + len(p)
	return n > s.limit() && (n > s.limit()+1 || p[len(p)-1] != '\r')
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
	case len(tail) > 0 && s.exceeds(tail):
		s.overflow(tail, sink)
		if s.parting {
			sink.Part(s.name, nil, true)
		}
		s.long, s.parting = false, false
		return
	case len(s.line) > 0:
		s.line = grow(s.line, tail, s.limit()+1)
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
	s.field(s.trim(line), sink)
}

// trim drops the other half of a CRLF, which the search for one byte leaves.
func (s *Scanner) trim(line []byte) []byte {
	switch n := len(line); {
	case n == 0:
	case s.delim == '\r':
		if line[0] == '\n' {
			return line[1:]
		}
	case line[n-1] == '\r':
		return line[:n-1]
	}
	return line
}

// overflow turns the current line, of which p is the newest piece, into one
// that is handed over in pieces if it is a payload and skipped if not.
func (s *Scanner) overflow(p []byte, sink Sink) {
	s.long = true
	head := s.line
	s.line = s.line[:0]
	if len(head) < 16 {
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
		if s.delim == '\r' {
			head = bytes.TrimPrefix(head, newline)
		}
		if !isData(head) {
			return
		}
		head = dataOf(head)
		repeated := s.has
		s.spent = true
		if repeated {
			return // one of several data lines: the event is skipped
		}
	}
	s.parting = true
	sink.Part(s.name, head, false)
	if len(p) > 0 {
		sink.Part(s.name, p, false)
	}
}

var (
	bom     = []byte("\xEF\xBB\xBF")
	newline = []byte("\n")
)
