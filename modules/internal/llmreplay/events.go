// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmreplay

import (
	"bytes"
	"iter"
	"slices"
)

// Events cuts a stream into its events: server-sent events with the empty line that
// ends each, or lines of JSON. Joined they are the stream, byte for byte. What cannot
// be cut, such as an array of Gemini, comes in one.
func Events(stream []byte) iter.Seq[[]byte] {
	next := eventEnd
	switch head := bytes.TrimLeft(stream, " \t\r\n"); {
	case len(head) == 0:
	case head[0] == '{':
		next = lineEnd
	case head[0] == '[':
		next = func(p []byte) int { return len(p) }
	}
	return func(yield func([]byte) bool) {
		for rest := stream; len(rest) > 0; {
			n := next(rest)
			if !yield(rest[:n:n]) {
				return
			}
			rest = rest[n:]
		}
	}
}

// lineEnd returns the length of the first line with its ending.
func lineEnd(p []byte) int {
	if k := bytes.IndexByte(p, '\n'); k >= 0 {
		return k + 1
	}
	return len(p)
}

// eventEnd returns the length of the first event with its empty line.
func eventEnd(p []byte) int {
	for i := 0; i < len(p); {
		line := p[i : i+lineEnd(p[i:])]
		i += len(line)
		if string(line) == "\n" || string(line) == "\r\n" {
			return i
		}
	}
	return len(p)
}

// eachPayload calls fn for the payload of every server-sent event until it fails. A
// line counts if its ending has come. The payload is a part of the stream or a copy
// that stays.
func eachPayload(stream []byte, fn func(data []byte) error) error {
	stream = bytes.TrimPrefix(stream, bom)
	var data []byte
	several := 0
	for len(stream) > 0 {
		n := bytes.IndexByte(stream, '\n')
		if n < 0 {
			return truncated("the last line does not end")
		}
		line := bytes.TrimSuffix(stream[:n], carriageReturn)
		stream = stream[n+1:]
		switch {
		case len(line) == 0:
			if several > 0 {
				if err := fn(data); err != nil {
					return err
				}
			}
			several = 0
		case bytes.HasPrefix(line, dataName):
			value := bytes.TrimPrefix(line[len(dataName):], space)
			switch several++; several {
			case 1:
				data = slices.Clip(value)
			default: // the first is clipped, so that it is copied
				data = append(append(data, '\n'), value...)
			}
		case bytes.IndexByte(line, '\r') >= 0:
			return unsupported("lines end in CR alone")
		}
	}
	if several > 0 {
		return fn(data)
	}
	return nil
}

// eachLine calls fn for every line that is not empty until it fails.
func eachLine(stream []byte, fn func(line []byte) error) error {
	for len(stream) > 0 {
		n := lineEnd(stream)
		if line := bytes.TrimSpace(stream[:n]); len(line) > 0 {
			if err := fn(line); err != nil {
				return err
			}
		}
		stream = stream[n:]
	}
	return nil
}

var (
	bom            = []byte("\xEF\xBB\xBF")
	dataName       = []byte("data:")
	space          = []byte(" ")
	carriageReturn = []byte("\r")
)
