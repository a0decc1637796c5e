// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitredis

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// Numbers go to the scripts and back as little-endian integers of 6 or 7 bytes: text
// would cost more, on both sides.

func append6(dst []byte, v uint64) []byte {
	return append(dst, byte(v), byte(v>>8), byte(v>>16), byte(v>>24), byte(v>>32), byte(v>>40))
}

func append7(dst []byte, v int64) []byte {
	u := uint64(v) //nolint:gosec // Never negative.
	return append(dst, byte(u), byte(u>>8), byte(u>>16), byte(u>>24), byte(u>>32), byte(u>>40), byte(u>>48))
}

// reader takes apart what a script has answered.
type reader struct {
	s     string
	short bool
}

func (r *reader) int(n int) (v int64) {
	if len(r.s) < n {
		r.s, r.short = "", true
		return 0
	}
	for i := n - 1; i >= 0; i-- {
		v = v<<8 | int64(r.s[i])
	}
	r.s = r.s[n:]
	return v
}

// Flags of what is asked.
const (
	askReserve = 1 // settle: leave word for a decision that may yet come
	askLook    = 2 // settle: clear what is old
	askHard    = 4
	askTell    = 8 // look: leave out what is reserved, which takes long where it is much
)

func appendHeader(dst []byte, flags byte, now int64, groups int) []byte {
	dst = append7(append(dst, flags), now)
	return append(dst, byte(groups)) //nolint:gosec // Checked by group.
}

// knowledge is what a gateway has seen of a counter.
type knowledge struct{ version, a, b int64 }

// appendCheck appends what the script has to know of a check.
func appendCheck(dst []byte, r *rule, flags byte, weight int64, now int64, k *knowledge) []byte {
	if k != nil {
		flags |= flagKnown
	}
	dst = append(append6(dst, r.id), byte(r.Window.Kind), flags)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(weight)) //nolint:gosec // Two's complement, as the script reads it.
	dst = append7(dst, r.Capacity())
	dst = append6(dst, uint64(r.length)) //nolint:gosec // Never negative.
	dst = append7(dst, r.Limit)
	if r.Window.Kind == limits.Calendar {
		for _, border := range r.spansAt(now) {
			dst = append7(dst, border)
		}
	}
	if k != nil {
		dst = append6(dst, uint64(k.version)) //nolint:gosec // Never negative.
		dst = append7(append7(dst, k.a), k.b)
	}
	return dst
}

// Answers of the scripts begin with one of these.
const (
	answerAdmitted  = 'A'
	answerDenied    = 'D'
	answerPlainly   = 'a' // like A, without the time
	answerRefused   = 'd' // like D, without the time
	answerEpoch     = 'E' // another epoch than the one the gateway knows, or too young
	answerSpans     = 'T' // the clocks differ: tell the spans again
	answerCancelled = 'X'
	answerSettled   = 'S'
)

var errAnswer = errors.New("redis has answered what the script does not say")

// result reads the results of one check.
func (r *reader) result(c *limits.Check, k *knowledge, looking bool) {
	c.Exceeded = r.int(1) == 1
	c.Used = r.int(7)
	c.Frees = time.Duration(r.int(7)) * time.Microsecond
	c.Slot = r.int(7)
	if c.Exceeded && c.Weight > c.Rule.Capacity() {
		c.Frees = limits.Never
	}
	if k != nil {
		r.knowledge(k)
	}
	if looking {
		c.Reserved = 0
		if held := r.int(7); c.Rule.Unit.Reserves() {
			c.Reserved = held
		}
	}
}

func (r *reader) knowledge(k *knowledge) {
	k.version, k.a, k.b = r.int(6), r.int(7), r.int(7)
}

func (r *reader) err() error {
	if r.short || r.s != "" {
		return fmt.Errorf("read answer: %w", errAnswer)
	}
	return nil
}
