// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmreplay

import "github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"

// lines is an answer of Ollama that is being put together.
type lines struct {
	object  object
	message object
	chat    bool
	done    bool
}

// wholeOllama puts the lines of an answer together: each has a piece, and the last
// one how it ended.
// See https://github.com/ollama/ollama/blob/main/docs/api.md.
func wholeOllama(operation string, stream []byte) ([]byte, error) {
	l := lines{chat: operation == "chat"}
	if err := eachLine(stream, l.line); err != nil {
		return nil, err
	}
	if !l.done {
		return nil, truncated("no line is the last")
	}
	if m := l.object.find(messageName); m != nil && l.chat {
		m.form, m.buf, m.items = nested, nil, []*object{&l.message}
	}
	return l.object.append(make([]byte, 0, l.object.size())), nil
}

func (l *lines) line(raw []byte) error {
	if err := valid(raw); err != nil {
		return err
	}
	if l.done {
		return malformed("a line after the last")
	}
	return each(raw, func(name, value []byte) error {
		switch string(name) {
		case "error":
			if !jsonpeek.IsNull(value) {
				return failed("a line is an error")
			}
		case "done":
			l.done, _ = jsonpeek.Bool(value)
		case "logprobs":
			return l.object.list(name, value)
		case "response", "thinking":
			if !l.chat {
				return l.object.text(name, value)
			}
		case "tool_calls":
			if !l.chat {
				return l.object.list(name, value)
			}
		case "message":
			if l.chat && !jsonpeek.IsNull(value) {
				if _, err := l.object.member(name); err != nil {
					return err
				}
				return each(value, l.piece)
			}
		}
		return l.object.keep(name, value)
	})
}

// piece adds a member of the message of a line.
func (l *lines) piece(name, value []byte) error {
	switch string(name) {
	case "content", "thinking":
		return l.message.text(name, value)
	case "tool_calls", "images":
		return l.message.list(name, value)
	case "role":
		return l.message.keep(name, value)
	}
	return l.message.once(name, value)
}
