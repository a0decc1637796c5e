// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmreplay

import "github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"

// streamResponse writes the events of a whole response of OpenAI: that it was
// created, each item of its output bit by bit, and the response itself.
func streamResponse(doc []byte) ([]byte, error) {
	if err := check(doc); err != nil {
		return nil, err
	}
	w := &items{sse{dst: make([]byte, 0, 6*len(doc)+1024), limit: limitOf(doc)}}
	output := memberOf(doc, "output")
	if output == nil || output[0] != '[' {
		return nil, malformed("the response has no output")
	}
	for _, name := range [...]string{"response.created", "response.in_progress"} {
		if err := w.begun(name, doc); err != nil {
			return nil, err
		}
	}
	n := 0
	if err := eachOf(output, func(raw []byte) error { n++; return w.item(raw, n-1) }); err != nil {
		return nil, err
	}
	if string(memberOf(doc, "status")) == `"incomplete"` {
		w.event("response.incomplete")
	} else {
		w.event("response.completed")
	}
	w.dst = appendMember(w.dst, "response", doc)
	w.close()
	return w.dst, nil
}

// items writes the events of the items of a response.
type items struct{ sse }

// event begins an event, which has a number.
func (w *items) event(name string) {
	w.open(name)
	w.dst = appendInt(w.dst, "sequence_number", w.n-1)
}

// begun writes an event with the response as it was before there was any output.
func (w *items) begun(name string, doc []byte) error {
	w.event(name)
	w.dst = append(appendName(w.dst, "response"), '{')
	err := each(doc, func(name, value []byte) error {
		switch string(name) {
		case "status":
			value = inProgress
		case "output":
			value = emptyArray
		case "usage", "completed_at", "incomplete_details":
			value = null
		}
		w.dst = appendMember(w.dst, string(name), value)
		return nil
	})
	w.dst = append(w.dst, '}')
	w.close()
	return err
}

// place says what an event is about.
type place struct {
	id    []byte // of the item
	item  int
	inner string // the name of the index within the item, or ""
	index int
}

// at begins an event about a place.
func (w *items) at(name string, p place) {
	w.event(name)
	w.dst = appendInt(appendMember(w.dst, "item_id", p.id), "output_index", p.item)
	if p.inner != "" {
		w.dst = appendInt(w.dst, p.inner, p.index)
	}
}

// item writes an item: that it was added, what comes in pieces, that it is done.
func (w *items) item(raw []byte, index int) error {
	if err := w.limit.check(w.dst); err != nil {
		return err
	}
	p := place{id: memberOf(raw, "id"), item: index}
	if jsonpeek.IsNull(p.id) {
		p.id = emptyString
	}
	if len(p.id) > maxHead {
		return unsupported("the id of an item is too long")
	}
	kind := string(content(memberOf(raw, "type")))
	parts := itemParts[kind]
	w.event("response.output_item.added")
	w.dst = append(appendName(appendInt(w.dst, "output_index", index), "item"), '{')
	err := each(raw, func(name, value []byte) error {
		switch {
		case string(name) == "status":
			value = inProgress
		case string(name) == parts.text && value[0] == '"':
			value = emptyString
		case value[0] == '[' && (string(name) == "content" || string(name) == "summary") && (kind == "message" || kind == "reasoning"):
			value = emptyArray
		}
		w.dst = appendMember(w.dst, string(name), value)
		return nil
	})
	if err != nil {
		return err
	}
	w.dst = append(w.dst, '}')
	w.close()
	for _, step := range parts.before {
		w.at(step, p)
		w.close()
	}
	if text := memberOf(raw, parts.text); parts.text != "" && len(text) > 0 && text[0] == '"' {
		var named []byte
		if kind == "function_call" { // of no other
			named = memberOf(raw, "name")
		}
		w.text(parts.events, parts.text, p, text, nil, named)
	}
	if kind == "message" || kind == "reasoning" {
		if err := w.partsOf(raw, p); err != nil {
			return err
		}
	}
	for _, step := range parts.after {
		w.at(step, p)
		w.close()
	}
	w.event("response.output_item.done")
	w.dst = appendMember(appendInt(w.dst, "output_index", index), "item", raw)
	w.close()
	return nil
}

// text writes the pieces of a text and then the whole of it. The log probabilities go
// with the pieces if there may be any, and the name of what is called with the whole.
func (w *items) text(events, name string, p place, raw []byte, probs *logprobs, called []byte) {
	cut := pieces(content(raw))
	for i, piece := range cut {
		w.at(events+".delta", p)
		w.dst = appendText(w.dst, "delta", piece)
		if probs != nil {
			w.dst = appendElements(appendName(w.dst, "logprobs"), pieceOf(probs.lists[0], i, len(cut)))
		}
		w.close()
	}
	w.at(events+".done", p)
	if !jsonpeek.IsNull(called) {
		w.dst = appendMember(w.dst, "name", called)
	}
	w.dst = appendMember(w.dst, name, raw)
	if probs != nil {
		w.dst = appendElements(appendName(w.dst, "logprobs"), probs.lists[0])
	}
	w.close()
}

var inProgress = []byte(`"in_progress"`)
