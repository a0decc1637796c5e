// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package usage

import (
	"bytes"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
)

// Anthropic messages. In a stream message_start brings the input side and a
// placeholder for the output; every message_delta brings cumulative figures and
// may repeat some of the input side; message_stop ends it.
// See https://docs.anthropic.com/en/api/messages-streaming.
var anthropicParser = &parser{
	paths: jsonpeek.NewPaths("type", "model", "usage", "error", "message.model", "message.usage").
		Outside([]string{"type", "model", "usage"}),
	event: anthropicEvent,
	take:  takeAnthropic,
	quiet: withoutBrace,
}

func anthropicEvent(m *Meter, name, data []byte) {
	kind := name
	for range 2 {
		switch string(kind) {
		case "content_block_delta", "content_block_start", "content_block_stop", "ping":
			return
		case "message_start", "message_delta":
			m.parse(kind, data)
			return
		case "message_stop":
			m.end()
			return
		case "error":
			m.fail()
			return
		}
		// No name, or one that says nothing: the payload itself knows.
		kind = eventType(data)
	}
	if m.speaksOfUsage(data) || bytes.Contains(data, messageStop) {
		m.parse(nil, data)
	}
}

func takeAnthropic(m *Meter, name []byte) {
	d := &m.doc
	m.known.model.take(&m.report.Model, d.Value(1))
	m.known.model.take(&m.report.Model, d.Value(4))
	m.setError(d.Value(3))
	kind := d.Value(0)
	if len(kind) > 2 {
		kind = kind[1 : len(kind)-1]
	} else {
		kind = name
	}
	switch string(kind) {
	case "message_stop":
		m.end()
	case "error":
		m.report.Failed = true
	}
	m.takeAnthropicUsage(m.figures(5), true)
	m.takeAnthropicUsage(m.figures(2), false)
}

// anthropicUsage is what has been said so far. Unlike OpenAI's, the three kinds
// of input are counted apart.
type anthropicUsage struct {
	tally
	input, read           int64
	written               int64 // to the cache, all lifetimes
	written5m, written1h  int64 // its parts
	output, thinking      int64 // thinking is a part of output
	searches              int64
	hasOutput, finalCount bool
}

// takeAnthropicUsage merges a usage object into what is known: figures that are
// present replace earlier ones. At the start of a stream the output is a
// placeholder.
func (m *Meter) takeAnthropicUsage(raw []byte, start bool) {
	if jsonpeek.IsNull(raw) {
		return
	}
	u := m.anthropic
	u.tally = tally{}
	u.hasOutput = false
	tier, geo := m.report.ServiceTier, m.report.Geo
	u.object(raw, func(name, value []byte) bool {
		switch string(name) {
		case "input_tokens":
			u.count(value, &u.input)
		case "cache_read_input_tokens":
			u.count(value, &u.read)
		case "cache_creation_input_tokens":
			u.count(value, &u.written)
		case "cache_creation":
			u.object(value, u.lifetime)
		case "output_tokens":
			u.hasOutput = !jsonpeek.IsNull(value)
			u.count(value, &u.output)
		case "output_tokens_details":
			u.object(value, u.outputDetail)
		case "server_tool_use":
			u.object(value, u.tool)
		case "service_tier":
			m.known.tier.take(&tier, value)
		case "inference_geo":
			m.known.geo.take(&geo, value)
		}
		return true
	})
	counts := u.counts() // before its remarks are read
	m.settle(&u.tally, counts)
	if u.absurd {
		return
	}
	m.report.ServiceTier, m.report.Geo = tier, geo
	u.finalCount = u.finalCount || u.hasOutput && !start
	m.report.OutputPartial = m.report.Found && !u.finalCount
	m.report.Final = m.report.Found && u.finalCount
	m.anthropic = u
}

func (u *anthropicUsage) lifetime(name, value []byte) bool {
	switch string(name) {
	case "ephemeral_5m_input_tokens":
		u.count(value, &u.written5m)
	case "ephemeral_1h_input_tokens":
		u.count(value, &u.written1h)
	}
	return true
}

func (u *anthropicUsage) outputDetail(name, value []byte) bool {
	if string(name) == "thinking_tokens" {
		u.count(value, &u.thinking)
	}
	return true
}

func (u *anthropicUsage) tool(name, value []byte) bool {
	if string(name) == "web_search_requests" {
		u.count(value, &u.searches)
	}
	return true
}

// counts makes the classes disjoint. The total of the cache writes is the
// authority, since a later event may repeat it alone; the split says how much of
// it lives an hour.
func (u *anthropicUsage) counts() (c Counts) {
	written := u.written
	if written == 0 {
		written = u.written5m + u.written1h
	}
	c[Input] = u.input
	c[CacheRead] = u.read
	left := written
	c[CacheWrite1h] = u.part(u.written1h, written, &left)
	c[CacheWrite] = left
	left = u.output
	c[Reasoning] = u.part(u.thinking, u.output, &left)
	c[Output] = left
	c[WebSearch] = u.searches
	return c
}

var messageStop = []byte("message_stop")
