// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"strings"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// maxCount bounds a single count, so that sums of counts do not overflow. No
// price makes such a number of tokens fit an Amount anyway.
const maxCount = 1 << 59

// Query describes a finished request to be priced.
type Query struct {
	// Counts is what was used. Negative counts weigh nothing.
	Counts usage.Counts
	// At is the time at which the request started.
	At time.Time
	// ServiceTier is the tier the provider reports in its response. Empty or
	// unknown names are standard.
	ServiceTier string
	// Geo is the place of inference the provider reports, such as "us". Letter
	// case does not matter.
	Geo string
}

// Quote is the price of a request.
type Quote struct {
	// Cost is the exact cost, saturating at the limits of money.Amount.
	Cost money.Amount
	// Uncached is what the request would have cost, had the tokens read from a
	// cache been priced as input.
	Uncached money.Amount
	// Tier names the prices used: the service tier and, where they applied, the
	// window and the threshold, such as "standard", "batch/>272000" or
	// "standard/peak". It is empty in the zero Quote.
	Tier string
	// From is the instant since which these prices are in effect; zero when the
	// book knows none.
	From time.Time
	// Multiplier is the factor applied to the cost of tokens.
	Multiplier money.Ratio

	table *table
}

// Price computes the cost of a request. It does not allocate.
func (m *Model) Price(q Query) Quote {
	for i, n := range q.Counts {
		q.Counts[i] = min(max(n, 0), maxCount)
	}
	r := m.rowAt(q.At)
	t := r.tableFor(q.At, serviceOf(q.ServiceTier), q.Counts.TotalInput())
	quote := Quote{Tier: t.label, From: r.from, Multiplier: r.multiplier(q.Geo), table: t}
	var tokens money.Amount
	for class, n := range q.Counts[:usage.WebSearch] {
		if n != 0 {
			tokens = tokens.Add(t.rates[class].Times(n))
		}
	}
	fees := t.rates[usage.WebSearch].Times(q.Counts[usage.WebSearch])
	quote.Cost = quote.Multiplier.Of(tokens).Add(fees)
	quote.Uncached = quote.Cost
	if n := q.Counts[usage.CacheRead]; n != 0 {
		saved := (t.rates[usage.Input] - t.rates[usage.CacheRead]).Times(n)
		quote.Uncached = quote.Multiplier.Of(tokens.Add(saved)).Add(fees)
	}
	return quote
}

// multiplier returns the factor for the place of inference.
func (r *row) multiplier(geo string) money.Ratio {
	if geo == "" || len(r.geo) == 0 {
		return money.Ratio{}
	}
	return r.geo[strings.ToLower(geo)]
}

// CacheSavings returns how much less the request cost because parts of its
// prompt were read from a cache; never negative.
func (q Quote) CacheSavings() money.Amount {
	return max(q.Uncached.Sub(q.Cost), 0)
}

// Rate returns the price of a class that was used: per token, or per call for
// usage.WebSearch. The multiplier is not contained in it. Of the zero Quote
// all rates are zero.
func (q Quote) Rate(c usage.Class) money.Rate {
	if q.table == nil || int(c) >= len(q.table.rates) {
		return 0
	}
	return q.table.rates[c]
}

// ClassCost returns the cost of n tokens (or calls) of one class at the quoted
// prices, with the multiplier for tokens. The sum over all classes may exceed
// Cost by less than a pico-dollar a class, because each is rounded up.
func (q Quote) ClassCost(c usage.Class, n int64) money.Amount {
	cost := q.Rate(c).Times(max(n, 0))
	if c == usage.WebSearch {
		return cost
	}
	return q.Multiplier.Of(cost)
}
