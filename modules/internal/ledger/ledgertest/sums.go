// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgertest

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

func testRecord(t *testing.T, open Open) {
	base := Call("a", "gpt-4o")
	key := ledger.Key{Consumer: "a", Provider: "openai", Model: "gpt-4o", Route: "chat"}
	for _, tc := range []struct {
		name   string
		record ledger.Record
		want   ledger.Row
	}{
		{"priced, exact", base, ledger.Row{
			Requests: 1, Exact: 1, Counts: base.Counts, Cost: pico(300), Saved: pico(150),
		}},
		{"estimated", changed(base, func(r *ledger.Record) { r.Exact = false }), ledger.Row{
			Requests: 1, Estimated: 1, Counts: base.Counts, Cost: pico(300), Saved: pico(150),
		}},
		{"price unknown", changed(base, func(r *ledger.Record) { r.PriceKnown = false }), ledger.Row{
			Requests: 1, Exact: 1, PriceUnknown: 1, Counts: base.Counts,
		}},
		{"cache written but not read", changed(base, func(r *ledger.Record) { r.Uncached = 280 }), ledger.Row{
			Requests: 1, Exact: 1, Counts: base.Counts, Cost: pico(300), Saved: pico(-20),
		}},
		{"failed without usage", changed(base, func(r *ledger.Record) {
			r.Counts, r.Cost, r.Uncached, r.Exact, r.PriceKnown, r.Failed = usage.Counts{}, 0, 0, false, false, true
		}), ledger.Row{Requests: 1, Failed: 1, PriceUnknown: 1}},
		{"broken off with usage", changed(base, func(r *ledger.Record) { r.Failed = true }), ledger.Row{
			Requests: 1, Failed: 1, Exact: 1, Counts: base.Counts, Cost: pico(300), Saved: pico(150),
		}},
		{"not to a model", changed(base, func(r *ledger.Record) { r.LLM = false }), ledger.Row{Requests: 1}},
		{"negative count", changed(base, func(r *ledger.Record) { r.Counts = usage.Counts{-5, 7} }), ledger.Row{
			Requests: 1, Exact: 1, Counts: usage.Counts{0, 7}, Cost: pico(300), Saved: pico(150),
		}},
		{"answered by a cache", Hit("a", "gpt-4o"), ledger.Row{Requests: 1, CacheHits: 1, Avoided: pico(300)}},
		{"answered by a cache, saving unknown", changed(Hit("a", "gpt-4o"), func(r *ledger.Record) { r.Avoided = 0 }), ledger.Row{
			Requests: 1, CacheHits: 1,
		}},
		{"answered by a cache, client gone", changed(Hit("a", "gpt-4o"), func(r *ledger.Record) { r.Failed = true }), ledger.Row{
			Requests: 1, Failed: 1, CacheHits: 1, Avoided: pico(300),
		}},
		{"answered by a cache, with a usage", changed(base, func(r *ledger.Record) { r.Cached = true }), ledger.Row{Requests: 1, CacheHits: 1}},
		{"avoided without a cache", changed(base, func(r *ledger.Record) { r.Avoided = 7 }), ledger.Row{
			Requests: 1, Exact: 1, Counts: base.Counts, Cost: pico(300), Saved: pico(150),
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.want.Key, tc.want.Hour, tc.want.First, tc.want.Last = key, Noon, Noon, Noon
			rows := Rows(t, recorded(t, open, tc.record), Everything)
			if !slices.Equal(rows, []ledger.Row{tc.want}) {
				t.Errorf("rows = %+v", rows)
			}
		})
	}
}

func testSums(t *testing.T, open Open) {
	zone := time.FixedZone("demo", 3600)
	l := recorded(t, open,
		changed(Call("a", "x"), func(r *ledger.Record) { r.At = Noon.Add(3*time.Minute + 1).In(zone) }),
		Call("a", "x"),
		changed(Call("a", "x"), func(r *ledger.Record) { r.At = time.Time{} }),
	)
	rows := Rows(t, l, ledger.Query{})
	if len(rows) != 1 {
		t.Fatalf("rows = %+v", rows)
	}
	want := ledger.Row{
		Requests: 3, Exact: 3, Cost: pico(900), Saved: pico(450), First: Noon, Last: Noon.Add(3*time.Minute + 1),
		Counts: usage.Counts{usage.Input: 300, usage.CacheRead: 150, usage.Output: 30},
	}
	if rows[0] != want {
		t.Errorf("the sum is  %+v\nand should be %+v", rows[0], want)
	}
	l = recorded(t, open, Call("a", "x"), Hit("a", "x"), Hit("a", "x"), Hit("b", "x"))
	for consumer, want := range map[string]ledger.Row{
		"a": {Requests: 3, Exact: 1, CacheHits: 2, Counts: Call("a", "x").Counts, Cost: pico(300), Saved: pico(150), Avoided: pico(600)},
		"b": {Requests: 1, CacheHits: 1, Avoided: pico(300)},
		"":  {Requests: 4, Exact: 1, CacheHits: 3, Counts: Call("a", "x").Counts, Cost: pico(300), Saved: pico(150), Avoided: pico(900)},
	} {
		want.First, want.Last = Noon, Noon
		if rows := Rows(t, l, ledger.Query{Filter: ledger.Filter{Consumer: consumer}}); len(rows) != 1 || rows[0] != want {
			t.Errorf("with hits of %q the rows are %+v, want %+v", consumer, rows, want)
		}
	}
	if none := Rows(t, open(t, ledger.Options{}), ledger.Query{}); len(none) != 0 {
		t.Errorf("an empty ledger has %+v", none)
	}
}

// testSaturation guards against an upstream whose absurd counts make a sum
// negative, and against money lost at the limit of an amount.
func testSaturation(t *testing.T, open Open) {
	huge := changed(Call("a", "x"), func(r *ledger.Record) {
		r.Counts[usage.Input] = math.MaxInt64 - 1
		r.Cost, r.Uncached = math.MaxInt64, math.MaxInt64
	})
	refund := changed(Call("a", "x"), func(r *ledger.Record) { r.Cost, r.Uncached = math.MinInt64, math.MaxInt64 })
	w := Rows(t, recorded(t, open, huge, huge, huge), ledger.Query{})[0]
	if w.Counts[usage.Input] != math.MaxInt64 {
		t.Errorf("input = %d", w.Counts[usage.Input])
	}
	if w.Cost != pico(math.MaxInt64, math.MaxInt64, math.MaxInt64) || w.Saved != pico() {
		t.Errorf("cost = %v, saved = %v", w.Cost, w.Saved)
	}
	w = Rows(t, recorded(t, open, refund, refund), ledger.Query{})[0]
	if w.Cost != pico(math.MinInt64, math.MinInt64) || w.Saved.String() != "36893488.147419103228" {
		t.Errorf("cost = %v, saved = %v", w.Cost, w.Saved)
	}
	avoided := changed(Hit("a", "x"), func(r *ledger.Record) { r.Avoided = math.MaxInt64 })
	w = Rows(t, recorded(t, open, avoided, avoided, avoided), ledger.Query{})[0]
	if w.CacheHits != 3 || w.Avoided != pico(math.MaxInt64, math.MaxInt64, math.MaxInt64) {
		t.Errorf("%d hits avoided %v", w.CacheHits, w.Avoided)
	}
}

// testCopies: what is handed out is a copy.
func testCopies(t *testing.T, open Open) {
	l := recorded(t, open, Call("a", "x"))
	Rows(t, l, Everything)[0].Requests = 99
	if w := Rows(t, l, Everything)[0]; w.Requests != 1 {
		t.Errorf("a caller changed the ledger: %+v", w)
	}
}
