// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package accounting

import (
	"fmt"
	"maps"
	"math/big"
	"strings"
)

// class is what is billed by the piece.
type class uint8

const (
	input class = iota
	cacheRead
	cacheWrite
	cacheWrite1h
	output
	reasoning
	webSearch
	numClasses
)

// classNames are the names that metrics, logs and the ledger have for them.
var classNames = [numClasses]string{"input", "cache_read", "cache_write", "cache_write_1h", "output", "reasoning", "web_search"}

// counts are pieces by class.
type counts [numClasses]int64

func (c counts) add(o counts) counts {
	for i := range c {
		c[i] += o[i]
	}
	return c
}

// within says that every class is between those of two others.
func (c counts) within(low, high counts) bool {
	for i := range c {
		if c[i] < low[i] || c[i] > high[i] {
			return false
		}
	}
	return true
}

func (c counts) String() string {
	var parts []string
	for i, n := range c {
		if n != 0 {
			parts = append(parts, fmt.Sprint(classNames[i], " ", n))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// pico are the prices of the first model in pico-dollars a piece. The second costs
// twice as much.
var pico = counts{
	input: 1_000_000, cacheRead: 100_000, cacheWrite: 1_250_000, cacheWrite1h: 2_000_000,
	output: 4_000_000, reasoning: 6_000_000, webSearch: 10_000_000_000,
}

// cost returns what c costs of a model, in pico-dollars.
func (c counts) cost(model string) int64 {
	var sum int64
	for i, n := range c {
		sum += n * pico[i]
	}
	if model == models[1] {
		sum *= 2
	}
	return sum
}

// usd writes pico-dollars as the gateway does: in US dollars, exact.
func usd(amount int64) string {
	text := new(big.Rat).SetFrac64(amount, 1_000_000_000_000).FloatString(12)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// caller is one consumer's use of one model.
type caller struct{ consumer, provider, model string }

// sums are the figures of a caller.
type sums struct {
	requests, failed, exact, estimated int64
	counts                             counts
	cost                               int64 // in pico-dollars
}

func (s sums) add(o sums) sums {
	return sums{
		s.requests + o.requests, s.failed + o.failed, s.exact + o.exact, s.estimated + o.estimated,
		s.counts.add(o.counts), s.cost + o.cost,
	}
}

// account is the figures of all callers.
type account map[caller]sums

func (a account) add(c caller, s sums) { a[c] = a[c].add(s) }

func (a account) total() (all sums) {
	for s := range maps.Values(a) {
		all = all.add(s)
	}
	return all
}

// models are those that the gateway knows by name.
var models = [2]string{"truth-1", "truth-2"}

// rowModel begins the names of models of which each request has one of its own, and so
// a row of its own in the ledger.
const rowModel = "row-"

// priceFile is the price book: the prices above, in dollars a million.
func priceFile() string {
	const tariff = `{"input":"%d","cache_read":"%s","cache_write":"%s","cache_write_1h":"%d","output":"%d","reasoning":"%d","fees":{"web_search":"%s"}}`
	tariffs := [2]string{fmt.Sprintf(tariff, 1, "0.1", "1.25", 2, 4, 6, "0.01"), fmt.Sprintf(tariff, 2, "0.2", "2.5", 4, 8, 12, "0.02")}
	var list []string
	for _, provider := range []string{"openai", "anthropic", "ollama", "gemini"} {
		for i, id := range models {
			list = append(list, fmt.Sprintf(`{"id":%q,"provider":%q,"prices":[%s]}`, id, provider, tariffs[i]))
		}
		list = append(list, fmt.Sprintf(`{"id":"row","match":["%s*"],"provider":%q,"prices":[%s]}`, rowModel, provider, tariffs[0]))
	}
	return `{"schema":1,"as_of":"2026-11-01","unit":"USD_per_1M_tokens","models":[` + strings.Join(list, ",") + "]}"
}
