// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmreplay

import (
	"encoding/json"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
)

// reply is a message of Anthropic that is being put together.
type reply struct {
	object  object
	blocks  []*block
	started bool
	reason  bool // why it stopped is known
	stopped bool
}

// block is a content block.
type block struct {
	object object
	input  []byte // pieces of the JSON of a tool's input, as content of a string
	closed bool
}

// wholeMessage puts the events of a message together: its start, each content block
// with its deltas, the reason why it stopped with the final usage, and its stop.
// See https://docs.anthropic.com/en/docs/build-with-claude/streaming.
func wholeMessage(stream []byte) ([]byte, error) {
	var r reply
	if err := eachPayload(stream, r.event); err != nil {
		return nil, err
	}
	if !r.stopped {
		return nil, truncated("no message_stop")
	}
	items := make([]*object, len(r.blocks))
	for i, b := range r.blocks {
		items[i] = &b.object
	}
	if err := r.object.array(contentName, items); err != nil {
		return nil, err
	}
	return r.object.append(make([]byte, 0, r.object.size())), nil
}

func (r *reply) event(data []byte) error {
	var out [6][]byte
	if err := eventFields.read(data, out[:]); err != nil {
		return err
	}
	kind, index, delta := out[0], out[1], out[2]
	switch string(content(kind)) {
	case "ping":
		return nil
	case "error":
		return failed("an event is an error")
	}
	if r.stopped {
		return malformed("an event after message_stop")
	}
	switch string(content(kind)) {
	case "message_start":
		if r.started {
			return malformed("two messages")
		}
		r.started = true
		return each(out[3], r.start)
	case "content_block_start":
		return r.open(index, out[4])
	case "content_block_delta":
		b, err := r.block(index)
		if err != nil {
			return err
		}
		return b.delta(delta)
	case "content_block_stop":
		b, err := r.block(index)
		if err != nil {
			return err
		}
		return b.close()
	case "message_delta":
		return each(data, r.delta)
	case "message_stop":
		return r.stop()
	}
	return unsupported("an event of an unknown kind")
}

// start takes over a member of the message that has no content yet.
func (r *reply) start(name, value []byte) error {
	switch string(name) {
	case "content":
		if len(elements(value)) > 0 {
			return unsupported("a message starts with content")
		}
		return r.object.set(name, value)
	case "usage":
		return r.usage(name, value)
	}
	return r.object.set(name, value)
}

func (r *reply) usage(name, value []byte) error {
	if jsonpeek.IsNull(value) {
		_, err := r.object.member(name)
		return err
	}
	u, err := r.object.object(name)
	if err != nil {
		return err
	}
	return each(value, u.keep)
}

// delta takes over a member of a message_delta. Its usage is not added: it says what
// there has been so far.
func (r *reply) delta(name, value []byte) error {
	switch string(name) {
	case "type":
		return nil
	case "usage":
		return r.usage(name, value)
	case "delta":
		return each(value, func(name, value []byte) error {
			if string(name) == "stop_reason" && !jsonpeek.IsNull(value) {
				r.reason = true
			}
			return r.object.keep(name, value)
		})
	}
	return r.object.keep(name, value)
}

func (r *reply) stop() error {
	r.stopped = true
	if !r.started || !r.reason {
		return truncated("the message has no beginning or no stop reason")
	}
	for _, b := range r.blocks {
		if !b.closed {
			return truncated("a content block does not stop")
		}
	}
	return nil
}

// open starts the next content block, at an index.
func (r *reply) open(raw, first []byte) error {
	index, ok := jsonpeek.Int(raw)
	if !ok || index != int64(len(r.blocks)) || !r.started {
		return malformed("a content block starts out of order")
	}
	b := &block{}
	r.blocks = append(r.blocks, b)
	return each(first, func(name, value []byte) error {
		switch {
		case value[0] == '"' && (string(name) == "text" || string(name) == "thinking" || string(name) == "signature"):
			return b.object.text(name, value)
		case value[0] == '[' && string(name) == "citations":
			return b.object.list(name, value)
		}
		return b.object.set(name, value)
	})
}

func (r *reply) block(raw []byte) (*block, error) {
	index, ok := jsonpeek.Int(raw)
	if !ok || index < 0 || index >= int64(len(r.blocks)) || r.blocks[index].closed {
		return nil, malformed("an event of a content block that is not open")
	}
	return r.blocks[index], nil
}

// delta adds a piece to a content block.
func (b *block) delta(raw []byte) error {
	var out [6][]byte
	if raw == nil {
		return malformed("an event has no delta")
	}
	if err := deltaFields.read(raw, out[:]); err != nil {
		return err
	}
	value := out[0]
	name := textName
	switch kind := out[1]; string(content(kind)) {
	case "text_delta":
	case "thinking_delta":
		name, value = thinkingName, out[2]
	case "signature_delta":
		name, value = signedName, out[3]
	case "input_json_delta":
		b.input = append(b.input, content(out[4])...)
		return nil
	case "citations_delta":
		if jsonpeek.IsNull(out[5]) {
			return malformed("a citation is missing")
		}
		return b.object.elements(citationsName, out[5])
	default:
		return unsupported("a delta of an unknown kind")
	}
	if jsonpeek.IsNull(value) {
		return malformed("a delta has no text")
	}
	return b.object.text(name, value)
}

// close ends a content block.
func (b *block) close() error {
	b.closed = true
	if len(b.input) == 0 {
		return nil
	}
	quoted := append(append([]byte{'"'}, b.input...), '"')
	input, ok := jsonpeek.String(quoted)
	if !ok || !json.Valid([]byte(input)) {
		return malformed("the input of a tool is not JSON")
	}
	return b.object.set([]byte("input"), []byte(input))
}

var (
	eventFields = newFields("type", "index", "delta", "message", "content_block", "usage")
	deltaFields = newFields("text", "type", "thinking", "signature", "partial_json", "citation")

	contentName   = []byte("content")
	thinkingName  = []byte("thinking")
	signedName    = []byte("signature")
	citationsName = []byte("citations")
)
