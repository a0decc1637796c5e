// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package mockllm

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// toolSpec is the definition of a tool in any of the APIs: Anthropic's with
// input_schema, the responses API's with parameters, the others' in function.
type toolSpec struct {
	Name        string          `json:"name"`
	Parameters  json.RawMessage `json:"parameters"`
	InputSchema json.RawMessage `json:"input_schema"`
	Function    *struct {
		Name       string          `json:"name"`
		Parameters json.RawMessage `json:"parameters"`
	} `json:"function"`
}

func (t toolSpec) name() string {
	if t.Function != nil {
		return t.Function.Name
	}
	return t.Name
}

func (t toolSpec) schema() json.RawMessage {
	switch {
	case t.Function != nil:
		return t.Function.Parameters
	case t.InputSchema != nil:
		return t.InputSchema
	}
	return t.Parameters
}

// toolChoice is the request's wish: a word, or an object that names a tool.
type toolChoice struct {
	Type     string `json:"type"`
	Name     string `json:"name"`
	Function struct {
		Name string `json:"name"`
	} `json:"function"`
}

// toolCall is a call of a tool.
type toolCall struct {
	id        string // without the prefix of the API
	name      string
	arguments string // a JSON object
}

// tokens are the words of the arguments and one for the name.
func (c *toolCall) tokens() int { return 1 + countTokensOf(c.arguments) }

// argumentPieces cuts the arguments as they are streamed.
func (c *toolCall) argumentPieces() []string {
	const size = 8
	var pieces []string
	for part := range slices.Chunk([]rune(c.arguments), size) {
		pieces = append(pieces, string(part))
	}
	return pieces
}

// chooseTool returns the call to answer with, or nil to answer with text.
func chooseTool(p prompt, tools []toolSpec, choice json.RawMessage, number int64) (*toolCall, error) {
	if len(tools) == 0 {
		return nil, nil
	}
	want, err := readChoice(choice)
	if err != nil {
		return nil, err
	}
	var spec *toolSpec
	switch {
	case want.Type == "none":
		return nil, nil
	case want.Name != "":
		i := slices.IndexFunc(tools, func(t toolSpec) bool { return t.name() == want.Name })
		if i < 0 {
			return nil, invalid("tool_choice", fmt.Sprintf("tool_choice: no tool is named %q", want.Name))
		}
		spec = &tools[i]
	case want.Type == "required" || want.Type == "any":
		spec = &tools[0]
	case p.answered:
		return nil, nil
	default:
		if spec = mentioned(p.lastUser, tools); spec == nil {
			return nil, nil
		}
	}
	return &toolCall{id: fmt.Sprintf("%08d", number), name: spec.name(), arguments: arguments(spec.schema(), p.lastUser)}, nil
}

// readChoice reads a tool_choice, of which the forms of all APIs are accepted.
func readChoice(raw json.RawMessage) (toolChoice, error) {
	var c toolChoice
	if len(raw) == 0 || json.Unmarshal(raw, &c.Type) == nil {
		return c, nil
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return c, invalid("tool_choice", "tool_choice: must be a word or an object")
	}
	if c.Function.Name != "" {
		c.Name = c.Function.Name
	}
	return c, nil
}

// mentioned returns the first tool whose name the text holds as a word, or the
// first tool of all if it holds the word "tool".
func mentioned(text string, tools []toolSpec) *toolSpec {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '-'
	})
	for i, t := range tools {
		if slices.Contains(words, strings.ToLower(t.name())) {
			return &tools[i]
		}
	}
	if slices.Contains(words, "tool") {
		return &tools[0]
	}
	return nil
}
