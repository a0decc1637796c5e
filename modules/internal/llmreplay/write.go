// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmreplay

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// maxHead is the most that is repeated in each event.
const maxHead = 2 << 10

// limit bounds the stream that a document becomes. What is long becomes some six times
// as long; only answers of many things that say nothing come near this.
type limit int

func limitOf(doc []byte) limit { return limit(32*len(doc) + 64<<10) }

// check refuses what has grown beyond the limit. It is asked before each thing that
// is told, so that a stream is longer by one of them at most.
func (l limit) check(dst []byte) error {
	if len(dst) > int(l) {
		return unsupported("the stream is much longer than the answer")
	}
	return nil
}

// oneLine returns a valid document without line ends.
func oneLine(doc []byte) []byte {
	if bytes.IndexByte(doc, '\n') < 0 && bytes.IndexByte(doc, '\r') < 0 {
		return bytes.TrimSpace(doc)
	}
	var b bytes.Buffer
	b.Grow(len(doc))
	if json.Compact(&b, doc) != nil {
		return doc // not reached: it is valid
	}
	return b.Bytes()
}

// appendString writes a string. Names are nearly always plain.
func appendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			quoted, err := json.Marshal(s)
			if err != nil {
				return append(dst, `""`...) // not reached: strings can be written
			}
			return append(dst, quoted...)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}

// appendMember writes a member and the comma that may have to come before it.
func appendMember(dst []byte, name string, value []byte) []byte {
	return append(appendName(dst, name), value...)
}

// appendName writes a name, its colon and the comma that may have to come before.
func appendName(dst []byte, name string) []byte {
	if n := len(dst); n > 0 && dst[n-1] != '{' && dst[n-1] != '[' && dst[n-1] != ',' {
		dst = append(dst, ',')
	}
	return append(appendString(dst, name), ':')
}

// appendText writes a member that is a string of the given content.
func appendText(dst []byte, name string, content []byte) []byte {
	dst = append(appendName(dst, name), '"')
	return append(append(dst, content...), '"')
}

func appendInt(dst []byte, name string, n int) []byte {
	return strconv.AppendInt(appendName(dst, name), int64(n), 10)
}

// appendQuoted writes the content of a string that holds p, which is JSON.
func appendQuoted(dst, p []byte) []byte {
	for _, c := range p {
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// appendElements writes an array.
func appendElements(dst []byte, elements [][]byte) []byte {
	dst = append(dst, '[')
	for i, e := range elements {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, e...)
	}
	return append(dst, ']')
}

// elements returns the elements of an array, none of what is not an array.
func elements(raw []byte) [][]byte {
	var list [][]byte
	_ = eachOf(raw, func(value []byte) error {
		list = append(list, value)
		return nil
	})
	return list
}
