// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package ledgertest holds the tests that every implementation of
// ledger.Ledger passes.
package ledgertest

import (
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// Open returns an empty ledger with the given bounds. What it takes goes with
// the test.
type Open func(t *testing.T, o ledger.Options) ledger.Ledger

// part is one of the tests.
type part struct {
	name string
	test func(*testing.T, Open)
}

// Run tests the ledgers that open returns.
func Run(t *testing.T, open Open) {
	t.Helper()
	run(t, open, []part{
		{"one record", testRecord},
		{"sums", testSums},
		{"saturation", testSaturation},
		{"filters", testFilters},
		{"dimensions", testDimensions},
		{"tags", testTags},
		{"whole rows", testWhole},
		{"hours", testHours},
		{"equal sums", testEqualSums},
		{"copies", testCopies},
		{"names", testNames},
		{"concurrency", testConcurrency},
	})
}

// RunBounds tests which detail ledgers keep beyond their bounds. They must not
// rearrange their rows while the tests run.
func RunBounds(t *testing.T, open Open) {
	t.Helper()
	run(t, open, []part{{"folding", testFolding}, {"one greedy consumer", testGreedyConsumer}})
}

func run(t *testing.T, open Open, parts []part) {
	t.Helper()
	for _, p := range parts {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			p.test(t, open)
		})
	}
}

// Noon is the moment of the records that Call makes.
var Noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// Call returns the record of a priced and exactly counted request of consumer
// to model: 100 input, 50 cached and 10 output tokens for 300 pico-dollars.
func Call(consumer, model string) ledger.Record {
	r := ledger.Record{
		RequestID: "r-1", At: Noon, Consumer: consumer, Credential: "key_0123456789ab",
		Provider: "openai", Model: model, Route: "chat",
		Cost: 300, Uncached: 450, PriceKnown: true, Exact: true, LLM: true,
	}
	r.Counts[usage.Input] = 100
	r.Counts[usage.CacheRead] = 50
	r.Counts[usage.Output] = 10
	return r
}

// Hit returns the record of a request that would have been that of Call, had not a
// response cache answered it.
func Hit(consumer, model string) ledger.Record {
	r := Call(consumer, model)
	r.Counts, r.Cost, r.Uncached, r.PriceKnown, r.Exact, r.LLM = usage.Counts{}, 0, 0, false, false, false
	r.Cached, r.Avoided = true, 300
	return r
}

// Rows returns what l answers to q, and fails the test on an error.
func Rows(t testing.TB, l ledger.Ledger, q ledger.Query) []ledger.Row {
	t.Helper()
	rows, err := l.Rows(q)
	if err != nil {
		t.Fatalf("rows of %+v: %v", q, err)
	}
	return rows
}

// Everything is the query whose rows are as detailed as those of a ledger.
var Everything = ledger.Query{By: []ledger.Dimension{
	ledger.ByHour, ledger.ByConsumer, ledger.ByProvider, ledger.ByModel, ledger.ByRoute,
}}

// changed returns r after change.
func changed(r ledger.Record, change func(*ledger.Record)) ledger.Record {
	change(&r)
	return r
}

// recorded returns a ledger that holds the given records.
func recorded(t *testing.T, open Open, records ...ledger.Record) ledger.Ledger {
	t.Helper()
	l := open(t, ledger.Options{})
	for i := range records {
		l.Record(&records[i])
	}
	if err := l.Err(); err != nil {
		t.Errorf("the ledger fares badly: %v", err)
	}
	return l
}

// pico returns the total of some amounts.
func pico(amounts ...money.Amount) money.Total {
	var t money.Total
	for _, a := range amounts {
		t.Add(a)
	}
	return t
}
