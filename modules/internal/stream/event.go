// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package stream

// field interprets one line of a server-sent event.
func (s *Scanner) field(line []byte, sink Sink) {
	if len(line) == 0 {
		s.dispatch(sink)
		return
	}
	switch line[0] {
	case 'd':
		if isData(line) {
			s.addData(dataOf(line))
		} else if string(line) == "data" {
			s.addData(nil)
		}
	case 'e':
		if value, ok := fieldValue(line, "event"); ok {
			if s.name = nil; len(value) <= maxName {
				s.name = value
			}
		}
	}
}

// isData reports whether the line is a data field.
func isData(line []byte) bool {
	return len(line) >= 5 && string(line[:5]) == "data:"
}

// dataOf returns the value of a data field.
func dataOf(line []byte) []byte {
	if len(line) > 5 && line[5] == ' ' {
		return line[6:]
	}
	return line[5:]
}

// fieldValue returns the value of the line if it is the named field.
func fieldValue(line []byte, name string) ([]byte, bool) {
	if len(line) < len(name) || string(line[:len(name)]) != name {
		return nil, false
	}
	line = line[len(name):]
	if len(line) == 0 {
		return line, true // a field without colon has the empty value
	}
	if line[0] != ':' {
		return nil, false
	}
	line = line[1:]
	if len(line) > 0 && line[0] == ' ' {
		line = line[1:]
	}
	return line, true
}

// addData adds a data line to the event.
func (s *Scanner) addData(value []byte) {
	if !s.has {
		s.has, s.data = true, value
		return
	}
	if !s.split {
		s.split = true
		s.held = grow(s.held[:0], s.data, s.limit())
	}
	if len(s.held)+1+len(value) > s.limit() {
		s.spent = true // beyond the bound together: skipped
		return
	}
	s.held = grow(s.held, newline, s.limit())
	s.held = grow(s.held, value, s.limit())
	s.data = s.held
}

// hold copies the unfinished event out of the chunk (or of the line buffer),
// because neither outlives the call.
func (s *Scanner) hold() {
	if len(s.name) > 0 {
		s.heldName = append(s.heldName[:0], s.name...)
		s.name = s.heldName
	}
	if s.has && !s.split {
		s.split = true
		s.held = grow(s.held[:0], s.data, s.limit())
		s.data = s.held
	}
}

// dispatch hands the assembled event over and starts the next one.
func (s *Scanner) dispatch(sink Sink) {
	if s.has {
		if !s.spent {
			sink.Event(s.name, s.data)
		}
		s.has, s.split, s.data = false, false, nil
		s.held = s.held[:0]
	}
	s.spent = false
	s.name = nil
}
