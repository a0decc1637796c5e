// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quota

import (
	"net/http"

	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/limits"
)

// bound is what a model call can come to at most.
type bound struct {
	state.Bound
	known bool
	max   int64 // output that it was limited to, 0: not
}

// ask finds the bound out, and limits the answer where the level says so.
func (b *bound) ask(r *http.Request, rq *state.Request, l *level) error {
	lower := l.MaxOutput > 0 && (b.max == 0 || l.MaxOutput < b.max)
	if b.known && !lower {
		return nil
	}
	if lower {
		b.max = l.MaxOutput
	}
	var err error
	b.Bound, err = rq.LLM.Bounder.Bound(r, b.max)
	b.known = err == nil
	return err
}

// weight is what is reserved for a rule about tokens or cost.
func (b *bound) weight(rule *limits.Rule) (int64, error) {
	if rule.Hard() && b.Unbounded != "" {
		return 0, state.Deny(http.StatusForbidden, codeUnbounded,
			"The cost of this call cannot be bounded: "+b.Unbounded+"; it is refused because a budget applies")
	}
	var n int64
	switch rule.Unit {
	case limits.InputTokens:
		n = b.Input
	case limits.OutputTokens:
		n = b.Output
	case limits.Cost:
		n = nanos(b.Cost)
	default:
		n = b.Input + b.Output
	}
	return within(n), nil
}

// used is what the call came to in the unit of a rule. Where nobody can tell, that
// is what was reserved.
func used(llm *state.LLM, c *limits.Check) int64 {
	counts := &llm.Report.Counts
	switch {
	case !llm.Metered, llm.Report.Failed && counts.IsZero():
		return 0
	case c.Rule.Unit == limits.Cost && llm.PriceKnown:
		return within(nanos(llm.Cost))
	case c.Rule.Unit == limits.Cost, !llm.Report.Found && !llm.Estimated:
		return c.Weight
	case c.Rule.Unit == limits.InputTokens:
		return within(counts.TotalInput())
	case c.Rule.Unit == limits.OutputTokens:
		return within(counts.TotalOutput())
	}
	return within(counts.Total())
}

// nanos are billionths of a dollar, rounded up, so that no spend gets lost.
func nanos(a money.Amount) int64 {
	const pico = 1000
	n := int64(a) / pico
	if int64(a)%pico > 0 {
		n++
	}
	return n
}

func within(n int64) int64 { return min(max(n, 0), limits.MaxCount) }
