// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package reshape

import (
	"bytes"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
)

// Stream edits the JSON payloads of server-sent events, or the lines of NDJSON, while
// they pass by: what a chunk ends leaves with that chunk. Payloads that are no JSON,
// such as [DONE], comments and everything else of an event stay as they are. Lines may
// end in LF, CRLF or CR. It is not safe for concurrent use.
type Stream struct {
	// Edited and Unedited count payloads that were edited, and those that could not
	// be, because they are longer than the bound or edits reach too much of them.
	// Malformed counts those that begin as an object or array of JSON does and are not
	// valid; words in brackets are text.
	Edited, Unedited, Malformed int

	editor Editor
	bound  *Bound
	lines  bool // NDJSON
	max    int

	held    []byte // the beginning of an event
	out     []byte
	joined  []byte // the payload of several lines
	result  []byte
	within  bool // a line has begun
	cr      bool // what came last was a CR
	begun   bool // the first event is behind
	passing bool // within an event that is too long
	grown   int  // how much longer edits have made what leaves now
}

// NewStream returns a Stream for server-sent events or, if lines is set, NDJSON. An
// event or line of more than most bytes is not edited, and no more are held.
func NewStream(b *Bound, lines bool, most int) *Stream {
	return &Stream{bound: b, lines: lines, max: most}
}

// Write takes the next chunk and returns what is to be forwarded now, which is valid
// until the next call. It neither keeps nor alters p.
func (s *Stream) Write(p []byte) []byte {
	s.out, s.grown = s.out[:0], 0
	for len(p) > 0 {
		if s.cr {
			s.cr = false
			if p[0] == '\n' { // the other half of what has ended the line
				if len(s.held) > 0 {
					s.held = append(s.held, '\n')
				} else {
					s.out = append(s.out, '\n')
				}
				p = p[1:]
				continue
			}
		}
		n := s.border(p)
		part := p
		if n > 0 {
			part = p[:n]
		}
		p = p[len(part):]
		switch {
		case s.passing:
			s.out = append(s.out, part...)
		case len(s.held)+len(part) > s.max:
			s.out = append(append(s.out, s.held...), part...)
			s.held = s.held[:0]
			s.passing = true
			s.Unedited++
		case n == 0 || len(s.held) > 0:
			s.held = append(s.held, part...)
		}
		if n == 0 {
			break
		}
		switch {
		case s.passing:
			s.passing = false
		case len(s.held) > 0:
			s.event(s.held)
			s.held = s.held[:0]
		default:
			s.event(part)
		}
		s.begun = true
	}
	return s.out
}

// Finish tells that the body has ended and returns the rest of it. An event without its
// empty line is edited as well.
func (s *Stream) Finish() []byte {
	s.out, s.grown = s.out[:0], 0
	if len(s.held) > 0 {
		s.event(s.held)
		s.held = s.held[:0]
	}
	return s.out
}

// border returns the length of what is left of the event or line, what ends it included,
// or zero if it does not end in p.
func (s *Stream) border(p []byte) int {
	if s.lines {
		return bytes.IndexByte(p, '\n') + 1
	}
	for i := 0; i < len(p); {
		length, next := cutLine(p[i:])
		if next == 0 {
			s.within = true
			return 0
		}
		empty := length == 0 && !s.within
		s.within = false
		i += next
		s.cr = i == len(p) && p[i-1] == '\r'
		if empty {
			return i
		}
	}
	return 0
}

// cutLine returns the length of the first line of p without its ending, and with it; the
// latter is zero if there is no ending.
func cutLine(p []byte) (length, next int) {
	end := bytes.IndexByte(p, '\n')
	line := p
	if end >= 0 {
		line = p[:end]
	}
	cr := bytes.IndexByte(line, '\r')
	switch {
	case cr >= 0 && cr+1 == end:
		return cr, end + 1
	case cr >= 0:
		return cr, cr + 1
	case end >= 0:
		return end, end + 1
	}
	return len(p), 0
}

// event appends an event or line, edited, to the output.
func (s *Stream) event(text []byte) {
	if s.lines {
		if s.edit(text) {
			end := len(bytes.TrimRight(text, "\r\n"))
			s.out = append(append(s.out, s.result...), text[end:]...)
			return
		}
		s.out = append(s.out, text...)
		return
	}
	payload, count := s.payload(text)
	if count == 0 || !s.edit(payload) {
		s.out = append(s.out, text...)
		return
	}
	s.appendEvent(text)
}

// edit edits a payload and reports whether it did. The result has no ending.
func (s *Stream) edit(payload []byte) bool {
	body := bytes.TrimRight(payload, "\r\n")
	first := bytes.TrimLeft(bytes.TrimPrefix(body, bom), " \t\r\n")
	if len(first) == 0 || first[0] != '{' && first[0] != '[' {
		return false
	}
	if s.grown > MaxGrowth {
		s.Unedited++
		return false
	}
	var (
		edited bool
		err    error
	)
	s.result, edited, err = s.editor.Apply(s.result[:0], body, s.bound, false)
	switch {
	case err == ErrTooMany: //nolint:errorlint // it is never wrapped
		s.Unedited++
	case err != nil && beginsJSON(first):
		s.Malformed++
	case edited:
		s.Edited++
		s.grown += max(0, len(s.result)-len(body))
	}
	return edited
}

// beginsJSON says that a text which begins with a bracket goes on as JSON may: a string, an
// array, an object, or whole literals and numbers before one of their delimiters. Words in
// brackets such as [DONE], [thinking] and [1/5] do not, nor does what is cut off before it
// could hold a member.
func beginsJSON(text []byte) bool {
	const space, delimiters = " \t\r\n", `,[]{}"`
	if text[0] == '{' {
		return true
	}
	text = text[1:]
	for first := true; ; first = false {
		text = bytes.TrimLeft(text, space)
		end := bytes.IndexAny(text, space+delimiters)
		switch {
		case end < 0:
			return false
		case end == 0:
			return !first || text[0] != ',' && text[0] != '}'
		case jsonpeek.Check(text[:end]) != nil:
			return false
		}
		text = text[end:]
	}
}

// payload returns what the data lines of an event come to, and how many there are.
func (s *Stream) payload(text []byte) (payload []byte, count int) {
	for rest := text; len(rest) > 0; {
		length, next := cutLine(rest)
		if next == 0 {
			next = length
		}
		if data, ok := s.data(rest[:length], len(rest) == len(text)); ok {
			switch count++; count {
			case 1:
				payload = data
			case 2:
				s.joined = append(s.joined[:0], payload...)
				fallthrough
			default:
				s.joined = append(append(s.joined, '\n'), data...)
				payload = s.joined
			}
		}
		rest = rest[next:]
	}
	return payload, count
}

var (
	dataName = []byte("data:")
	bom      = []byte("\xEF\xBB\xBF")
)

// data returns the value of a data line. The first line of all may have a mark before it.
func (s *Stream) data(line []byte, first bool) ([]byte, bool) {
	if first && !s.begun {
		line = bytes.TrimPrefix(line, bom)
	}
	value, ok := bytes.CutPrefix(line, dataName)
	if ok && len(value) > 0 && value[0] == ' ' {
		value = value[1:]
	}
	return value, ok
}

// appendEvent appends an event with the result in place of its data lines.
func (s *Stream) appendEvent(text []byte) {
	done := false
	for rest := text; len(rest) > 0; {
		length, next := cutLine(rest)
		if next == 0 {
			next = length
		}
		data, ok := s.data(rest[:length], len(rest) == len(text))
		switch {
		case !ok:
			s.out = append(s.out, rest[:next]...)
		case !done:
			done = true
			name, ending := rest[:length-len(data)], rest[length:next]
			if len(ending) == 0 {
				ending = []byte("\n")
			}
			for i, line := range bytes.Split(s.result, []byte("\n")) {
				if i > 0 {
					s.out = append(s.out, ending...)
					name = dataName
				}
				s.out = append(append(s.out, name...), line...)
			}
			s.out = append(s.out, rest[length:next]...)
		}
		rest = rest[next:]
	}
}
