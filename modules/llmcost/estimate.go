// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmcost

import (
	"net/http"

	"github.com/caddy-gateway/tollgate/modules/internal/estimate"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/internal/tokens"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// estimate counts what the provider did not report: the request, unless at least
// that was said, and what was delivered of the answer.
//
// What cannot be estimated stays unknown: endpoints that bill something other than
// tokens, answers produced in the background, bodies that could not be decoded.
// Nor is there anything to count where the provider reports an error and has
// delivered nothing.
func (m *meter) estimate(llm *state.LLM) {
	r := &llm.Report
	if r.Found && !r.OutputPartial || llm.Endpoint.Operation == "" || m.background || m.unreadable() {
		return
	}
	var output usage.Counts
	if m.media != usage.MediaNone { // else the transcript is of an earlier answer
		output = m.transcript.Output()
	}
	if r.Failed && output.IsZero() {
		return
	}
	encoding := m.encoding()
	if !r.Found {
		r.Counts = output
		r.Counts[usage.Input] = m.prompt()
	} else if output.TotalOutput() > r.Counts[usage.Output]+r.Counts[usage.Reasoning] {
		// Compared together, since not every provider tells reasoning apart.
		r.Counts[usage.Output], r.Counts[usage.Reasoning] = output[usage.Output], output[usage.Reasoning]
	}
	llm.Estimated, llm.Tokenizer = true, encoding.Name()
}

// prompt is what the request comes to. At the end of the process there may be
// thousands of requests to settle and little time: then its size has to do.
func (m *meter) prompt() int64 {
	body, endpoint := m.rq.BufferedBody(), &m.rq.LLM.Endpoint
	if m.rq.Hurried() {
		return estimate.Rough(len(body))
	}
	return estimate.Prompt(endpoint.Format, endpoint.Operation, body, m.encoding())
}

// estimateUnanswered charges a call that its client gave up before there was an
// answer: if the upstream has the whole request, it is at work on it.
func (m *meter) estimateUnanswered(llm *state.LLM) {
	if !m.abandoned() || !m.rq.BodySent() {
		return
	}
	llm.Metered, llm.Truncated = true, true
	m.estimate(llm)
	m.price(llm)
}

// abandoned says that the client left, or the process ended, before there was an
// answer. A proxy says so with the status 499, or ends in an error of its own when the
// connection to the upstream goes with that to the client.
func (m *meter) abandoned() bool {
	switch m.rq.Status() {
	case 0:
		return m.rq.Aborted()
	case state.StatusClientClosed, http.StatusBadGateway:
		return m.rq.Failure.Code == state.CodeClientClosed
	}
	return false
}

// encoding is the tokenizer of the model that was asked for: the transcript is given it
// when an answer begins, and which model answers may not be known by then.
func (m *meter) encoding() tokens.Encoding {
	llm, known := &m.rq.LLM, &m.tokenizer
	if known.model != llm.Model || known.provider != llm.Provider {
		known.model, known.provider = llm.Model, llm.Provider
		known.encoding = tokens.EncodingFor(llm.Provider, llm.Model)
	}
	return known.encoding
}

// unreadable says that there was a body and its text is not known.
func (m *meter) unreadable() bool {
	return m.opaque || m.damaged && !m.rq.Aborted()
}
