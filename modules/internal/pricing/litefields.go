// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// liteFields are the prices of LiteLLM's table that are read.
var liteFields = map[string]usage.Class{
	"input_cost_per_token":                      usage.Input,
	"cache_read_input_token_cost":               usage.CacheRead,
	"cache_creation_input_token_cost":           usage.CacheWrite,
	"cache_creation_input_token_cost_above_1hr": usage.CacheWrite1h,
	"input_cost_per_audio_token":                usage.InputAudio,
	"input_cost_per_image_token":                usage.InputImage,
	"output_cost_per_token":                     usage.Output,
	"output_cost_per_reasoning_token":           usage.Reasoning,
	"output_cost_per_audio_token":               usage.OutputAudio,
	"output_cost_per_image_token":               usage.OutputImage,
}

// liteTarget is what the name of a field says.
type liteTarget struct {
	class     usage.Class
	service   service
	threshold int64 // tokens; zero without
}

// parseLiteField takes a name such as
// "input_cost_per_token_above_272k_tokens_flex" apart. The suffixes occur in
// either order.
func parseLiteField(name string) (t liteTarget, ok bool) {
	cutService := func() {
		for suffix, s := range map[string]service{"_batches": batch, "_flex": flex, "_priority": priority} {
			if rest, found := strings.CutSuffix(name, suffix); found {
				name, t.service = rest, s
				return
			}
		}
	}
	cutService()
	if rest, found := strings.CutSuffix(name, "_tokens"); found {
		i := strings.LastIndex(rest, "_above_")
		if i < 0 {
			return t, false
		}
		digits, thousands := strings.CutSuffix(rest[i+len("_above_"):], "k")
		n, err := strconv.ParseUint(digits, 10, 32)
		if err != nil || n == 0 {
			return t, false
		}
		t.threshold = int64(n)
		if thousands {
			t.threshold *= 1000
		}
		name = rest[:i]
		cutService()
	}
	t.class, ok = liteFields[name]
	return t, ok
}

// liteRate reads a price in USD per token. Prices finer than a pico-dollar
// are artefacts of floats and rounded.
func liteRate(literal string) (money.Rate, error) {
	amount, err := money.RoundUSD(literal)
	if err == nil && amount < 0 {
		err = errors.New("the price is negative")
	}
	return money.Rate(amount), err
}

// liteStatement gathers the prices of an entry.
type liteStatement struct {
	base      [numServices]*priceSet
	tiers     [numServices]map[int64]*priceSet
	inclusive bool // tiers begin at the threshold, not above it
}

// prices returns the set to fill for a service tier and threshold.
func (s *liteStatement) prices(of service, threshold int64) *priceSet {
	if s.base[of] == nil {
		s.base[of] = new(priceSet)
		s.tiers[of] = make(map[int64]*priceSet)
	}
	if threshold == 0 {
		return s.base[of]
	}
	if s.tiers[of][threshold] == nil {
		s.tiers[of][threshold] = new(priceSet)
	}
	return s.tiers[of][threshold]
}

// sanitize leaves out prices that cannot be right.
func (s *liteStatement) sanitize(warn func(string)) {
	for of, base := range s.base {
		if base == nil {
			continue
		}
		clean(base, warn)
		for _, threshold := range slices.Sorted(maps.Keys(s.tiers[of])) {
			clean(s.tiers[of][threshold], warn)
		}
		for c, rate := range base.rates {
			if of != int(standard) && base.has[c] && outOfProportion(rate, s.base[standard].rates[c], maxPriorityTenths) {
				warn(fmt.Sprintf("%s price of %s left out: %s is more than four times the standard price", serviceNames[of], usage.Class(c), rate))
				base.drop(usage.Class(c))
			}
		}
	}
}

func clean(p *priceSet, warn func(string)) {
	for _, o := range orders {
		if !o.violated(p) {
			continue
		}
		wrong := o.low
		if o.high == usage.CacheWrite1h {
			wrong = o.high
		}
		warn(fmt.Sprintf("price of %s left out: %s does not fit %s and %s", wrong, p.rates[wrong], o.low, o.high))
		p.drop(wrong)
	}
	if write := p.rates[usage.CacheWrite1h]; outOfProportion(write, p.rates[usage.Input], maxWrite1hTenths) {
		warn(fmt.Sprintf("price of cache_write_1h left out: %s is more than 2.5 times input", write))
		p.drop(usage.CacheWrite1h)
	}
}

// statement converts to the common form.
func (s *liteStatement) statement() *statement {
	st := &statement{tariff: s.tariff(standard)}
	for i, base := range s.base {
		if base != nil && service(i) != standard {
			t := s.tariff(service(i))
			st.services[i] = &t
		}
	}
	return st
}

func (s *liteStatement) tariff(of service) tariff {
	t := tariff{priceSet: *s.base[of]}
	for _, threshold := range slices.Sorted(maps.Keys(s.tiers[of])) {
		step := tier{min: threshold + 1, label: fmt.Sprintf(">%d", threshold), prices: *s.tiers[of][threshold]}
		if s.inclusive {
			step.min, step.label = threshold, fmt.Sprintf(">=%d", threshold)
		}
		t.tiers = append(t.tiers, step)
	}
	return t
}

// offPeak adds the cheaper hours of off_peak_pricing as a window, when they
// are the same every day. Otherwise the dearer standard price stands.
func (e liteEntry) offPeak(st *statement, warn func(string)) *schedule {
	var block liteEntry
	if json.Unmarshal(e["off_peak_pricing"], &block) != nil || len(block) == 0 {
		return nil
	}
	var spans []span
	for text := range strings.SplitSeq(block.text("hours_utc"), ",") {
		h, err := parseSpan(strings.TrimSpace(text))
		if err != nil || block["windows"] != nil || block["weekdays"] != nil {
			warn("off_peak_pricing left out: only daily hours_utc are read")
			return nil
		}
		spans = append(spans, h)
	}
	w := window{name: "off_peak"}
	for field, class := range liteFields {
		if rate, err := liteRate(block.literal(field)); err == nil {
			w.set(class, rate)
		}
	}
	hours := &schedule{zone: time.UTC}
	everyDay := [7]bool{true, true, true, true, true, true, true}
	if err := hours.add(1, everyDay, spans); err != nil {
		warn("off_peak_pricing left out: " + err.Error())
		return nil
	}
	clean(&w.priceSet, warn)
	st.windows = []window{w}
	return hours
}
