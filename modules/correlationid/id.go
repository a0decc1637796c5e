// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package correlationid

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// MaxLength is how long an accepted id may be, in bytes.
const MaxLength = 128

// acceptable returns the id that a client sent, or "" if it sent none or one
// that is unfit for logs: whoever reads a log line must be able to trust where
// the id ends.
func acceptable(values []string) string {
	if len(values) != 1 {
		return ""
	}
	id := values[0]
	if id == "" || len(id) > MaxLength || id[0] == ' ' || id[len(id)-1] == ' ' {
		return ""
	}
	for i := range len(id) {
		switch c := id[i]; {
		case c == '"' || c == '\'' || c == '`' || c == '\\':
			return ""
		case c == ' ' && id[i-1] == ' ':
			return ""
		case c < ' ' || c > '~':
			return ""
		}
	}
	return id
}

// Generator is a way of making ids.
type Generator string

// The generators.
const (
	// UUID7 makes UUIDs of version 7 (RFC 9562), which sort by time.
	UUID7 Generator = "uuid7"
	// UUID4 makes random UUIDs.
	UUID4 Generator = "uuid4"
	// Counter makes one random UUID when the configuration is loaded and
	// appends "#" and a number that counts up from 1.
	Counter Generator = "uuid#counter"
)

var generators = [...]Generator{UUID7, UUID4, Counter}

// compile returns the function that makes the id of a request that began at a
// moment. It is safe for concurrent use.
func (g Generator) compile() func(at time.Time) string {
	switch g {
	case UUID4:
		return newUUID4
	case Counter:
		prefix := newUUID4(time.Now()) + "#"
		count := new(atomic.Uint64)
		return func(time.Time) string { return prefix + strconv.FormatUint(count.Add(1), 10) }
	default:
		return state.NewID
	}
}

func newUUID4(at time.Time) string {
	id, err := uuid.NewRandom()
	if err != nil {
		return state.NewID(at) // tells requests apart without randomness
	}
	return id.String()
}
