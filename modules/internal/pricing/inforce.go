// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"maps"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// InForce is everything a model may cost at a moment, for people to look at;
// Price picks from it.
type InForce struct {
	// From is the instant since which these prices are in effect, and Next the
	// one at which the next row of the model takes over; zero when the book
	// knows none.
	From, Next time.Time
	// Tables are the complete price tables, the standard one first.
	Tables []Table
	// Multipliers are the factors on the cost of tokens, by place of inference.
	Multipliers map[string]money.Ratio
}

// Table is one complete list of prices of a row.
type Table struct {
	// Tier names the table as Quote.Tier does, such as "batch/peak/>272000".
	Tier string
	// MinInput is the number of input tokens from which the table applies.
	MinInput int64
	// Open says that a request which started at the moment asked for is within
	// the table's hours.
	Open bool
	// Rates are the prices by class: per token, or per call for
	// usage.WebSearch.
	Rates [usage.NumClasses]money.Rate
}

// InForce returns what the model costs at a moment. Service tiers without
// prices of their own are left out: they cost what the standard tier does.
func (m *Model) InForce(at time.Time) InForce {
	r := m.rowAt(at)
	f := InForce{From: r.from, Multipliers: maps.Clone(r.geo)}
	for i := range m.rows {
		if &m.rows[i] == r && i+1 < len(m.rows) {
			f.Next = m.rows[i+1].from
		}
	}
	open := r.open(at)
	for window := range r.plans {
		plan := &r.plans[window]
		for s, tables := range plan {
			if s != int(standard) && tables[0].label == plan[standard][0].label {
				continue
			}
			for i := range tables {
				t := &tables[i]
				f.Tables = append(f.Tables, Table{Tier: t.label, MinInput: t.min, Open: window == open, Rates: t.rates})
			}
		}
	}
	return f
}
