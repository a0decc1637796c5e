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
	if err := valid(data); err != nil {
		return err
	}
	kind := memberOf(data, "type")
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
		return each(memberOf(data, "message"), r.start)
	case "content_block_start":
		return r.open(data)
	case "content_block_delta":
		b, err := r.block(data)
		if err != nil {
			return err
		}
		return b.delta(memberOf(data, "delta"))
	case "content_block_stop":
		b, err := r.block(data)
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

// open starts the next content block.
func (r *reply) open(data []byte) error {
	index, ok := jsonpeek.Int(memberOf(data, "index"))
	if !ok || index != int64(len(r.blocks)) || !r.started {
		return malformed("a content block starts out of order")
	}
	b := &block{}
	r.blocks = append(r.blocks, b)
	return each(memberOf(data, "content_block"), func(name, value []byte) error {
		switch {
		case value[0] == '"' && (string(name) == "text" || string(name) == "thinking" || string(name) == "signature"):
			return b.object.text(name, value)
		case value[0] == '[' && string(name) == "citations":
			return b.object.list(name, value)
		}
		return b.object.set(name, value)
	})
}

func (r *reply) block(data []byte) (*block, error) {
	index, ok := jsonpeek.Int(memberOf(data, "index"))
	if !ok || index < 0 || index >= int64(len(r.blocks)) || r.blocks[index].closed {
		return nil, malformed("an event of a content block that is not open")
	}
	return r.blocks[index], nil
}

// delta adds a piece to a content block.
func (b *block) delta(raw []byte) error {
	name := ""
	switch string(content(memberOf(raw, "type"))) {
	case "text_delta":
		name = "text"
	case "thinking_delta":
		name = "thinking"
	case "signature_delta":
		name = "signature"
	case "input_json_delta":
		b.input = append(b.input, content(memberOf(raw, "partial_json"))...)
		return nil
	case "citations_delta":
		citation := memberOf(raw, "citation")
		if jsonpeek.IsNull(citation) {
			return malformed("a citation is missing")
		}
		return b.object.elements([]byte("citations"), citation)
	default:
		return unsupported("a delta of an unknown kind")
	}
	value := memberOf(raw, name)
	if jsonpeek.IsNull(value) {
		return malformed("a delta has no " + name)
	}
	return b.object.text([]byte(name), value)
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

// memberOf returns the value of a member, or nil.
func memberOf(raw []byte, name string) []byte {
	var found []byte
	_ = each(raw, func(n, value []byte) error {
		if string(n) == name {
			found = value
		}
		return nil
	})
	return found
}

var contentName = []byte("content")
