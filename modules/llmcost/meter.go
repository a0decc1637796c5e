// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmcost

import (
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/caddy-gateway/tollgate/modules/internal/decode"
	"github.com/caddy-gateway/tollgate/modules/internal/estimate"
	"github.com/caddy-gateway/tollgate/modules/internal/pricing"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/internal/tokens"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
	"github.com/caddy-gateway/tollgate/modules/internal/usagefilter"
)

// Response headers of an answer that was held to its end.
const (
	headerCost   = "X-Gateway-Cost-Usd"
	headerInput  = "X-Gateway-Input-Tokens"
	headerOutput = "X-Gateway-Output-Tokens"
	// headerEstimated names the tokenizer where the provider did not report usage.
	headerEstimated = "X-Gateway-Estimated-With"
)

// otherModel stands for models that are not told apart.
const otherModel = "_other"

// meter is the metering of one request. Meters are used again, for their buffers.
type meter struct {
	handler    *Handler
	rq         *state.Request
	writer     *state.Writer  // through which the answer goes
	asked      *pricing.Model // of the model that the request names, if it is known
	filtering  bool           // the gateway has asked for the usage, the client has not
	background bool           // the answer is produced later

	usage      usage.Meter
	transcript estimate.Transcript
	filter     usagefilter.Filter
	media      usage.Media
	decoder    *decode.Decoder // of a compressed body
	plain      func(p []byte)  // takes what it decodes
	terminal   bool            // the body has shown its end
	opaque     bool            // there is a body that cannot be read
	damaged    bool            // a compressed body is not what its coding promises
	unsaid     bool            // the provider has not reported the whole usage

	// tokenizer is that of the model that this meter saw last.
	tokenizer struct {
		provider, model string
		encoding        tokens.Encoding
	}
}

var meters = sync.Pool{New: func() any {
	m := new(meter)
	m.usage.Listen(&m.transcript)
	m.plain = func(p []byte) { m.terminal = m.usage.Write(p) || m.terminal }
	return m
}}

// EndRequest implements state.Settler.
func (m *meter) EndRequest() {
	if m.decoder != nil {
		m.decoder.Close()
	}
	if m.rq.LLM.Bounder == state.Bounder(m) {
		m.rq.LLM.Bounder = nil // m will be another request's
	}
	m.handler, m.rq, m.writer, m.asked, m.decoder = nil, nil, nil, nil, nil
	m.filtering, m.background, m.terminal, m.opaque = false, false, false, false
	m.damaged, m.unsaid = false, false
	m.media = usage.MediaNone
	meters.Put(m)
}

// ResponseHeader implements state.Tap: only a successful answer in a media
// type of the format has a usage to read.
func (m *meter) ResponseHeader(status int, h http.Header) int64 {
	withoutClaims(h)
	if status < 200 || status > 299 || status == http.StatusNoContent {
		return 0
	}
	if m.rq.Cache.Served() {
		m.served(h)
		return 0
	}
	llm := &m.rq.LLM
	llm.Metered = true
	m.media = usage.MediaOf(first(h["Content-Type"]))
	if !m.decodes(all(h["Content-Encoding"])) || m.media == usage.MediaNone {
		m.media, m.opaque = usage.MediaNone, true // a call whose usage cannot be read
		return 0
	}
	m.usage.Expect(llm.Model)
	m.usage.Reset(llm.Endpoint.Format, m.media)
	if m.decoder == nil {
		m.usage.Announce(m.writer.Announced())
	}
	m.transcript.Reset(llm.Endpoint.Format, m.media, m.encoding())
	if m.filtering && m.media == usage.MediaSSE && m.decoder == nil {
		m.edit(h)
	}
	if m.handler.HeadersOff || m.media != usage.MediaJSON || llm.Stream {
		return 0
	}
	return holdLimit
}

// edit has the answer without what it has only because the gateway asked for it.
func (m *meter) edit(h http.Header) {
	m.filter.Reset()
	delete(h, "Content-Length")
	m.writer.Edit(m)
}

// decodes makes ready for a content coding and says whether it can be read.
func (m *meter) decodes(coding string) (ok bool) {
	if isPlain(coding) {
		return true
	}
	m.decoder, ok = decode.New(coding)
	return ok
}

// isPlain says that a content coding is none.
func isPlain(coding string) bool { return coding == "" || strings.EqualFold(coding, "identity") }

// first is Header.Get for a name that is canonical already.
func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// all joins the lines of a field that is a list.
func all(values []string) string {
	if len(values) > 1 {
		return strings.Join(values, ",")
	}
	return first(values)
}

// withoutClaims removes what the gateway alone may say.
func withoutClaims(h http.Header) {
	for _, name := range [...]string{headerCost, headerInput, headerOutput, headerEstimated} {
		delete(h, name)
	}
}

// ResponseBody implements state.Tap.
func (m *meter) ResponseBody(p []byte) bool {
	switch {
	case m.media == usage.MediaNone:
		return false
	case m.decoder == nil:
		return m.usage.Write(p)
	}
	m.terminal = false
	m.decoder.Write(p, m.plain)
	return m.terminal
}

// EditBody implements state.Editor: it removes what the answer has only because
// the gateway asked for it.
func (m *meter) EditBody(p []byte) []byte { return m.filter.Write(p) }

// EndBody implements state.Editor.
func (m *meter) EndBody() []byte { return m.filter.Finish() }

// SettleRequest implements state.Settler: it prices what was metered.
func (m *meter) SettleRequest(rq *state.Request) {
	llm := &rq.LLM
	if !llm.Metered {
		if m.rq.Status() == 0 || !m.rq.Cache.Served() {
			m.estimateUnanswered(llm)
		}
		return
	}
	if m.media != usage.MediaNone {
		if m.decoder != nil {
			// One that has only not ended yet is as good as its plain text is.
			m.damaged = m.decoder.Err() != nil
			m.decoder.Finish(m.plain)
		}
		llm.Report = m.usage.Finish()
		llm.Report.Malformed = llm.Report.Malformed || m.unreadable()
		whole := llm.Report.Complete || llm.Report.Final || llm.Report.Malformed
		llm.Truncated = rq.Aborted() || !whole && hasTerminal(&llm.Endpoint, m.media)
		m.unsaid = !llm.Report.Found || llm.Report.OutputPartial
		// Some providers count up in every event of a stream: the last count that
		// arrived of a broken one is not what the call has used.
		llm.Report.OutputPartial = llm.Report.OutputPartial || llm.Report.Found && llm.Truncated && !llm.Report.Final
	}
	m.estimate(llm)
	m.price(llm)
}

// unfinished says that a stream has ended without the event that ends its format,
// without the whole usage and without an error: something on the way cut it, and what
// the client has is not a whole answer.
func (m *meter) unfinished() bool {
	if m.media != usage.MediaSSE && m.media != usage.MediaNDJSON {
		return false
	}
	m.rq.Settle()
	llm := &m.rq.LLM
	return llm.Truncated && m.unsaid && !llm.Report.Failed
}

// price looks for the model that answered, then for the one that was asked.
func (m *meter) price(llm *state.LLM) {
	name, model, ok := llm.Model, m.asked, m.asked != nil
	if answered := llm.Report.Model; answered != "" && answered != name {
		if other, known := m.handler.prices.Lookup(llm.Provider, answered); known {
			name, model, ok = answered, other, true
		}
	}
	switch {
	case ok:
		llm.Label = label(model, name, true)
	case llm.Report.Model != "":
		llm.Label = llm.Report.Model
	}
	if !ok || !llm.Report.Found && !llm.Estimated {
		return
	}
	quote := model.Price(pricing.Query{
		Counts:      llm.Report.Counts,
		At:          m.rq.Start,
		ServiceTier: llm.Report.ServiceTier,
		Geo:         llm.Report.Geo,
	})
	llm.PriceKnown, llm.Cost, llm.Uncached = true, quote.Cost, quote.Uncached
}

// label is the name of a model in metrics and ledger: that of the price book;
// or, where a wildcard of the book stands for many models, the name itself once
// a successful answer has confirmed it. Before that it is only what a client
// wrote.
func label(m *pricing.Model, name string, confirmed bool) string {
	switch {
	case name == "" || m.Lists(name):
		return m.ID
	case confirmed:
		return name
	}
	return otherModel
}

// hasTerminal says that a complete answer shows its own end. What endpoints do that
// are not known is not known either.
func hasTerminal(ep *usage.Endpoint, media usage.Media) bool {
	return media == usage.MediaJSON || ep.Format != usage.Gemini && ep.Operation != ""
}

// HeldHeader implements state.Tap.
func (m *meter) HeldHeader(h http.Header) {
	llm := &m.rq.LLM
	if m.handler.HeadersOff || !llm.Metered || !llm.Report.Found && !llm.Estimated {
		return
	}
	v := []string{
		strconv.FormatInt(llm.Report.Counts.TotalInput(), 10),
		strconv.FormatInt(llm.Report.Counts.TotalOutput(), 10),
		"unknown",
	}
	if llm.PriceKnown {
		v[2] = llm.Cost.String()
	}
	h[headerInput], h[headerOutput], h[headerCost] = v[0:1:1], v[1:2:2], v[2:3:3]
	if llm.Estimated {
		h[headerEstimated] = []string{llm.Tokenizer}
	}
}

// Interface guards
var (
	_ state.Tap     = (*meter)(nil)
	_ state.Editor  = (*meter)(nil)
	_ state.Settler = (*meter)(nil)
)
