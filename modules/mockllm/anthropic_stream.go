// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package mockllm

// messageEvent is an event of Anthropic's stream; each sets what it has.
type messageEvent struct {
	Type         string            `json:"type"`
	Message      *anthropicMessage `json:"message,omitempty"`
	Index        *int              `json:"index,omitempty"`
	ContentBlock *contentBlock     `json:"content_block,omitempty"`
	Delta        any               `json:"delta,omitempty"`
	Usage        *messagesUsage    `json:"usage,omitempty"`
}

type textDelta struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

type inputDelta struct {
	Type        string `json:"type"`
	PartialJSON string `json:"partial_json"`
}

type stopDelta struct {
	StopReason   string  `json:"stop_reason"`
	StopSequence *string `json:"stop_sequence"`
}

// messageEvents streams an Anthropic message: its start with the input's
// usage, one content block piece by piece, the reason why it ended with the
// whole usage, and the end.
func (x *exchange) messageEvents(m anthropicMessage, rep reply, stop string) error {
	// As with the provider, the output tokens of the start are no count yet.
	m.Content, m.Usage = []contentBlock{}, rep.messagesUsage(1)
	index, start, deltas := 0, textBlock(""), make([]any, 0, len(rep.pieces))
	for _, piece := range rep.pieces {
		deltas = append(deltas, textDelta{"text_delta", piece})
	}
	if rep.call != nil {
		start = toolBlock(rep.call, "{}")
		for _, piece := range rep.call.argumentPieces() {
			deltas = append(deltas, inputDelta{"input_json_delta", piece})
		}
	}
	usage := rep.messagesUsage(rep.completion)
	if usage != nil {
		usage.ServiceTier = "" // told at the start only
	}

	events := append(make([]messageEvent, 0, len(deltas)+6),
		messageEvent{Type: "message_start", Message: &m},
		messageEvent{Type: "content_block_start", Index: &index, ContentBlock: &start},
		messageEvent{Type: "ping"},
	)
	for _, d := range deltas {
		events = append(events, messageEvent{Type: "content_block_delta", Index: &index, Delta: d})
	}
	events = append(events,
		messageEvent{Type: "content_block_stop", Index: &index},
		messageEvent{Type: "message_delta", Delta: stopDelta{StopReason: stop}, Usage: usage},
		messageEvent{Type: "message_stop"},
	)
	for _, e := range events {
		if err := x.sse(e.Type, e); err != nil {
			return err
		}
	}
	return nil
}
