// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package usage

import (
	"bytes"

	"github.com/caddy-gateway/tollgate/modules/internal/stream"
)

// What is found here is a hint that a payload matters. Text cannot pass for a
// member, because quotes in it are escaped, but members deeper inside can: the
// payload is parsed before anything is believed.

// speaksOfUsage reports whether the payload seems to hold a usage or an error
// object, or begins with an error of any type. It hops from brace to brace, of
// which an event has few, and looks back: searching for the names costs several
// times as much, because they are made of the most common letters.
//
// What precedes a brace decides about it. A payload that begins like an earlier
// one needs to be searched only from where they part, and those of a stream
// differ by little but the delivered words.
func (m *Meter) speaksOfUsage(data []byte) bool {
	if k := m.calm.n; k > 0 && k <= len(data) && string(data[:k]) == string(m.calm.head[:k]) {
		return opensUsage(data, k)
	}
	if len(data) == 0 {
		return false
	}
	if first := skipSpace(data[1:]); len(first) > 1 && first[1] == 'e' && bytes.HasPrefix(first, errorName) {
		return true
	}
	if opensUsage(data, 1) {
		return true
	}
	m.calm.learn(data)
	return false
}

// calm is a beginning in which nothing speaks of usage.
type calm struct {
	n    int // how much of head that is, or zero
	head [256]byte
}

// minCalm is the shortest beginning that is worth its comparison. It is also
// longer than an error object at the beginning of a payload needs to be seen.
const minCalm = 32

// learn shortens the beginning to what the payload, which does not speak of
// usage, has in common with it. If that is next to nothing, it starts anew.
func (c *calm) learn(data []byte) {
	if c.n = stream.CommonPrefix(c.head[:c.n], data); c.n < minCalm {
		if c.n = copy(c.head[:], data); c.n < minCalm || c.head[1] != '"' {
			c.n = 0
		}
	}
}

// opensUsage reports whether a brace at or after i opens a usage or an error
// object.
func opensUsage(data []byte, i int) bool {
	for ; i < len(data); i++ {
		j := bytes.IndexByte(data[i:], '{')
		if j < 0 {
			return false
		}
		i += j
		k := lastVisible(data, i-1)
		if k < 0 || data[k] != ':' {
			continue
		}
		if k = lastVisible(data, k-1); k < 5 || data[k] != '"' {
			continue
		}
		switch string(data[k-5 : k]) {
		case "usage", "error":
			return true
		}
	}
	return false
}

// lastVisible returns the position of the last byte up to i that is not white
// space, or a negative number.
func lastVisible(data []byte, i int) int {
	for i >= 0 && (data[i] == ' ' || data[i] == '\t' || data[i] == '\n' || data[i] == '\r') {
		i--
	}
	return i
}

// speaksOfDone reports whether a line of Ollama's seems to be the last one or an
// error. Its own lines end in "done":false while there is more to come.
func speaksOfDone(data []byte) bool {
	if bytes.HasSuffix(data, notDone) {
		return false
	}
	if bytes.Contains(data, errorName) {
		return true
	}
	for {
		_, rest, ok := bytes.Cut(data, doneName)
		if !ok {
			return false
		}
		data = rest
		if rest, ok = bytes.CutPrefix(skipSpace(rest), colon); ok && bytes.HasPrefix(skipSpace(rest), trueWord) {
			return true
		}
	}
}

// eventType returns the value of the member "type" if the payload begins with
// it, as those of OpenAI responses and Anthropic do, or nil.
func eventType(data []byte) []byte {
	for _, token := range typeTokens {
		data = skipSpace(data)
		rest, ok := bytes.CutPrefix(data, token)
		if !ok {
			return nil
		}
		data = rest
	}
	end := bytes.IndexByte(data, '"')
	if end < 0 {
		return nil
	}
	return data[:end]
}

// skipSpace drops leading white space.
func skipSpace(p []byte) []byte {
	for len(p) > 0 && (p[0] == ' ' || p[0] == '\t' || p[0] == '\n' || p[0] == '\r') {
		p = p[1:]
	}
	return p
}

var (
	openBrace  = []byte(`{`)
	colon      = []byte(`:`)
	trueWord   = []byte(`true`)
	errorName  = []byte(`"error"`)
	doneName   = []byte(`"done"`)
	notDone    = []byte(`"done":false}`)
	typeTokens = [][]byte{openBrace, []byte(`"type"`), colon, []byte(`"`)}
)
