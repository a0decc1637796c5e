// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// priceSet holds the prices that a file states, and which those are.
type priceSet struct {
	rates [usage.NumClasses]money.Rate
	has   [usage.NumClasses]bool
}

func (p *priceSet) set(c usage.Class, r money.Rate) {
	p.rates[c], p.has[c] = r, true
}

func (p *priceSet) drop(c usage.Class) {
	p.rates[c], p.has[c] = 0, false
}

// tariff is a set of prices with those for long prompts.
type tariff struct {
	priceSet
	tiers []tier // ascending
}

// tier holds the prices from a number of input tokens on.
type tier struct {
	min    int64
	label  string // as written: ">200000" or ">=200000"
	prices priceSet
}

// window holds the prices at certain hours.
type window struct {
	name string
	tariff
}

// statement is a row as a file states it, before inheritance.
type statement struct {
	tariff
	services [numServices]*tariff // [standard] is unused
	windows  []window
}

// resolve computes every price table of the row in advance, so that pricing a
// request only picks one.
func (s *statement) resolve() []plan {
	base := s.tariff.tables(nil)
	plans := append(make([]plan, 0, 1+len(s.windows)), s.plan(base, ""))
	for i := range s.windows {
		w := &s.windows[i]
		plans = append(plans, s.plan(w.tables(base), "/"+w.name))
	}
	return plans
}

// plan computes the tables of all service tiers. Those without prices of
// their own share the standard ones.
func (s *statement) plan(base []stated, window string) (p plan) {
	p[standard] = complete(base, serviceNames[standard]+window)
	for i := range p[1:] {
		service := service(i + 1)
		p[service] = p[standard]
		if t := s.services[service]; t != nil {
			p[service] = complete(t.tables(base), serviceNames[service]+window)
		}
	}
	return p
}

// stated is a table before the fallbacks of classes.
type stated struct {
	min    int64
	label  string
	prices priceSet
}

// tables lays the tariff over the tables it refines, if any.
func (t *tariff) tables(base []stated) []stated {
	if base == nil {
		base = []stated{{}}
	}
	list := []stated{{prices: over(base[0].prices, t.priceSet)}}
	if len(t.tiers) == 0 {
		for _, b := range base[1:] {
			b.prices = dearer(b.prices, list[0].prices)
			list = append(list, b)
		}
		return list
	}
	for _, step := range t.tiers {
		below := list[len(list)-1].prices
		if b := at(base, step.min); b.min > 0 {
			below = dearer(b.prices, below)
		}
		list = append(list, stated{min: step.min, label: step.label, prices: over(below, step.prices)})
	}
	return list
}

// at returns the table for a number of input tokens.
func at(list []stated, total int64) stated {
	i := len(list) - 1
	for i > 0 && total < list[i].min {
		i--
	}
	return list[i]
}

// over replaces prices by those of a refinement.
func over(base, p priceSet) priceSet {
	if p.has[usage.Output] {
		base.drop(usage.Reasoning)
	}
	for c := range p.rates {
		if p.has[c] {
			base.set(usage.Class(c), p.rates[c])
		}
	}
	// An inherited price of cache reads must not undo a lower input price.
	if p.has[usage.Input] && !p.has[usage.CacheRead] && base.has[usage.CacheRead] {
		base.rates[usage.CacheRead] = min(base.rates[usage.CacheRead], base.rates[usage.Input])
	}
	return base
}

// dearer takes the higher price of each class.
func dearer(a, b priceSet) priceSet {
	for c := range a.rates {
		if b.has[c] && (!a.has[c] || b.rates[c] > a.rates[c]) {
			a.set(usage.Class(c), b.rates[c])
		}
	}
	return a
}

// fallbacks names, in the order of evaluation, the class whose price a class
// takes when it has none.
var fallbacks = []struct{ class, from usage.Class }{
	{usage.CacheRead, usage.Input},
	{usage.CacheWrite, usage.Input},
	{usage.CacheWrite1h, usage.CacheWrite},
	{usage.InputAudio, usage.Input},
	{usage.InputImage, usage.Input},
	{usage.Reasoning, usage.Output},
	{usage.OutputAudio, usage.Output},
	{usage.OutputImage, usage.Output},
}

// complete applies the fallbacks and labels the tables.
func complete(list []stated, label string) []table {
	tables := make([]table, len(list))
	for i, s := range list {
		for _, f := range fallbacks {
			if !s.prices.has[f.class] {
				s.prices.set(f.class, s.prices.rates[f.from])
			}
		}
		tables[i] = table{min: s.min, rates: s.prices.rates, label: label}
		if s.label != "" {
			tables[i].label = label + "/" + s.label
		}
	}
	return tables
}
