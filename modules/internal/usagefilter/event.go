// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package usagefilter

import (
	"bytes"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonedit"
	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
)

// action is what is to be done with an event.
type action uint8

const (
	keep   action = iota // let it pass
	remove               // take the member usage out of its payload
	drop                 // take it out of the stream
)

// edit says what is to be done with an event, and where its payload is if that
// lies in one line.
type edit struct {
	action   action
	from, to int
	member   int // of remove: where in the payload the only such member is, or -1
}

const usageMember = "usage"

var (
	dataName       = []byte("data:")
	bom            = []byte("\xEF\xBB\xBF")
	carriageReturn = []byte("\r")
)

// findUsage returns the position of the member name "usage", quotes included, or
// a negative number. It looks for the one letter of it that is rare: a search for
// the whole stops at every quote, of which events are full.
func findUsage(p []byte) int {
	const before, after = len(`"usa`), len(`ge"`)
	for i := before; i < len(p); i++ {
		k := bytes.IndexByte(p[i:], 'g')
		if k < 0 {
			break
		}
		if i += k; i+after <= len(p) && string(p[i-before:i+after]) == `"usage"` {
			return i - before
		}
	}
	return -1
}

// inspect decides about an event in which the name is first found at a position.
func (f *Filter) inspect(event []byte, name int) edit {
	if len(event) > MaxEvent {
		return edit{}
	}
	var e edit
	count := 0
	for pos := 0; pos < len(event); {
		line, next := cutLine(event, pos)
		if pos == 0 && bytes.HasPrefix(line, bom) {
			pos, line = len(bom), line[len(bom):]
		}
		if bytes.HasPrefix(line, dataName) {
			from, to := pos+len(dataName), pos+len(line)
			if from < to && event[from] == ' ' {
				from++
			}
			switch count++; count {
			case 1:
				e.from, e.to = from, to
			case 2:
				f.joined = append(f.joined[:0], event[e.from:e.to]...)
				fallthrough
			default:
				f.joined = append(append(f.joined, '\n'), event[from:to]...)
			}
		}
		pos = next
	}
	switch count {
	case 0:
	case 1:
		e.member = -1
		payload := event[e.from:e.to]
		if name -= e.from; name >= 0 && f.chunk.hasChoice(payload[:min(len(payload), name)]) && findUsage(payload[name+1:]) < 0 {
			e.action, e.member = remove, name
		} else if e.action = decide(payload); e.action == remove {
			f.chunk.learn(payload)
		}
	default:
		if decide(f.joined) == drop {
			e.action = drop
		}
	}
	return e
}

// cutLine returns the line at pos without its ending, and where the next one
// begins.
func cutLine(event []byte, pos int) (line []byte, next int) {
	next = len(event)
	line = event[pos:]
	if k := bytes.IndexByte(line, '\n'); k >= 0 {
		next = pos + k + 1
		line = line[:k]
	}
	return bytes.TrimSuffix(line, carriageReturn), next
}

// decide decides about a payload.
func decide(payload []byte) action {
	var hasUsage, hasFigures, hasChoices, hasChoice, hasError bool
	err := jsonpeek.Object(payload, func(name, value []byte) bool {
		switch string(name) {
		case usageMember:
			hasUsage = true
			hasFigures = hasFigures || value[0] == '{'
		case "choices":
			hasChoices = true
			hasChoice = hasChoice || !jsonpeek.IsNull(value) && !isEmptyArray(value)
		case "error":
			hasError = hasError || !jsonpeek.IsNull(value)
		}
		return true
	})
	switch {
	case err != nil || !hasUsage || !hasChoices:
		return keep
	case hasFigures && !hasChoice && !hasError:
		return drop
	}
	return remove
}

func isEmptyArray(value []byte) bool {
	return value[0] == '[' && len(bytes.TrimSpace(value[1:])) == 1
}

// apply appends the edited event to the output. It returns false, and appends
// nothing, if the event is to pass or its payload cannot be followed.
func (f *Filter) apply(event []byte, e edit) bool {
	if e.action == keep {
		return false
	}
	if e.action == drop {
		f.appendComments(event)
		return true
	}
	was := len(f.out)
	if e.member >= 0 {
		out, ok := jsonedit.AppendWithoutAt(append(f.out, event[:e.from]...), event[e.from:e.to], e.member)
		if ok {
			f.out = append(out, event[e.to:]...)
			return true
		}
		if decide(event[e.from:e.to]) != remove { // it is a member of a member
			return false
		}
	}
	out, err := jsonedit.AppendWithout(append(f.out, event[:e.from]...), event[e.from:e.to], usageMember)
	if err != nil {
		f.out = out[:was]
		return false
	}
	f.out = append(out, event[e.to:]...)
	return true
}

// appendComments appends the comments of an event. What else it has, such as a
// name, goes with the payload: some clients take an event without one for an
// empty one.
func (f *Filter) appendComments(event []byte) {
	for pos := 0; pos < len(event); {
		_, next := cutLine(event, pos)
		if event[pos] == ':' {
			f.out = append(f.out, event[pos:next]...)
		}
		pos = next
	}
}
