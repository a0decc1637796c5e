// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmreplay

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
)

// response is a response of OpenAI of which a stream tells. Its last event holds it
// whole, apart from some servers that leave out the output there.
type response struct {
	last   []byte // the response of the last event
	begun  int    // items
	pieces bool   // there were deltas
	items  []outputItem
}

type outputItem struct {
	index int64
	raw   []byte
}

// wholeResponse takes the response from the event that ends the stream.
// See https://platform.openai.com/docs/api-reference/responses-streaming.
func wholeResponse(stream []byte) ([]byte, error) {
	var r response
	if err := eachPayload(stream, r.event); err != nil {
		return nil, err
	}
	if r.last == nil {
		return nil, truncated("no final event")
	}
	if r.begun > len(r.items) {
		return nil, truncated("an item of the output is not done")
	}
	if output := memberOf(r.last, "output"); output != nil && len(elements(output)) > 0 || !r.pieces && len(r.items) == 0 {
		return bytes.Clone(r.last), nil
	}
	if len(r.items) == 0 {
		return nil, unsupported("the output comes in pieces only")
	}
	return r.document()
}

func (r *response) event(data []byte) error {
	if string(data) == doneMark {
		return nil // some servers end as chats do
	}
	if err := valid(data); err != nil {
		return err
	}
	if r.last != nil {
		return malformed("an event after the final one")
	}
	kind := content(memberOf(data, "type"))
	switch string(kind) {
	case "response.completed", "response.incomplete":
		if r.last = memberOf(data, "response"); r.last == nil || r.last[0] != '{' {
			return malformed("the final event has no response")
		}
		return check(r.last)
	case "response.failed", "response.cancelled", "error":
		return failed("an event is an error")
	case "response.output_item.added":
		r.begun++
	case "response.output_item.done":
		index, ok := jsonpeek.Int(memberOf(data, "output_index"))
		item := memberOf(data, "item")
		if !ok || item == nil {
			return malformed("an item has no place in the output")
		}
		r.items = append(r.items, outputItem{index, bytes.Clone(item)})
	default:
		r.pieces = r.pieces || bytes.HasSuffix(kind, []byte(".delta"))
	}
	return nil
}

// check refuses a response that is not complete or an error.
func check(raw []byte) error {
	if e := memberOf(raw, "error"); !jsonpeek.IsNull(e) {
		return failed("the response is an error")
	}
	switch status := memberOf(raw, "status"); string(status) {
	case "", "null", `"completed"`, `"incomplete"`:
		return nil
	case `"failed"`, `"cancelled"`:
		return failed("the response is an error")
	}
	return truncated("the response is not complete")
}

// document returns the last response with the items that were streamed.
func (r *response) document() ([]byte, error) {
	slices.SortStableFunc(r.items, func(a, b outputItem) int { return cmp.Compare(a.index, b.index) })
	items := make([][]byte, len(r.items))
	for i, item := range r.items {
		items[i] = item.raw
	}
	var o object
	if err := each(r.last, o.set); err != nil {
		return nil, err
	}
	if err := o.set([]byte("output"), appendElements(nil, items)); err != nil {
		return nil, err
	}
	return o.append(make([]byte, 0, o.size())), nil
}
