// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmreplay

import "github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"

// message writes the deltas of a message: the role with all that has no pieces, then
// reasoning, content and refusal, and the calls.
func (c *chunks) message(raw []byte) error {
	var texts [4][]byte
	var calls, function []byte
	first := []byte{}
	err := each(raw, func(name, value []byte) error {
		for i, text := range textNames {
			if text != string(name) {
				continue
			}
			if jsonpeek.IsNull(value) {
				first = appendMember(first, text, null)
				return nil
			}
			if value[0] != '"' {
				return unsupported("a text is not a string")
			}
			texts[i] = content(value)
			if text == "content" || len(texts[i]) == 0 {
				first = appendText(first, text, nil)
			}
			return nil
		}
		switch {
		case string(name) == "tool_calls" && value[0] == '[' && len(elements(value)) > 0:
			calls = value
		case string(name) == "function_call" && !jsonpeek.IsNull(value):
			function = value
		case string(name) == "audio" && !jsonpeek.IsNull(value):
			return unsupported("audio")
		default:
			first = appendMember(first, string(name), value)
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.delta()
	c.dst = append(c.dst, first...)
	c.close(-1)

	shared := -1 // the text that the log probabilities are about
	for i, text := range texts {
		if len(text) > 0 && (i == contentText || i == refusalText && shared < 0) {
			shared = i
		}
	}
	for i, text := range texts {
		cut := pieces(text)
		if i == shared {
			c.logprobs.share(len(cut))
		}
		for k, p := range cut {
			c.delta()
			c.dst = appendText(c.dst, textNames[i], p)
			if i != shared {
				k = -1
			}
			c.close(k)
		}
	}
	if shared < 0 {
		c.logprobs.share(0)
	}
	if function != nil {
		if err := c.function("", "function_call", function); err != nil {
			return err
		}
	}
	n := 0
	return eachOf(orEmpty(calls), func(value []byte) error {
		n++
		return c.call(value, n-1)
	})
}

// textNames are the texts of a message, in the order in which they are told.
var textNames = [4]string{"reasoning_content", "reasoning", "content", "refusal"}

const (
	contentText = 2
	refusalText = 3
)

// delta begins a chunk and the delta in it.
func (c *chunks) delta() {
	c.open()
	c.dst = append(c.dst, `,"delta":{`...)
}

// call writes a tool call: what it is, then its arguments.
func (c *chunks) call(raw []byte, index int) error {
	if err := c.limit.check(c.dst); err != nil {
		return err
	}
	which := string(appendInt([]byte{}, "index", index))
	head := []byte(which)
	called, name := []byte(nil), "function"
	err := each(raw, func(member, value []byte) error {
		switch string(member) {
		case "index":
		case "function", "custom":
			if jsonpeek.IsNull(value) {
				head = appendMember(head, string(member), value)
				return nil
			}
			if called != nil {
				return unsupported("a tool call of two kinds")
			}
			called, name = value, string(member)
		default:
			head = appendMember(head, string(member), value)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if called == nil {
		c.delta()
		c.dst = append(append(append(c.dst, `"tool_calls":[{`...), head...), "}]"...)
		c.close(-1)
		return nil
	}
	return c.function(string(head), name, called)
}

// function writes what is called: within the call that begins as given or, if that is
// empty, in the delta.
func (c *chunks) function(call, name string, raw []byte) error {
	var first, arguments []byte
	long := ""
	err := each(raw, func(member, value []byte) error {
		switch string(member) {
		case "arguments", "input":
			if value[0] == '"' && long == "" {
				long, arguments = string(member), content(value)
				first = appendText(first, long, nil)
				return nil
			}
			if !jsonpeek.IsNull(value) {
				return unsupported("the arguments of a call are not a string")
			}
		}
		first = appendMember(first, string(member), value)
		return nil
	})
	if err != nil {
		return err
	}
	c.called(call, name, first)
	which := call
	if call != "" {
		which = firstMember(call)
	}
	for _, p := range pieces(arguments) {
		c.called(which, name, appendText(nil, long, p))
	}
	return nil
}

// called writes a chunk with a piece of what is called.
func (c *chunks) called(call, name string, inner []byte) {
	c.delta()
	if call != "" {
		c.dst = append(append(c.dst, `"tool_calls":[{`...), call...)
	}
	c.dst = append(append(append(appendName(c.dst, name), '{'), inner...), '}')
	if call != "" {
		c.dst = append(c.dst, "}]"...)
	}
	c.close(-1)
}

// firstMember returns what is before the first comma: the index of a call.
func firstMember(call string) string {
	for i := range len(call) {
		if call[i] == ',' {
			return call[:i]
		}
	}
	return call
}

// orEmpty returns an array, an empty one for none.
func orEmpty(raw []byte) []byte {
	if jsonpeek.IsNull(raw) {
		return emptyArray
	}
	return raw
}

var emptyArray = []byte("[]")
