// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package mockllm

import (
	"bytes"
	"encoding/json"
	"strings"
)

// prompt is what counts of a request, whatever its API.
type prompt struct {
	tokens   int
	lastUser string // the text of the user's last message
	// answered says that a tool's result followed the user's last message.
	answered bool
}

// message is one message or item of a conversation in any of the APIs.
type message struct {
	Type    string          `json:"type"` // of an item of the responses API
	Role    string          `json:"role"`
	Content json.RawMessage `json:"content"`
	Output  json.RawMessage `json:"output"` // of a function_call_output item
}

// block is one part of a message's content.
type block struct {
	Type    string          `json:"type"`
	Text    string          `json:"text"`
	Content json.RawMessage `json:"content"` // of a tool_result
}

// countTokensOf returns the tokens of a text by the rule of this package.
func countTokensOf(text string) int { return len(strings.Fields(text)) }

// addText counts a text that belongs to the prompt.
func (p *prompt) addText(text string) { p.tokens += countTokensOf(text) }

// addUser counts a text of the user.
func (p *prompt) addUser(text string) {
	p.addText(text)
	p.lastUser, p.answered = text, false
}

// addMessages counts a conversation, in which field names the list.
func (p *prompt) addMessages(field string, messages []message) error {
	if len(messages) == 0 {
		return invalid(field, field+": at least one message is required")
	}
	for _, m := range messages {
		text, isResult, err := textOf(field, m.Content)
		if err != nil {
			return err
		}
		switch {
		case m.Type == "function_call_output":
			if text, _, err = textOf(field, m.Output); err != nil {
				return err
			}
			p.addText(text)
			p.answered = true
		case m.Role == "tool" || isResult:
			p.addText(text)
			p.answered = true
		case m.Role == "user":
			p.addUser(text)
		default:
			p.addText(text)
		}
	}
	return nil
}

// textOf returns the text of a content, which is a string or a list of blocks,
// and whether it holds the result of a tool.
func textOf(field string, content json.RawMessage) (text string, isResult bool, err error) {
	content = bytes.TrimSpace(content)
	if len(content) == 0 || string(content) == "null" {
		return "", false, nil
	}
	if content[0] == '"' {
		err = json.Unmarshal(content, &text)
		return text, false, err
	}
	var blocks []block
	if json.Unmarshal(content, &blocks) != nil {
		return "", false, invalid(field, field+": content must be a string or a list of blocks")
	}
	texts := make([]string, 0, len(blocks))
	for _, b := range blocks {
		texts = append(texts, b.Text)
		if b.Type != "tool_result" {
			continue
		}
		isResult = true
		inner, _, err := textOf(field, b.Content)
		if err != nil {
			return "", false, err
		}
		texts = append(texts, inner)
	}
	return strings.Join(texts, " "), isResult, nil
}

// inputs reads an embedding's input: a text, a list of texts, a list of token
// numbers, or a list of such lists. It returns one text for each vector wanted,
// and the tokens of all; a number is a token.
func inputs(raw json.RawMessage) (texts []string, tokens int, err error) {
	var one string
	if json.Unmarshal(raw, &one) == nil && one != "" {
		return []string{one}, countTokensOf(one), nil
	}
	var numbers []int
	if json.Unmarshal(raw, &numbers) == nil && len(numbers) > 0 {
		return []string{string(raw)}, len(numbers), nil
	}
	var lists [][]int
	if json.Unmarshal(raw, &lists) == nil && len(lists) > 0 {
		for _, l := range lists {
			b, _ := json.Marshal(l) // a list of numbers can be encoded
			texts = append(texts, string(b))
			tokens += len(l)
		}
		return texts, tokens, nil
	}
	if json.Unmarshal(raw, &texts) != nil || len(texts) == 0 {
		return nil, 0, invalid("input", "input: must be a text or a list that is not empty")
	}
	for _, t := range texts {
		tokens += countTokensOf(t)
	}
	return texts, tokens, nil
}
