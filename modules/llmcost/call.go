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

// call is the metering of one request. Calls are used again, for the buffers of
// their meters.
type call struct {
	handler *Handler
	rq      *state.Request
	meter   usage.Meter
	media   usage.Media
}

var calls = sync.Pool{New: func() any { return new(call) }}

// EndRequest implements state.Settler.
func (c *call) EndRequest() {
	c.handler, c.rq, c.media = nil, nil, usage.MediaNone
	calls.Put(c)
}

// ResponseHeader implements state.Tap: only a successful answer in a media
// type of the format has a usage to read.
func (c *call) ResponseHeader(status int, h http.Header) int64 {
	for _, name := range [...]string{headerCost, headerInput, headerOutput} {
		delete(h, name) // ours to say, not the upstream's
	}
	if status < 200 || status > 299 || status == http.StatusNoContent {
		return 0
	}
	if enc := h.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		c.rq.LLM.Metered = true // a call whose usage cannot be read
		return 0
	}
	c.media = usage.MediaOf(h.Get("Content-Type"))
	if c.media == usage.MediaNone {
		return 0
	}
	c.meter.Reset(c.rq.LLM.Endpoint.Format, c.media)
	c.rq.LLM.Metered = true
	if c.handler.HeadersOff || c.media != usage.MediaJSON || c.rq.LLM.Stream {
		return 0
	}
	return holdLimit
}

// ResponseBody implements state.Tap.
func (c *call) ResponseBody(p []byte) bool {
	if c.media == usage.MediaNone {
		return false
	}
	return c.meter.Write(p)
}

// SettleRequest implements state.Settler: it prices what was metered.
func (c *call) SettleRequest(rq *state.Request) {
	llm := &rq.LLM
	if !llm.Metered {
		return
	}
	if c.media != usage.MediaNone {
		llm.Report = c.meter.Finish()
		llm.Truncated = rq.Aborted() || !llm.Report.Complete && !llm.Report.Malformed && hasTerminal(llm.Endpoint.Format, c.media)
		// Some providers count up in every event of a stream: the last count that
		// arrived of a broken one is not what the call has used.
		llm.Report.OutputPartial = llm.Report.OutputPartial || llm.Report.Found && llm.Truncated
	}
	c.price(llm)
}

// price looks for the model that answered, then for the one that was asked.
func (c *call) price(llm *state.LLM) {
	name := llm.Report.Model
	model, ok := c.lookup(llm.Provider, name)
	if !ok {
		name = llm.Model
		model, ok = c.lookup(llm.Provider, name)
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
		At:          c.rq.Start,
		ServiceTier: llm.Report.ServiceTier,
		Geo:         llm.Report.Geo,
	})
	llm.PriceKnown, llm.Cost, llm.Uncached = true, quote.Cost, quote.Uncached
}

func (c *call) lookup(provider, model string) (*pricing.Model, bool) {
	if model == "" {
		return nil, false
	}
	return c.handler.prices.Lookup(provider, model)
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
func (c *call) HeldHeader(h http.Header) {
	llm := &c.rq.LLM
	if c.handler.HeadersOff || !llm.Metered || !llm.Report.Found {
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
	_ state.Tap     = (*call)(nil)
	_ state.Settler = (*call)(nil)
)
