// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package usage

import (
	"bytes"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
)

// OpenAI responses. A stream ends with the event response.completed,
// response.incomplete or response.failed, which holds the whole response and
// its usage; there is no [DONE]. Searches are billed per call and appear only as
// items: as events of a stream, and in the output of a document as long as that
// is no longer than jsonpeek.MaxValue.
// See https://platform.openai.com/docs/api-reference/responses.
var responsesParser = &parser{
	paths: jsonpeek.NewPaths(
		"type", "model", "service_tier", "usage", "error", "status", "output", "item",
		"response.model", "response.service_tier", "response.usage", "response.error", "response.output",
	),
	event: responsesEvent,
	take:  takeResponses,
}

func responsesEvent(m *Meter, name, data []byte) {
	kind := name
	if !bytes.HasPrefix(kind, responsePrefix) {
		kind = eventType(data)
	}
	switch string(kind) {
	case "response.created":
		if m.probing() {
			m.parse(kind, data)
		}
	case "response.completed", "response.incomplete", "response.failed":
		m.parse(kind, data)
	case "response.output_item.done":
		if bytes.Contains(data, searchItem) {
			m.parse(kind, data)
		}
	case "error":
		m.fail()
	default:
		if bytes.HasPrefix(kind, responsePrefix) {
			return
		}
		if string(name) == "error" {
			m.fail()
		}
		if m.probing() || m.speaksOfUsage(data) || bytes.Contains(data, searchItem) {
			if !bytes.Equal(bytes.TrimSpace(data), doneMark) { // sent by some imitations
				m.parse(kind, data)
			}
		}
	}
}

func takeResponses(m *Meter, name []byte) {
	d := &m.doc
	kind := d.Value(0)
	if len(kind) > 2 {
		kind = kind[1 : len(kind)-1]
	} else {
		kind = name
	}
	switch string(kind) {
	case "response.output_item.done":
		m.searches += searchCall(d.Value(7))
		return
	case "response.completed", "response.incomplete":
		m.end()
	case "response.failed":
		m.report.Failed = true
		m.end()
	case "error":
		m.report.Failed = true
	}
	if string(d.Value(5)) == `"failed"` {
		m.report.Failed = true
	}
	for _, part := range [2]struct{ model, tier, usage, err, output int }{{1, 2, 3, 4, 6}, {8, 9, 10, 11, 12}} {
		m.known.model.take(&m.report.Model, d.Value(part.model))
		m.known.tier.take(&m.report.ServiceTier, d.Value(part.tier))
		m.setError(d.Value(part.err))
		if raw := m.figures(part.usage); raw != nil {
			m.takeOpenAIUsage(raw, max(m.searches, searchCalls(d.Value(part.output))))
		}
	}
}

// searchCalls counts the web searches among output items.
func searchCalls(output []byte) (n int64) {
	if !bytes.Contains(output, searchItem) {
		return 0
	}
	// What cannot be followed is not counted; the usage beside it still is.
	_ = jsonpeek.Array(output, func(item []byte) bool {
		n += searchCall(item)
		return true
	})
	return n
}

// searchCall returns one if the item is a web search. Opening a page found, and
// finding text in it, are actions of the same item type but not billed.
func searchCall(item []byte) int64 {
	search, billed := false, true
	_ = jsonpeek.Object(item, func(name, value []byte) bool {
		switch string(name) {
		case "type":
			search = string(value) == `"web_search_call"`
		case "action":
			_ = jsonpeek.Object(value, func(name, value []byte) bool {
				if string(name) == "type" {
					billed = string(value) == `"search"`
				}
				return true
			})
		}
		return true
	})
	if search && billed {
		return 1
	}
	return 0
}

var (
	responsePrefix = []byte("response.")
	searchItem     = []byte("web_search_call")
)
