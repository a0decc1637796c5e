// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"errors"
	"fmt"
	"slices"

	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// tariff converts prices with their tiers. Errors begin with the path below.
func (f *fileTariff) tariff() (t tariff, err error) {
	if t.priceSet, err = f.filePrices.prices(); err != nil {
		return t, err
	}
	for i := range f.Tiers {
		step, err := f.Tiers[i].tier()
		if err != nil {
			return t, fmt.Errorf(".tiers[%d]%w", i, err)
		}
		if i > 0 && step.min <= t.tiers[i-1].min {
			return t, fmt.Errorf(".tiers[%d]: thresholds must ascend", i)
		}
		t.tiers = append(t.tiers, step)
	}
	return t, nil
}

func (f *fileTier) tier() (t tier, err error) {
	switch {
	case (f.Above == nil) == (f.From == nil):
		return t, errors.New(": want either input_tokens_gt or input_tokens_ge")
	case f.Above != nil:
		t.min, t.label = *f.Above+1, fmt.Sprintf(">%d", *f.Above)
	default:
		t.min, t.label = *f.From, fmt.Sprintf(">=%d", *f.From)
	}
	if t.min < 1 || t.min > maxCount {
		return t, errors.New(": the threshold is out of range")
	}
	t.prices, err = f.filePrices.prices()
	return t, err
}

// prices converts the prices and refuses impossible ones.
func (f *filePrices) prices() (p priceSet, err error) {
	for c, text := range f.byClass() {
		if text == nil {
			continue
		}
		rate, err := money.ParseRate(*text)
		if err != nil {
			return p, fmt.Errorf(".%s: %w", usage.Class(c), err)
		}
		if rate < 0 {
			return p, fmt.Errorf(".%s: %q is negative", usage.Class(c), *text)
		}
		p.set(usage.Class(c), rate)
	}
	for _, o := range orders {
		if o.violated(&p) {
			return p, fmt.Errorf(".%s: %s exceeds the price of %s, %s", o.low, p.rates[o.low], o.high, p.rates[o.high])
		}
	}
	return p, nil
}

// order is a pair of classes of which low never costs more than high.
type order struct{ low, high usage.Class }

var orders = []order{
	{usage.CacheRead, usage.Input},
	{usage.CacheWrite, usage.CacheWrite1h},
}

func (o order) violated(p *priceSet) bool {
	return p.has[o.low] && p.has[o.high] && p.rates[o.low] > p.rates[o.high]
}

// check refuses rows in which a refinement states a price of cache reads above
// the price of input it inherits.
func (r *row) check() error {
	for _, p := range r.plans {
		for _, tables := range p {
			for i := range tables {
				t := &tables[i]
				if read, in := t.rates[usage.CacheRead], t.rates[usage.Input]; read > in {
					return fmt.Errorf(": at %s, cache_read %s exceeds the price of input, %s", t.label, read, in)
				}
			}
		}
	}
	return nil
}

// Proportions beyond which a price is likely a mistake: a factor in tenths.
const (
	maxWrite1hTenths  = 25 // of input
	maxPriorityTenths = 40 // of the standard price
)

// outOfProportion reports whether a price exceeds tenths/10 times another.
func outOfProportion(rate, of money.Rate, tenths int64) bool {
	return of > 0 && rate.Times(10) > of.Times(tenths)
}

// eachOutlier reports prices that are possible, yet unusual.
func (s *statement) eachOutlier(report func(string)) {
	s.tariff.eachOutlier("", report)
	for i := range s.windows {
		s.windows[i].eachOutlier(fmt.Sprintf(".windows[%d]", i), report)
	}
	for i, t := range s.services {
		if t == nil {
			continue
		}
		t.eachOutlier("."+serviceNames[i], report)
		for c, rate := range t.rates {
			if t.has[c] && outOfProportion(rate, s.rates[c], maxPriorityTenths) {
				report(fmt.Sprintf(".%s.%s: %s is more than four times the standard price %s", serviceNames[i], usage.Class(c), rate, s.rates[c]))
			}
		}
	}
}

func (t *tariff) eachOutlier(path string, report func(string)) {
	for i, p := range slices.Insert(tierPrices(t.tiers), 0, t.priceSet) {
		at := path
		if i > 0 {
			at = fmt.Sprintf("%s.tiers[%d]", path, i-1)
		}
		in, out := p.rates[usage.Input], p.rates[usage.Output]
		// Embeddings have an output price of zero and no output.
		if p.has[usage.Input] && p.has[usage.Output] && out > 0 && in > out {
			report(fmt.Sprintf("%s: input %s costs more than output %s", at, in, out))
		}
		if write := p.rates[usage.CacheWrite1h]; outOfProportion(write, in, maxWrite1hTenths) {
			report(fmt.Sprintf("%s: cache_write_1h %s is more than 2.5 times input %s", at, write, in))
		}
	}
}

func tierPrices(tiers []tier) []priceSet {
	list := make([]priceSet, 0, len(tiers)+1)
	for _, t := range tiers {
		list = append(list, t.prices)
	}
	return list
}
