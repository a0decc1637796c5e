// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmcost

import (
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/caddy-gateway/tollgate/modules/internal/pricing"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// Response headers of an answer that was held to its end.
const (
	headerCost   = "X-Gateway-Cost-Usd"
	headerInput  = "X-Gateway-Input-Tokens"
	headerOutput = "X-Gateway-Output-Tokens"
)

// otherModel stands for models that are not told apart.
const otherModel = "_other"

// meter is the metering of one request. Meters are used again, for their buffers.
type meter struct {
	handler *Handler
	rq      *state.Request
	asked   *pricing.Model // of the model that the request names, if it is known
	usage   usage.Meter
	media   usage.Media
}

var meters = sync.Pool{New: func() any { return new(meter) }}

// EndRequest implements state.Settler.
func (m *meter) EndRequest() {
	m.handler, m.rq, m.asked, m.media = nil, nil, nil, usage.MediaNone
	meters.Put(m)
}

// ResponseHeader implements state.Tap: only a successful answer in a media
// type of the format has a usage to read.
func (m *meter) ResponseHeader(status int, h http.Header) int64 {
	withoutClaims(h)
	if status < 200 || status > 299 || status == http.StatusNoContent {
		return 0
	}
	if enc := first(h["Content-Encoding"]); enc != "" && !strings.EqualFold(enc, "identity") {
		m.rq.LLM.Metered = true // a call whose usage cannot be read
		return 0
	}
	m.media = usage.MediaOf(first(h["Content-Type"]))
	if m.media == usage.MediaNone {
		m.rq.LLM.Metered = true // likewise
		return 0
	}
	m.usage.Expect(m.rq.LLM.Model)
	m.usage.Reset(m.rq.LLM.Endpoint.Format, m.media)
	m.rq.LLM.Metered = true
	if m.handler.HeadersOff || m.media != usage.MediaJSON || m.rq.LLM.Stream {
		return 0
	}
	return holdLimit
}

// first is Header.Get for a name that is canonical already.
func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// withoutClaims removes what the gateway alone may say.
func withoutClaims(h http.Header) {
	for _, name := range [...]string{headerCost, headerInput, headerOutput} {
		delete(h, name)
	}
}

// ResponseBody implements state.Tap.
func (m *meter) ResponseBody(p []byte) bool {
	if m.media == usage.MediaNone {
		return false
	}
	return m.usage.Write(p)
}

// SettleRequest implements state.Settler: it prices what was metered.
func (m *meter) SettleRequest(rq *state.Request) {
	llm := &rq.LLM
	if !llm.Metered {
		return
	}
	if m.media != usage.MediaNone {
		llm.Report = m.usage.Finish()
		llm.Truncated = rq.Aborted() || !llm.Report.Complete && !llm.Report.Malformed && hasTerminal(llm.Endpoint.Format, m.media)
		// Some providers count up in every event of a stream: the last count that
		// arrived of a broken one is not what the call has used.
		llm.Report.OutputPartial = llm.Report.OutputPartial || llm.Report.Found && llm.Truncated
	}
	m.price(llm)
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
	if !ok || !llm.Report.Found {
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

// hasTerminal says that a complete answer shows its own end.
func hasTerminal(f usage.Format, media usage.Media) bool {
	return media == usage.MediaJSON || f != usage.Gemini
}

// HeldHeader implements state.Tap.
func (m *meter) HeldHeader(h http.Header) {
	llm := &m.rq.LLM
	if m.handler.HeadersOff || !llm.Metered || !llm.Report.Found {
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
}

// Interface guards
var (
	_ state.Tap     = (*meter)(nil)
	_ state.Settler = (*meter)(nil)
)
