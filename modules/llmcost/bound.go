// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmcost

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/internal/estimate"
	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/pricing"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// Bound implements state.Bounder: it reads the body as it is forwarded, limits its answers,
// and says what the call can use and cost then. Nothing of this is done for
// requests of which nobody asks it.
func (m *meter) Bound(r *http.Request, maxOutput int64) (state.Bound, error) {
	body, endpoint := m.rq.BufferedBody(), &m.rq.LLM.Endpoint
	if endpoint.Operation == "" {
		return state.Bound{Input: int64(len(body)), Unbounded: "the gateway does not know what this endpoint bills"}, nil
	}
	b, err := estimate.Bound(&estimate.Call{
		Format:    endpoint.Format,
		Operation: endpoint.Operation,
		Provider:  m.rq.LLM.Provider,
		Model:     m.rq.LLM.Model,
		Fixed:     strings.HasSuffix(strings.TrimRight(r.URL.Path, "/"), "/compact"),
		Body:      body,
	})
	if err != nil {
		return state.Bound{}, refuseField(err)
	}
	if maxOutput > 0 {
		if err := m.limit(r, &b, maxOutput); err != nil {
			return state.Bound{}, err
		}
	}
	return m.most(r.Header, &b), nil
}

// most turns what the request says into tokens and money, by what is known of its
// model.
func (m *meter) most(header http.Header, b *estimate.Bounds) state.Bound {
	llm, model := &m.rq.LLM, m.asked
	bound := state.Bound{Unbounded: b.Unbounded}
	because := func(why string) {
		if bound.Unbounded == "" {
			bound.Unbounded = why
		}
	}
	var maxInput, maxOutput int64
	if model == nil {
		because("the gateway has no price for " + describe(llm.Model))
	} else {
		maxInput, maxOutput = longest(header, model.MaxInput), model.MaxOutput
	}
	switch bound.Input = b.Input; {
	case b.Refers == "" && (maxInput == 0 || b.Prompts):
	case b.Refers == "":
		bound.Input = min(b.Input, maxInput)
	case maxInput == 0 || b.Prompts:
		because("it holds or refers to " + b.Refers + ", and how much that comes to is not known")
	default:
		bound.Input = maxInput
	}
	if llm.Endpoint.Operation != estimate.Embeddings {
		perAnswer := b.PerAnswer()
		if perAnswer == estimate.None || b.Drawn {
			if maxOutput == 0 {
				because("neither it nor the price book limits its answer; name a limit such as max_tokens")
			}
			perAnswer = max(perAnswer, maxOutput)
		}
		bound.Output = b.Total(perAnswer)
	}
	if model == nil {
		return bound
	}
	bound.Cost = m.cost(model, bound.Input, bound.Output, m.without(b))
	if model.Free(m.rq.Start) {
		bound.Unbounded = "" // whatever it uses
	}
	return bound
}

// cost is what tokens can cost at most, also where a snapshot of the model answers
// that has a price of its own.
func (m *meter) cost(model *pricing.Model, input, output int64, without []usage.Class) money.Amount {
	cost := model.Most(m.rq.Start, input, output, without...)
	for _, snapshot := range m.handler.prices.Snapshots(model) {
		cost = max(cost, snapshot.Most(m.rq.Start, input, output, without...))
	}
	return cost
}

// without lists the classes that a call cannot use by what it says.
func (m *meter) without(b *estimate.Bounds) (classes []usage.Class) {
	if !b.Media {
		classes = append(classes, usage.InputAudio, usage.InputImage)
	}
	if body := m.rq.BufferedBody(); m.rq.LLM.Endpoint.Format == usage.AnthropicMessages &&
		!bytes.Contains(body, oneHour) && !bytes.Contains(body, escape) {
		classes = append(classes, usage.CacheWrite1h) // for which "ttl" has to be "1h"
	}
	return classes
}

var (
	oneHour = []byte("1h")
	escape  = []byte(`\u`)
)

// longest is the longest prompt that a model takes, or zero if that is not known. Anthropic
// lets some take a longer one on demand.
func longest(header http.Header, maxInput int64) int64 {
	const million = 1_000_000
	if maxInput > 0 && maxInput < million && strings.Contains(all(header["Anthropic-Beta"]), "context-1m") {
		return million
	}
	return maxInput
}

// unreadBounder is that of requests which are not read.
type unreadBounder struct{}

// Bound implements state.Bounder.
func (unreadBounder) Bound(*http.Request, int64) (state.Bound, error) {
	return state.Bound{Unbounded: "the gateway cannot read what this request uses"}, nil
}

// Interface guards
var (
	_ state.Bounder = (*meter)(nil)
	_ state.Bounder = unreadBounder{}
)
