// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmreplay

import "github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"

// answer is a whole answer of Ollama, taken apart.
type answer struct {
	chat     bool
	head     []byte // what each line has
	last     []byte // what only the last one has
	role     []byte
	inner    []byte // members of the message that only the last line has
	texts    [2][]byte
	given    [2]bool
	calls    [][]byte
	logprobs [][]byte
}

// answerTexts are the texts of an answer, in the order in which they are told.
var answerTexts = map[bool][2]string{true: {"thinking", "content"}, false: {"thinking", "response"}}

// streamOllama writes the lines of a whole answer: thinking, text and calls piece by
// piece, and how it ended.
func streamOllama(operation string, doc []byte) ([]byte, error) {
	a := &answer{chat: operation == "chat"}
	done, hasMessage := false, false
	err := each(doc, func(name, value []byte) error {
		switch string(name) {
		case "error":
			if !jsonpeek.IsNull(value) {
				return failed("the answer is an error")
			}
		case "model", "created_at", "remote_model", "remote_host":
			a.head = appendMember(a.head, string(name), value)
			return nil
		case "done":
			done, _ = jsonpeek.Bool(value)
			return nil
		case "logprobs":
			if value[0] == '[' {
				a.logprobs = elements(value)
				if len(a.logprobs) > 0 {
					return nil
				}
			}
		case "message":
			if a.chat && value[0] == '{' {
				hasMessage = true
				return each(value, a.member)
			}
		case "response", "thinking", "tool_calls":
			if !a.chat {
				return a.member(name, value)
			}
		}
		a.last = appendMember(a.last, string(name), value)
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case !done:
		return nil, truncated("the answer is not done")
	case a.chat && !hasMessage:
		return nil, malformed("the answer has no message")
	case len(a.head)+len(a.role) > maxHead:
		return nil, unsupported("what each line repeats is too long")
	}
	if calls := len(a.calls) * (len(a.head) + len(a.role)); calls > int(limitOf(doc)) {
		return nil, unsupported("the stream is much longer than the answer")
	}
	return a.lines(make([]byte, 0, 4*len(doc)+256)), nil
}

// member takes over a member of the message or, of a generation, of the answer.
func (a *answer) member(name, value []byte) error {
	for i, text := range answerTexts[a.chat] {
		if string(name) == text && value[0] == '"' {
			a.texts[i], a.given[i] = content(value), true
			return nil
		}
	}
	switch {
	case string(name) == "role":
		a.role = value
	case string(name) == "tool_calls" && value[0] == '[' && len(elements(value)) > 0:
		a.calls = elements(value)
	case a.chat:
		a.inner = appendMember(a.inner, string(name), value)
	default:
		a.last = appendMember(a.last, string(name), value)
	}
	return nil
}

func (a *answer) lines(dst []byte) []byte {
	for i, text := range a.texts {
		cut := pieces(text)
		for k, p := range cut {
			dst = a.open(dst)
			if name := answerTexts[a.chat][i]; i == 1 {
				dst = appendText(dst, name, p)
			} else {
				dst = appendText(appendText(dst, answerTexts[a.chat][1], nil), name, p)
			}
			var probs [][]byte
			if i == 1 {
				probs = pieceOf(a.logprobs, k, len(cut))
			}
			dst = a.close(dst, probs)
		}
		if i == 1 && len(cut) > 0 {
			a.logprobs = nil
		}
	}
	for _, call := range a.calls {
		dst = appendText(a.open(dst), answerTexts[a.chat][1], nil)
		dst = appendElements(appendName(dst, "tool_calls"), [][]byte{call})
		dst = a.close(dst, nil)
	}
	dst = a.open(dst)
	for i, name := range answerTexts[a.chat] {
		if a.given[i] && (i == 1 || len(a.texts[i]) == 0) {
			dst = appendText(dst, name, nil)
		}
	}
	if a.chat {
		dst = append(joined(dst, a.inner), '}')
	}
	if len(a.logprobs) > 0 {
		dst = appendElements(appendName(dst, "logprobs"), a.logprobs)
	}
	return append(joined(append(dst, `,"done":true`...), a.last), "}\n"...)
}

// open begins a line up to where its piece goes.
func (a *answer) open(dst []byte) []byte {
	dst = append(append(dst, '{'), a.head...)
	if !a.chat {
		return dst
	}
	dst = append(appendName(dst, "message"), '{')
	if a.role != nil {
		dst = appendMember(dst, "role", a.role)
	}
	return dst
}

// close ends a line that is not the last.
func (a *answer) close(dst []byte, probs [][]byte) []byte {
	if a.chat {
		dst = append(dst, '}')
	}
	if len(probs) > 0 {
		dst = appendElements(appendName(dst, "logprobs"), probs)
	}
	return append(dst, ",\"done\":false}\n"...)
}

// joined appends members to others.
func joined(dst, members []byte) []byte {
	if len(members) == 0 {
		return dst
	}
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	return append(dst, members...)
}
