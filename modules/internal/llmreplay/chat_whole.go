// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmreplay

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
)

// chat is a chat completion, or a legacy completion, that is being put together.
type chat struct {
	top     object
	choices []*choice
	legacy  bool
	done    bool

	// What the last chunk had around its choices.
	before, after []byte
}

// choice is one of the answers.
type choice struct {
	index   int64
	object  object
	message *message // nil in legacy completions
}

// wholeChat puts the chunks of a chat together. Each holds pieces of any number of
// choices; the last one may hold the usage and no choice.
// See https://platform.openai.com/docs/api-reference/chat-streaming.
func wholeChat(operation string, stream []byte) ([]byte, error) {
	c := chat{legacy: operation == "completions"}
	if err := eachPayload(stream, c.chunk); err != nil {
		return nil, err
	}
	if !c.done {
		return nil, truncated("no [DONE]")
	}
	return c.document()
}

func (c *chat) chunk(data []byte) error {
	if c.done {
		return malformed("data after [DONE]")
	}
	if string(data) == doneMark {
		c.done = true
		return nil
	}
	var out [1][]byte
	if err := chunkFields.read(data, out[:]); err != nil {
		return err
	}
	if c.repeats(data, out[0]) {
		return eachOf(out[0], c.choice)
	}
	return each(data, func(name, value []byte) error {
		switch string(name) {
		case "choices":
			if _, err := c.top.member(name); err != nil || jsonpeek.IsNull(value) {
				return err
			}
			return eachOf(value, c.choice)
		case "object":
			if string(value) == `"chat.completion.chunk"` {
				value = chatObject
			}
			return c.top.keep(name, value)
		case "usage":
			if jsonpeek.IsNull(value) {
				return nil // will come, or not
			}
			return c.top.set(name, value)
		case "error":
			if jsonpeek.IsNull(value) {
				return nil
			}
			return failed("a chunk holds an error")
		case "obfuscation":
			return nil
		}
		return c.top.keep(name, value)
	})
}

// repeats reports whether all but the choices of a chunk is as in the last one, which
// is then known. If not, it is remembered.
func (c *chat) repeats(data, choices []byte) bool {
	at := bytes.Index(data, choicesName)
	if at < 0 || len(choices) == 0 || choices[0] != '[' {
		return false
	}
	if at += len(choicesName); !bytes.HasPrefix(data[at:], choices) {
		return false
	}
	before, after := data[:at], data[at+len(choices):]
	if bytes.Equal(before, c.before) && bytes.Equal(after, c.after) {
		return true
	}
	c.before, c.after = append(c.before[:0], before...), append(c.after[:0], after...)
	return false
}

// choice adds a piece of a choice.
func (c *chat) choice(raw []byte) error {
	ch, err := c.find(raw)
	if err != nil {
		return err
	}
	return each(raw, func(name, value []byte) error {
		switch string(name) {
		case "delta":
			if c.legacy {
				return unsupported("a completion holds a delta")
			}
			if jsonpeek.IsNull(value) {
				return nil
			}
			return each(value, ch.message.delta)
		case "message":
			return unsupported("a chunk holds a whole message")
		case "text":
			return ch.object.text(name, value)
		case "token_ids":
			return ch.object.list(name, value)
		case "logprobs":
			return ch.logprobs(name, value)
		}
		return ch.object.keep(name, value)
	})
}

// find returns the choice that a piece belongs to.
func (c *chat) find(raw []byte) (*choice, error) {
	index, ok := leadingIndex(raw)
	if !ok {
		ok = true
		err := each(raw, func(name, value []byte) error {
			if string(name) == "index" {
				index, ok = jsonpeek.Int(value)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if !ok || index < 0 {
		return nil, malformed("the index of a choice is no number")
	}
	for _, ch := range c.choices {
		if ch.index == index {
			return ch, nil
		}
	}
	if len(c.choices) >= maxMembers {
		return nil, unsupported("too many choices")
	}
	ch := &choice{index: index}
	if err := ch.object.set([]byte("index"), nil); err != nil {
		return nil, err
	}
	if !c.legacy {
		ch.message = &message{}
		if err := ch.object.array(messageName, nil); err != nil {
			return nil, err
		}
	}
	c.choices = append(c.choices, ch)
	return ch, nil
}

// leadingIndex reads the index of a choice that begins with it, as nearly all do.
func leadingIndex(raw []byte) (int64, bool) {
	rest, ok := bytes.CutPrefix(raw, leading)
	if !ok {
		return 0, false
	}
	digits, _, ok := bytes.Cut(rest[:min(len(rest), 8)], comma)
	if !ok {
		return 0, false
	}
	return jsonpeek.Int(digits)
}

// logprobs joins the lists of log probabilities: those of tokens in chats, and one
// each of tokens, probabilities and places in completions.
func (ch *choice) logprobs(name, raw []byte) error {
	if jsonpeek.IsNull(raw) {
		_, err := ch.object.member(name)
		return err
	}
	all, err := ch.object.object(name)
	if err != nil {
		return err
	}
	return each(raw, func(name, value []byte) error {
		if value[0] == '[' {
			return all.list(name, value)
		}
		return all.keep(name, value)
	})
}

// document returns what the chunks amount to.
func (c *chat) document() ([]byte, error) {
	if len(c.choices) == 0 {
		return nil, truncated("no choice")
	}
	slices.SortFunc(c.choices, func(a, b *choice) int { return cmp.Compare(a.index, b.index) })
	items := make([]*object, len(c.choices))
	for i, ch := range c.choices {
		if m := ch.object.find([]byte("finish_reason")); m == nil || m.null() {
			return nil, truncated("a choice has no finish reason")
		}
		if ch.message != nil {
			if err := ch.message.complete(); err != nil {
				return nil, err
			}
			m := ch.object.find(messageName)
			m.form, m.items = nested, []*object{&ch.message.object}
		}
		items[i] = &ch.object
	}
	if err := c.top.array([]byte("choices"), items); err != nil {
		return nil, err
	}
	return c.top.append(make([]byte, 0, c.top.size())), nil
}

const doneMark = "[DONE]"

var (
	chatObject  = []byte(`"chat.completion"`)
	messageName = []byte("message")
	leading     = []byte(`{"index":`)
	comma       = []byte(",")
	choicesName = []byte(`"choices":`)
	chunkFields = newFields("choices")
)
