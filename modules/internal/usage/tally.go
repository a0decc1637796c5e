// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package usage

import (
	"strings"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
	"github.com/caddy-gateway/tollgate/modules/internal/money"
)

const (
	// maxCount is the largest figure believed. Contexts are a thousand times
	// smaller.
	maxCount = 1_000_000_000
	// maxText bounds the names taken over from a response.
	maxText = 256
	// maxCost is the largest cost believed of one response, a million dollars.
	maxCost = 1_000_000 * picoPerUSD

	picoPerUSD  = 1_000_000_000_000
	picoPerTick = picoPerUSD / 10_000_000_000 // xAI counts 1e10 ticks per USD
)

// tally reads the figures of one usage object and notes what is wrong with
// them.
type tally struct {
	found  bool // a figure was there
	odd    bool // one was negative or contradicted another
	absurd bool // one was no number or too large: the object is not credible
}

// count reads a figure. Null is taken as absent.
func (t *tally) count(raw []byte, dst *int64) {
	v, ok := jsonpeek.Int(raw)
	switch {
	case ok && v >= 0 && v <= maxCount:
	case jsonpeek.IsNull(raw):
		return
	case !ok || v > maxCount:
		t.absurd = true
		return
	default:
		t.odd = true
		v = 0
	}
	t.found = true
	*dst = v
}

// object reads the members of a nested object. Null is taken as absent.
func (t *tally) object(raw []byte, member func(name, value []byte) bool) {
	if jsonpeek.IsNull(raw) {
		return
	}
	if jsonpeek.Object(raw, member) != nil {
		t.absurd = true
	}
}

// part takes n units out of what is left of a total, as many as there are. More
// than the total itself is a contradiction.
func (t *tally) part(n, total int64, left *int64) int64 {
	if n > total {
		t.odd = true
	}
	n = min(n, *left)
	*left -= n
	return n
}

// figures returns the usage object that the document holds as its i-th wanted
// member.
func (m *Meter) figures(i int) []byte {
	if m.doc.Oversize(i) {
		m.report.Malformed = true
	}
	return m.doc.Value(i)
}

// settle takes the counts over, unless the figures are not credible.
func (m *Meter) settle(t *tally, c Counts) {
	if t.odd || t.absurd {
		m.report.Malformed = true
	}
	if t.found && !t.absurd {
		m.report.Found = true
		m.report.Counts = c
	}
}

// memo is a text seen before. Bodies repeat a few models and tiers, so that the
// text need not be made anew.
type memo string

// take sets dst to the text of a string value, unless that is empty. It
// allocates only when the text is a new one.
func (o *memo) take(dst *string, raw []byte) {
	n := len(raw)
	if n < 3 || n > maxText+2 || raw[0] != '"' {
		return
	}
	// A backslash would make the text differ from what stands here. None is ever
	// remembered.
	switch text := raw[1 : n-1]; string(text) {
	case *dst:
		return
	case string(*o):
		*dst = string(*o)
		return
	}
	s, ok := jsonpeek.String(raw)
	if !ok {
		return
	}
	*dst = s
	o.keep(s)
}

// keep remembers a text.
func (o *memo) keep(s string) {
	if s != "" && len(s) <= maxText && strings.IndexByte(s, '\\') < 0 {
		*o = memo(s)
	}
}

// setCost takes over a cost in dollars, or in ticks.
func (m *Meter) setCost(usd, ticks []byte) {
	var cost money.Amount
	switch {
	case !jsonpeek.IsNull(ticks):
		v, ok := jsonpeek.Int(ticks)
		if !ok || v < 0 || v > maxCost/picoPerTick {
			m.report.Malformed = true
			return
		}
		cost = money.Amount(v * picoPerTick)
	case !jsonpeek.IsNull(usd):
		v, err := money.RoundUSD(string(usd))
		if err != nil || v < 0 || v > maxCost {
			m.report.Malformed = true
			return
		}
		cost = v
	default:
		return
	}
	m.report.ReportedCost, m.report.HasReportedCost = cost, true
}

// setError notes an error object. Some servers send an empty one for none.
func (m *Meter) setError(raw []byte) {
	switch string(raw) {
	case "", `""`, "{}", "false":
		return
	}
	m.report.Failed = true
}
