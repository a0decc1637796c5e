// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmreplay

import "github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"

// sse writes server-sent events that have a name, which their payload repeats.
type sse struct {
	dst   []byte
	n     int // events so far
	limit limit
}

// open begins an event.
func (s *sse) open(name string) {
	s.n++
	s.dst = append(append(s.dst, "event: "...), name...)
	s.dst = append(append(append(s.dst, "\ndata: {\"type\":\""...), name...), '"')
}

func (s *sse) close() { s.dst = append(s.dst, "}\n\n"...) }

// streamMessage writes the events of a whole message of Anthropic.
func streamMessage(doc []byte) ([]byte, error) {
	s := &sse{dst: make([]byte, 0, 5*len(doc)+1024), limit: limitOf(doc)}
	var blocks, told, reason []byte
	var stop, after []byte // members of the message_delta: within its delta and beside it
	s.open("message_start")
	s.dst = append(appendName(s.dst, "message"), '{')
	err := each(doc, func(name, value []byte) error {
		switch string(name) {
		case "type":
			if string(value) == `"error"` {
				return failed("the answer is an error")
			}
		case "content":
			blocks, value = value, emptyArray
		case "stop_reason":
			reason = value
			fallthrough
		case "stop_sequence", "stop_details", "container":
			stop = appendMember(stop, string(name), value)
			value = null
		case "context_management":
			if jsonpeek.IsNull(value) {
				break
			}
			after = appendMember(append(after, ','), string(name), value)
			return nil
		case "usage":
			told = value
			s.dst = appendName(s.dst, "usage")
			return s.usageAtStart(value)
		}
		s.dst = appendMember(s.dst, string(name), value)
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case blocks == nil:
		return nil, malformed("the message has no content")
	case jsonpeek.IsNull(reason):
		return nil, truncated("the message has no stop reason")
	}
	s.dst = append(s.dst, '}')
	s.close()
	n := 0
	if err := eachOf(blocks, func(raw []byte) error { n++; return s.block(raw, n-1) }); err != nil {
		return nil, err
	}
	s.open("message_delta")
	s.dst = append(append(append(appendName(s.dst, "delta"), '{'), stop...), '}')
	if !jsonpeek.IsNull(told) {
		s.dst = append(appendName(s.dst, "usage"), '{')
		if err := each(told, s.usageAtEnd); err != nil {
			return nil, err
		}
		s.dst = append(s.dst, '}')
	}
	s.dst = append(s.dst, after...)
	s.close()
	s.open("message_stop")
	s.close()
	return s.dst, nil
}

// usageAtStart writes the usage as it is known when a message starts: the tokens put
// out are no count yet.
func (s *sse) usageAtStart(raw []byte) error {
	if jsonpeek.IsNull(raw) {
		s.dst = append(s.dst, null...)
		return nil
	}
	s.dst = append(s.dst, '{')
	err := each(raw, func(name, value []byte) error {
		switch string(name) {
		case "output_tokens":
			if n, ok := jsonpeek.Int(value); ok && n > 1 {
				value = one
			}
		case "output_tokens_details", "server_tool_use":
			return nil
		}
		s.dst = appendMember(s.dst, string(name), value)
		return nil
	})
	s.dst = append(s.dst, '}')
	return err
}

// usageAtEnd writes what the final usage repeats or tells first.
func (s *sse) usageAtEnd(name, value []byte) error {
	switch string(name) {
	case "input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens", "output_tokens_details", "server_tool_use":
		s.dst = appendMember(s.dst, string(name), value)
	}
	return nil
}

// block writes a content block: its start without what comes in pieces, those pieces,
// and its stop.
func (s *sse) block(raw []byte, index int) error {
	if err := s.limit.check(s.dst); err != nil {
		return err
	}
	var texts [2][]byte
	var input, signature, citations []byte
	s.open("content_block_start")
	s.dst = append(appendName(appendInt(s.dst, "index", index), "content_block"), '{')
	tool := isToolUse(content(memberOf(raw, "type")))
	err := each(raw, func(name, value []byte) error {
		switch {
		case string(name) == "text" && value[0] == '"':
			texts[0], value = content(value), emptyString
		case string(name) == "thinking" && value[0] == '"':
			texts[1], value = content(value), emptyString
		case string(name) == "signature" && value[0] == '"':
			signature, value = value, emptyString
		case string(name) == "input" && value[0] == '{' && tool:
			input, value = value, emptyObject
		case string(name) == "citations" && value[0] == '[':
			citations, value = value, emptyArray
		}
		s.dst = appendMember(s.dst, string(name), value)
		return nil
	})
	if err != nil {
		return err
	}
	s.dst = append(s.dst, '}')
	s.close()
	for _, p := range pieces(texts[1]) {
		s.delta(index, "thinking_delta", "thinking", p)
	}
	if len(signature) > len(emptyString) {
		s.delta(index, "signature_delta", "signature", content(signature))
	}
	for _, p := range pieces(texts[0]) {
		s.delta(index, "text_delta", "text", p)
	}
	for _, citation := range elements(orEmpty(citations)) {
		if err := s.limit.check(s.dst); err != nil {
			return err
		}
		s.deltaOf(index, "citations_delta")
		s.dst = append(appendMember(s.dst, "citation", citation), '}')
		s.close()
	}
	if input != nil {
		s.delta(index, "input_json_delta", "partial_json", nil)
		if string(input) != "{}" {
			for _, p := range pieces(appendQuoted(make([]byte, 0, len(input)+len(input)/4), input)) {
				s.delta(index, "input_json_delta", "partial_json", p)
			}
		}
	}
	s.open("content_block_stop")
	s.dst = appendInt(s.dst, "index", index)
	s.close()
	return nil
}

// isToolUse reports whether a block is the use of a tool, whose input comes in pieces.
func isToolUse(kind []byte) bool {
	switch string(kind) {
	case "tool_use", "server_tool_use", "mcp_tool_use":
		return true
	}
	return false
}

func (s *sse) delta(index int, kind, name string, piece []byte) {
	s.deltaOf(index, kind)
	s.dst = append(appendText(s.dst, name, piece), '}')
	s.close()
}

func (s *sse) deltaOf(index int, kind string) {
	s.open("content_block_delta")
	s.dst = append(appendName(appendInt(s.dst, "index", index), "delta"), '{')
	s.dst = appendText(s.dst, "type", []byte(kind))
}

var (
	one         = []byte("1")
	emptyString = []byte(`""`)
	emptyObject = []byte("{}")
)
