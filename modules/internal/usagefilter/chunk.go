// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package usagefilter

import (
	"bytes"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonedit"
)

// chunk is how the payloads of a stream begin, up to the first choice. Servers
// that say "usage":null say it in every chunk, and begin all chunks of a stream
// alike. To know that a payload is a chunk with a choice it then need not be
// read.
type chunk struct {
	n    int // how much of head that is, or zero
	head [512]byte
}

var choicesName = []byte(`"choices"`)

// learn takes over the beginning of a payload that is a chunk.
func (c *chunk) learn(payload []byte) {
	c.n = 0
	at := bytes.Index(payload, choicesName)
	if at < 0 {
		return
	}
	// A choice may hold the name as well, so it must be that of the object.
	value, _, ok := jsonedit.Member(payload, at)
	if ok && payload[value] == '[' && value < len(c.head) {
		c.n = copy(c.head[:], payload[:value+1])
	}
}

// hasChoice reports whether a payload is known to be a chunk with a choice. If
// not, it may be one.
func (c *chunk) hasChoice(payload []byte) bool {
	return c.n > 0 && len(payload) > c.n && payload[c.n] == '{' && string(payload[:c.n]) == string(c.head[:c.n])
}
