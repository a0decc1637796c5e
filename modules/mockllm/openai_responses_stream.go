// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package mockllm

// responseEvent is an event of the responses API's stream; each sets what it
// has.
type responseEvent struct {
	Type           string      `json:"type"`
	SequenceNumber int         `json:"sequence_number"`
	Response       *response   `json:"response,omitempty"`
	ItemID         string      `json:"item_id,omitempty"`
	OutputIndex    *int        `json:"output_index,omitempty"`
	ContentIndex   *int        `json:"content_index,omitempty"`
	Item           *outputItem `json:"item,omitempty"`
	Part           *outputPart `json:"part,omitempty"`
	Delta          string      `json:"delta,omitempty"`
	Text           *string     `json:"text,omitempty"`
	Arguments      *string     `json:"arguments,omitempty"`
	Name           string      `json:"name,omitempty"`
}

// responseEvents streams a response: its start, its one item piece by piece,
// and the complete response with its usage. There is no end mark.
func (x *exchange) responseEvents(res response, rep reply) error {
	item := x.outputItem(rep)
	done := res
	done.complete(item, rep)

	events := []responseEvent{
		{Type: "response.created", Response: &res},
		{Type: "response.in_progress", Response: &res},
	}
	if rep.call != nil {
		events = append(events, callEvents(item, rep)...)
	} else {
		events = append(events, textEvents(item, rep)...)
	}
	events = append(events, responseEvent{Type: "response." + done.Status, Response: &done})
	for i, e := range events {
		e.SequenceNumber = i
		if err := x.sse(e.Type, e); err != nil {
			return err
		}
	}
	return nil
}

// textEvents tells a message of one part.
func textEvents(item outputItem, rep reply) []responseEvent {
	zero, text := 0, rep.text()
	begun, empty, full := item, textPart(""), textPart(text)
	begun.Status, begun.Content = "in_progress", &[]outputPart{}
	events := []responseEvent{
		{Type: "response.output_item.added", OutputIndex: &zero, Item: &begun},
		{Type: "response.content_part.added", ItemID: item.ID, OutputIndex: &zero, ContentIndex: &zero, Part: &empty},
	}
	for _, piece := range rep.pieces {
		events = append(events, responseEvent{Type: "response.output_text.delta", ItemID: item.ID, OutputIndex: &zero, ContentIndex: &zero, Delta: piece})
	}
	return append(events,
		responseEvent{Type: "response.output_text.done", ItemID: item.ID, OutputIndex: &zero, ContentIndex: &zero, Text: &text},
		responseEvent{Type: "response.content_part.done", ItemID: item.ID, OutputIndex: &zero, ContentIndex: &zero, Part: &full},
		responseEvent{Type: "response.output_item.done", OutputIndex: &zero, Item: &item},
	)
}

// callEvents tells the call of a function.
func callEvents(item outputItem, rep reply) []responseEvent {
	zero, none := 0, ""
	begun := item
	begun.Status, begun.Arguments = "in_progress", &none
	events := []responseEvent{{Type: "response.output_item.added", OutputIndex: &zero, Item: &begun}}
	for _, piece := range rep.call.argumentPieces() {
		events = append(events, responseEvent{Type: "response.function_call_arguments.delta", ItemID: item.ID, OutputIndex: &zero, Delta: piece})
	}
	return append(events,
		responseEvent{Type: "response.function_call_arguments.done", ItemID: item.ID, OutputIndex: &zero, Name: rep.call.name, Arguments: &rep.call.arguments},
		responseEvent{Type: "response.output_item.done", OutputIndex: &zero, Item: &item},
	)
}
