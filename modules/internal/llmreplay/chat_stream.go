// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmreplay

import (
	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
)

// chunks writes the chunks of a chat or of a legacy completion.
type chunks struct {
	dst    []byte
	head   []byte // what each chunk begins with
	extra  []byte // what only the first one has
	tail   []byte // what each chunk ends in
	legacy bool
	limit  limit

	// Of the choice being written.
	index    int
	logprobs logprobs
}

// streamChat writes the chunks of a whole chat: for each choice the role, the texts
// and calls in pieces, and the reason why it ended; then the usage, if wanted.
func streamChat(operation string, doc []byte, wantUsage bool) ([]byte, error) {
	c := &chunks{legacy: operation == "completions", limit: limitOf(doc)}
	var choices, told []byte
	head := []byte("data: {")
	err := each(doc, func(name, value []byte) error {
		switch string(name) {
		case "choices":
			choices = value
		case "usage":
			if !jsonpeek.IsNull(value) {
				told = value
			}
		case "object":
			if !c.legacy {
				value = chunkObject
			}
			head = appendMember(head, "object", value)
		case "id", "created", "model", "service_tier", "system_fingerprint":
			head = appendMember(head, string(name), value)
		case "error":
			if !jsonpeek.IsNull(value) {
				return failed("the answer is an error")
			}
		default:
			c.extra = appendMember(append(c.extra, ','), string(name), value)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if c.head = append(appendName(head, "choices"), '['); len(c.head) > maxHead {
		return nil, unsupported("what each chunk repeats is too long")
	}
	if wantUsage = wantUsage && told != nil; wantUsage {
		c.tail = []byte(`,"usage":null`)
	}
	c.dst = make([]byte, 0, min(len(doc)+(len(doc)/pieceBytes+8)*(len(c.head)+90), 12*len(doc)+4096))
	n := 0
	if err := eachOf(choices, func(raw []byte) error { n++; return c.choice(raw, n-1) }); err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, malformed("no choice")
	}
	if wantUsage {
		c.dst = append(c.dst, c.head...)
		c.dst = append(appendMember(append(c.dst, ']'), "usage", told), "}\n\n"...)
	}
	return append(c.dst, "data: [DONE]\n\n"...), nil
}

// choice writes the chunks of a choice, which has its place for an index if it has
// none.
func (c *chunks) choice(raw []byte, place int) error {
	c.index, c.logprobs = place, logprobs{}
	var msg, texts, finish []byte
	var rest []byte // members that come with the reason why it ended
	if err := c.limit.check(c.dst); err != nil {
		return err
	}
	err := each(raw, func(name, value []byte) error {
		switch string(name) {
		case "index":
			index, ok := jsonpeek.Int(value)
			if !ok || index < 0 || index > 1<<20 {
				return malformed("the index of a choice is no number")
			}
			c.index = int(index)
		case "message":
			msg = value
		case "text":
			texts = value
		case "logprobs":
			return c.logprobs.read(value)
		case "finish_reason":
			finish = value
		default:
			rest = appendMember(append(rest, ','), string(name), value)
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case jsonpeek.IsNull(finish):
		return truncated("a choice has no finish reason")
	case c.legacy:
		if !jsonpeek.IsNull(texts) && texts[0] != '"' {
			return unsupported("a text is not a string")
		}
		c.texts(texts)
	case msg == nil || texts != nil:
		return malformed("a choice has no message")
	default:
		if err := c.message(msg); err != nil {
			return err
		}
	}
	c.open()
	if !c.legacy {
		c.dst = append(c.dst, `,"delta":{}`...)
	} else {
		c.dst = append(c.dst, `,"text":""`...)
	}
	c.dst = c.logprobs.rest(c.dst)
	c.dst = append(appendMember(c.dst, "finish_reason", finish), rest...)
	c.end()
	return nil
}

// texts writes the pieces of a legacy completion.
func (c *chunks) texts(raw []byte) {
	cut := pieces(content(raw))
	c.logprobs.share(len(cut))
	for i, p := range cut {
		c.open()
		c.dst = appendText(c.dst, "text", p)
		c.dst = c.logprobs.append(c.dst, i)
		c.dst = append(c.dst, `,"finish_reason":null`...)
		c.end()
	}
}

// open begins a chunk with a choice.
func (c *chunks) open() {
	c.dst = append(c.dst, c.head...)
	c.dst = appendInt(append(c.dst, '{'), "index", c.index)
}

// close ends the delta of a chunk and the chunk.
func (c *chunks) close(share int) {
	c.dst = c.logprobs.append(append(c.dst, '}'), share)
	c.dst = append(c.dst, `,"finish_reason":null`...)
	c.end()
}

// end ends a choice and its chunk.
func (c *chunks) end() {
	c.dst = append(append(c.dst, "}]"...), c.extra...)
	c.dst = append(append(c.dst, c.tail...), "}\n\n"...)
	c.extra = nil
}

var chunkObject = []byte(`"chat.completion.chunk"`)
