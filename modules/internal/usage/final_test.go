// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package usage

import "testing"

// A usage is final if nothing can be added to it, whatever comes of the stream.
func TestFinalUsage(t *testing.T) {
	t.Parallel()
	const used = `,"usage":{"prompt_tokens":5,"completion_tokens":2}}`
	for name, tt := range map[string]struct {
		format Format
		event  string
		want   bool
	}{
		"chunk of its own":            {OpenAIChat, `data: {"model":"m","choices":[]` + used, true},
		"spaces":                      {OpenAIChat, `data: {"model":"m", "choices" : [ ] ` + used, true},
		"last choice":                 {OpenAIChat, `data: {"choices":[{"delta":{},"finish_reason":"stop"}]` + used, true},
		"last choice, spaced":         {OpenAIChat, `data: {"choices":[{"delta":{},"finish_reason" : "length"}]` + used, true},
		"one of many":                 {OpenAIChat, `data: {"choices":[{"delta":{"content":"a"},"finish_reason":null}]` + used, false},
		"one of many, without reason": {OpenAIChat, `data: {"choices":[{"delta":{"content":"\"finish_reason\":\"stop\""}}]` + used, false},
		"no usage":                    {OpenAIChat, `data: {"choices":[]}`, false},
		"no choices":                  {OpenAIChat, `data: {"model":"m"` + used, false},
		"delta of a message":          {AnthropicMessages, "event: message_delta\ndata: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":5}}", true},
		"start of a message":          {AnthropicMessages, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}}", false},
	} {
		var m Meter
		m.Reset(tt.format, MediaSSE)
		m.Write([]byte(tt.event + "\n\n"))
		if got := m.Report().Final; got != tt.want {
			t.Errorf("%s: final %v", name, got)
		}
	}
}
