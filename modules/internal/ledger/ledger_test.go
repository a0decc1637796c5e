// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// call is a priced and exactly counted request of consumer to model.
func call(consumer, model string) ledger.Record {
	r := ledger.Record{
		RequestID: "r-1", At: noon, Consumer: consumer, Credential: "key_0123456789ab",
		Provider: "openai", Model: model, Route: "chat",
		Cost: 300, Uncached: 450, PriceKnown: true, Exact: true, LLM: true,
	}
	r.Counts[usage.Input] = 100
	r.Counts[usage.CacheRead] = 50
	r.Counts[usage.Output] = 10
	return r
}

// changed returns r after change.
func changed(r ledger.Record, change func(*ledger.Record)) ledger.Record {
	change(&r)
	return r
}

// recorded returns a ledger that holds the given records.
func recorded(o ledger.Options, records ...ledger.Record) *ledger.Memory {
	m := ledger.NewMemory(o)
	for i := range records {
		m.Record(&records[i])
	}
	return m
}

func dollars(pico ...money.Amount) money.Total {
	var t money.Total
	for _, a := range pico {
		t.Add(a)
	}
	return t
}

func TestRecord(t *testing.T) {
	t.Parallel()
	base := call("a", "gpt-4o")
	key := ledger.Key{Consumer: "a", Provider: "openai", Model: "gpt-4o", Route: "chat"}
	for _, tc := range []struct {
		name   string
		record ledger.Record
		want   ledger.Row
	}{
		{"priced, exact", base, ledger.Row{
			Requests: 1, Exact: 1, Counts: base.Counts, Cost: dollars(300), Saved: dollars(150),
		}},
		{"estimated", changed(base, func(r *ledger.Record) { r.Exact = false }), ledger.Row{
			Requests: 1, Estimated: 1, Counts: base.Counts, Cost: dollars(300), Saved: dollars(150),
		}},
		{"price unknown", changed(base, func(r *ledger.Record) { r.PriceKnown = false }), ledger.Row{
			Requests: 1, Exact: 1, PriceUnknown: 1, Counts: base.Counts,
		}},
		{"cache written but not read", changed(base, func(r *ledger.Record) { r.Uncached = 280 }), ledger.Row{
			Requests: 1, Exact: 1, Counts: base.Counts, Cost: dollars(300), Saved: dollars(-20),
		}},
		{"failed without usage", changed(base, func(r *ledger.Record) {
			r.Counts, r.Cost, r.Uncached, r.Exact, r.PriceKnown, r.Failed = usage.Counts{}, 0, 0, false, false, true
		}), ledger.Row{Requests: 1, Failed: 1, PriceUnknown: 1}},
		{"broken off with usage", changed(base, func(r *ledger.Record) { r.Failed = true }), ledger.Row{
			Requests: 1, Failed: 1, Exact: 1, Counts: base.Counts, Cost: dollars(300), Saved: dollars(150),
		}},
		{"not to a model", changed(base, func(r *ledger.Record) { r.LLM = false }), ledger.Row{Requests: 1}},
		{"negative count", changed(base, func(r *ledger.Record) { r.Counts = usage.Counts{-5, 7} }), ledger.Row{
			Requests: 1, Exact: 1, Counts: usage.Counts{0, 7}, Cost: dollars(300), Saved: dollars(150),
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			rows := recorded(ledger.Options{}, tc.record).Rows(ledger.Filter{})
			tc.want.Key, tc.want.First, tc.want.Last = key, noon, noon
			if !slices.Equal(rows, []ledger.Row{tc.want}) {
				t.Errorf("rows = %+v", rows)
			}
		})
	}
}

func TestRecordSums(t *testing.T) {
	t.Parallel()
	m := recorded(ledger.Options{},
		changed(call("a", "x"), func(r *ledger.Record) { r.At = noon.Add(time.Hour) }),
		call("a", "x"),
		changed(call("a", "x"), func(r *ledger.Record) { r.At = time.Time{} }),
	)
	rows := m.Rows(ledger.Filter{})
	if len(rows) != 1 {
		t.Fatalf("rows = %+v", rows)
	}
	w := rows[0]
	if w.Requests != 3 || w.Counts[usage.Input] != 300 || w.Cost != dollars(900) || w.Saved != dollars(450) {
		t.Errorf("row = %+v", w)
	}
	if !w.First.Equal(noon) || !w.Last.Equal(noon.Add(time.Hour)) {
		t.Errorf("from %v to %v", w.First, w.Last)
	}
}

// TestRecordSaturates guards against an upstream whose absurd counts make a sum
// negative, and against money lost at the limit of an amount.
func TestRecordSaturates(t *testing.T) {
	t.Parallel()
	huge := changed(call("a", "x"), func(r *ledger.Record) {
		r.Counts[usage.Input] = math.MaxInt64 - 1
		r.Cost, r.Uncached = math.MaxInt64, math.MaxInt64
	})
	w := recorded(ledger.Options{}, huge, huge).Rows(ledger.Filter{})[0]
	if w.Counts[usage.Input] != math.MaxInt64 {
		t.Errorf("input = %d", w.Counts[usage.Input])
	}
	if w.Cost != dollars(math.MaxInt64, math.MaxInt64) || w.Saved != dollars() {
		t.Errorf("cost = %v, saved = %v", w.Cost, w.Saved)
	}
}

func TestRows(t *testing.T) {
	t.Parallel()
	m := recorded(ledger.Options{},
		call("b", "x"), call("a", "y"), call("a", "x"), call("", "x"),
		changed(call("a", "x"), func(r *ledger.Record) { r.Route = "batch" }),
		changed(call("a", "z"), func(r *ledger.Record) { r.Provider = "anthropic" }),
	)
	key := func(c, p, mo, r string) ledger.Key { return ledger.Key{Consumer: c, Provider: p, Model: mo, Route: r} }
	all := []ledger.Key{
		key("", "openai", "x", "chat"),
		key("a", "anthropic", "z", "chat"),
		key("a", "openai", "x", "batch"), key("a", "openai", "x", "chat"), key("a", "openai", "y", "chat"),
		key("b", "openai", "x", "chat"),
	}
	for _, tc := range []struct {
		name   string
		filter ledger.Filter
		want   []ledger.Key
	}{
		{"all", ledger.Filter{}, all},
		{"consumer", ledger.Filter{Consumer: "a"}, all[1:5]},
		{"provider", ledger.Filter{Provider: "anthropic"}, all[1:2]},
		{"model", ledger.Filter{Model: "y"}, all[4:5]},
		{"route", ledger.Filter{Route: "batch"}, all[2:3]},
		{"several", ledger.Filter{Consumer: "a", Model: "x", Route: "chat"}, all[3:4]},
		{"nothing", ledger.Filter{Consumer: "c"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var got []ledger.Key
			for _, w := range m.Rows(tc.filter) {
				got = append(got, w.Key)
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("rows are %v", got)
			}
		})
	}
	// What is handed out is a copy.
	m.Rows(ledger.Filter{})[0].Requests = 99
	if w := m.Rows(ledger.Filter{})[0]; w.Requests != 1 {
		t.Errorf("a caller changed the ledger: %+v", w)
	}
}

func TestGroup(t *testing.T) {
	t.Parallel()
	rows := recorded(ledger.Options{},
		call("a", "x"), call("a", "y"), call("b", "x"),
		changed(call("b", "z"), func(r *ledger.Record) {
			r.Provider, r.At, r.Failed = "anthropic", noon.Add(time.Hour), true
		}),
	).Rows(ledger.Filter{})
	for _, tc := range []struct {
		name string
		by   []ledger.Dimension
		want map[ledger.Key]int64
	}{
		{"consumer", []ledger.Dimension{ledger.ByConsumer}, map[ledger.Key]int64{{Consumer: "a"}: 2, {Consumer: "b"}: 2}},
		{"provider", []ledger.Dimension{ledger.ByProvider}, map[ledger.Key]int64{{Provider: "anthropic"}: 1, {Provider: "openai"}: 3}},
		{"model", []ledger.Dimension{ledger.ByModel}, map[ledger.Key]int64{{Model: "x"}: 2, {Model: "y"}: 1, {Model: "z"}: 1}},
		{"route", []ledger.Dimension{ledger.ByRoute}, map[ledger.Key]int64{{Route: "chat"}: 4}},
		{
			"consumer and provider",
			[]ledger.Dimension{ledger.ByProvider, ledger.ByConsumer},
			map[ledger.Key]int64{
				{Consumer: "a", Provider: "openai"}: 2, {Consumer: "b", Provider: "openai"}: 1, {Consumer: "b", Provider: "anthropic"}: 1,
			},
		},
		{"nothing", nil, map[ledger.Key]int64{{}: 4}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			groups := ledger.Group(rows, tc.by...)
			if len(groups) != len(tc.want) {
				t.Fatalf("groups = %+v", groups)
			}
			sorted := slices.IsSortedFunc(groups, func(a, b ledger.Row) int {
				return slices.Compare([]string{a.Consumer, a.Provider, a.Model}, []string{b.Consumer, b.Provider, b.Model})
			})
			if !sorted {
				t.Errorf("groups are not sorted: %+v", groups)
			}
			for _, g := range groups {
				if g.Requests != tc.want[g.Key] || g.Counts[usage.Output] != 10*g.Requests || g.Exact != g.Requests {
					t.Errorf("group = %+v, want %d requests", g, tc.want[g.Key])
				}
			}
			if got, want := ledger.Sum(groups), ledger.Sum(rows); got != want {
				t.Errorf("the groups add up to %+v, the rows to %+v", got, want)
			}
		})
	}
	total := ledger.Sum(rows)
	if total.Requests != 4 || total.Failed != 1 || total.Cost != dollars(1200) || total.Saved != dollars(600) ||
		!total.First.Equal(noon) || !total.Last.Equal(noon.Add(time.Hour)) || total.Key != (ledger.Key{}) {
		t.Errorf("total = %+v", total)
	}
	if got := ledger.Sum(nil); got != (ledger.Row{}) || ledger.Group(nil) != nil {
		t.Errorf("no rows add up to %+v", got)
	}
}

func TestDimension(t *testing.T) {
	t.Parallel()
	for _, d := range []ledger.Dimension{ledger.ByConsumer, ledger.ByProvider, ledger.ByModel, ledger.ByRoute} {
		if got, err := ledger.ParseDimension(d.String()); err != nil || got != d {
			t.Errorf("ParseDimension(%q) = %v, %v", d, got, err)
		}
	}
	for _, s := range []string{"", "Consumer", "key", "unknown"} {
		if _, err := ledger.ParseDimension(s); err == nil {
			t.Errorf("%q is a dimension", s)
		}
	}
}
