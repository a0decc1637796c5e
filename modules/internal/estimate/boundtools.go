// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package estimate

import (
	"bytes"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// tools tells apart tools that the client runs, which cost no more than their
// definitions, and those that the provider runs: these are billed for themselves, and the
// model is called again with what they return.
func (r *bounder) tools() {
	const runs = "it uses tools that the provider runs"
	raw := r.members[inTools]
	if jsonpeek.IsNull(raw) || r.call.Format == usage.OllamaNative {
		return
	}
	err := jsonpeek.Array(raw, func(tool []byte) bool {
		if !r.tool(tool) {
			r.unbounded(runs)
		}
		return true
	})
	if err != nil {
		r.unbounded(runs)
	}
}

// tool says that the client runs a tool.
func (r *bounder) tool(raw []byte) (client bool) {
	client = r.call.Format == usage.AnthropicMessages || r.call.Format == usage.Gemini // where no type is needed
	first := true
	err := jsonpeek.Object(raw, func(name, value []byte) bool {
		if r.call.Format == usage.Gemini {
			client = client && (string(name) == "functionDeclarations" || string(name) == "function_declarations")
			return true
		}
		if string(name) == "type" {
			client = (first || client) && r.toolType(value)
			first = false
		}
		return true
	})
	return client && err == nil
}

// toolType is tool for what is told apart by its type.
func (r *bounder) toolType(kind []byte) bool {
	switch string(kind) {
	case `"function"`, `"custom"`:
		return true
	case "null":
		return r.call.Format == usage.AnthropicMessages
	case `"local_shell"`, `"apply_patch"`, `"computer_use_preview"`, `"computer"`:
		if r.call.Format == usage.OpenAIResponses {
			r.refers("a tool whose definition is the provider's")
			return true
		}
	}
	if r.call.Format == usage.AnthropicMessages {
		for _, own := range [...]string{`"bash_`, `"text_editor_`, `"computer_`, `"memory_`} {
			if bytes.HasPrefix(kind, []byte(own)) {
				r.refers("a tool whose definition is the provider's")
				return true
			}
		}
	}
	return false
}
