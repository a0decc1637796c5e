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

	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// liteEntry is one model of LiteLLM's table, by field.
type liteEntry map[string]json.RawMessage

// looksLikeLiteLLM reports whether the values are models of LiteLLM's table.
func looksLikeLiteLLM(top map[string]json.RawMessage) bool {
	if top["sample_spec"] != nil {
		return true
	}
	for _, raw := range top {
		var e liteEntry
		if json.Unmarshal(raw, &e) != nil {
			continue
		}
		if e["litellm_provider"] != nil || e["input_cost_per_token"] != nil {
			return true
		}
	}
	return false
}

// parseLiteLLM reads LiteLLM's table. Numbers are taken as they are written,
// never through a float. Entries without a price for input tokens, such as
// image and speech models, are passed over.
func parseLiteLLM(top map[string]json.RawMessage, sum string) (*Book, error) {
	var models []*Model
	var warnings []string
	taken := make(map[nameKey]bool)
	for _, key := range slices.Sorted(maps.Keys(top)) {
		var e liteEntry
		if key == "sample_spec" || json.Unmarshal(top[key], &e) != nil || e.literal("input_cost_per_token") == "" {
			continue
		}
		warn := func(text string) {
			warnings = append(warnings, fmt.Sprintf("model %q: %s", key, text))
		}
		m, err := e.model(key, warn)
		if err != nil {
			warn("left out: " + err.Error())
			continue
		}
		name := nameKey{m.Provider, m.ID}
		if taken[name] {
			// Many models are listed with and without the provider's prefix; the
			// first in the order of names stands.
			continue
		}
		taken[name] = true
		models = append(models, m)
	}
	if len(models) == 0 {
		return nil, errors.New("no model in LiteLLM's table has a price for input tokens")
	}
	return newBook("litellm "+sum, warnings, models), nil
}

// model converts one entry.
func (e liteEntry) model(key string, warn func(string)) (*Model, error) {
	provider, id := e.identity(key)
	if provider == "" || id == "" {
		return nil, errors.New("litellm_provider is missing")
	}
	s := &liteStatement{inclusive: provider == "xai"}
	for _, field := range slices.Sorted(maps.Keys(e)) {
		target, ok := parseLiteField(field)
		literal := e.literal(field)
		if !ok || literal == "" {
			continue
		}
		rate, err := liteRate(literal)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", field, err)
		}
		s.prices(target.service, target.threshold).set(target.class, rate)
	}
	if s.base[standard] == nil || !s.base[standard].has[usage.Output] {
		if e.text("mode") != "embedding" {
			return nil, errors.New("output_cost_per_token is missing")
		}
		s.prices(standard, 0).set(usage.Output, 0)
	}
	if fee, ok := e.searchFee(); ok {
		s.prices(standard, 0).set(usage.WebSearch, fee)
	}
	s.sanitize(warn)
	r := row{geo: e.geo(warn)}
	st := s.statement()
	r.schedule = e.offPeak(st, warn)
	r.plans = st.resolve()
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("prices%w", err)
	}
	if e["tiered_pricing"] != nil {
		warn("tiered_pricing is not read; the flat price stands")
	}
	return &Model{
		ID: id, Provider: provider, names: []string{id}, rows: []row{r},
		MaxInput:  e.count("max_input_tokens"),
		MaxOutput: e.count("max_output_tokens"),
	}, nil
}

// identity splits the key of an entry into provider and bare name.
func (e liteEntry) identity(key string) (provider, id string) {
	provider = e.text("litellm_provider")
	prefix, rest, cut := strings.Cut(key, "/")
	switch {
	case provider == "" && cut:
		return prefix, rest
	case strings.HasPrefix(provider, "text-completion-"):
		provider = strings.TrimPrefix(provider, "text-completion-")
	case strings.HasPrefix(provider, "vertex_ai-"):
		provider = "vertex_ai"
	case provider == "bedrock_converse":
		provider = "bedrock"
	}
	if cut && prefix == provider {
		return provider, rest
	}
	return provider, key
}

// literal returns the text of a number, also of one in quotes, else "".
func (e liteEntry) literal(field string) string {
	var n json.Number
	if json.Unmarshal(e[field], &n) != nil {
		return ""
	}
	return n.String()
}

func (e liteEntry) text(field string) (s string) {
	// Anything but a string counts as absent.
	if json.Unmarshal(e[field], &s) != nil {
		return ""
	}
	return s
}

// count reads a limit, which some entries give as "1e6" or in quotes.
func (e liteEntry) count(field string) int64 {
	f, err := strconv.ParseFloat(e.literal(field), 64)
	if err != nil || f < 0 || f > maxCount {
		return 0
	}
	return int64(f)
}

// searchFee returns the fee of a web search with a context of medium size, or
// of the only size there is.
func (e liteEntry) searchFee() (money.Rate, bool) {
	var sizes liteEntry
	if json.Unmarshal(e["search_context_cost_per_query"], &sizes) != nil {
		return 0, false
	}
	for _, size := range []string{"medium", "low", "high"} {
		if literal := sizes.literal("search_context_size_" + size); literal != "" {
			fee, err := liteRate(literal)
			return fee, err == nil
		}
	}
	return 0, false
}

// geo reads the factors for places of inference.
func (e liteEntry) geo(warn func(string)) map[string]money.Ratio {
	texts := make(map[string]string)
	var specific liteEntry
	if json.Unmarshal(e["provider_specific_entry"], &specific) == nil {
		if us := specific.literal("us"); us != "" {
			texts["inference_geo=us"] = us
		}
	}
	for _, place := range []string{"us", "eu"} {
		if factor := e.literal("regional_processing_uplift_multiplier_" + place); factor != "" {
			texts["inference_geo="+place] = factor
		}
	}
	geo, err := parseMultipliers(texts)
	if err != nil {
		warn("multipliers left out: " + err.Error())
	}
	return geo
}
