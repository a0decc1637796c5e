// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledgertest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/money"
)

// describe writes rows as "requests consumer provider model route tags hour",
// without what is empty.
func describe(rows []ledger.Row) []string {
	list := make([]string, 0, len(rows))
	for i := range rows {
		w := &rows[i]
		hour := ""
		if !w.Hour.IsZero() {
			hour = w.Hour.Format("2 15:04")
		}
		words := []string{fmt.Sprint(w.Requests), w.Consumer, w.Provider, w.Model, w.Route, w.Tags, hour}
		list = append(list, strings.Join(slices.DeleteFunc(words, func(s string) bool { return s == "" }), " "))
	}
	return list
}

func checkRows(t *testing.T, l ledger.Ledger, q ledger.Query, want ...string) {
	t.Helper()
	if got := describe(Rows(t, l, q)); !slices.Equal(got, want) {
		t.Errorf("rows are %q, want %q", got, want)
	}
}

func testFilters(t *testing.T, open Open) {
	l := recorded(t, open,
		Call("b", "x"), Call("a", "y"), Call("a", "x"), Call("", "x"),
		changed(Call("a", "x"), func(r *ledger.Record) { r.Route = "batch" }),
		changed(Call("a", "z"), func(r *ledger.Record) { r.Provider, r.Tags = "anthropic", "ci,prod" }),
		changed(Call("aa", "z"), func(r *ledger.Record) { r.At = Noon.Add(48 * time.Hour) }),
	)
	by := []ledger.Dimension{ledger.ByConsumer, ledger.ByProvider, ledger.ByModel, ledger.ByRoute}
	for _, tc := range []struct {
		name   string
		filter ledger.Filter
		want   []string
	}{
		{"all", ledger.Filter{}, []string{
			"1 openai x chat", "1 a anthropic z chat", "1 a openai x batch", "1 a openai x chat",
			"1 a openai y chat", "1 aa openai z chat", "1 b openai x chat",
		}},
		{"consumer", ledger.Filter{Consumer: "a"}, []string{
			"1 a anthropic z chat", "1 a openai x batch", "1 a openai x chat", "1 a openai y chat",
		}},
		{"consumer of another day", ledger.Filter{Consumer: "aa"}, []string{"1 aa openai z chat"}},
		{"provider", ledger.Filter{Provider: "anthropic"}, []string{"1 a anthropic z chat"}},
		{"model", ledger.Filter{Model: "y"}, []string{"1 a openai y chat"}},
		{"route", ledger.Filter{Route: "batch"}, []string{"1 a openai x batch"}},
		{"tag", ledger.Filter{Tag: "prod"}, []string{"1 a anthropic z chat"}},
		{"half a tag", ledger.Filter{Tag: "pro"}, nil},
		{"several", ledger.Filter{Consumer: "a", Model: "x", Route: "chat"}, []string{"1 a openai x chat"}},
		{"nothing", ledger.Filter{Consumer: "c"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			checkRows(t, l, ledger.Query{Filter: tc.filter, By: by}, tc.want...)
		})
	}
	for limit, want := range map[int]int{0: 7, 8: 7, 7: 7, 6: 7, 2: 3} {
		if got := len(Rows(t, l, ledger.Query{By: by, MaxRows: limit})); got != want {
			t.Errorf("with at most %d rows there are %d, want %d", limit, got, want)
		}
	}
}

func testDimensions(t *testing.T, open Open) {
	l := recorded(t, open,
		Call("a", "x"), Call("a", "y"), Call("b", "x"),
		changed(Call("b", "z"), func(r *ledger.Record) { r.Provider, r.At = "anthropic", Noon.Add(time.Hour) }),
		changed(Call("a", "x"), func(r *ledger.Record) { r.At = Noon.Add(-13 * time.Hour) }),
	)
	for _, tc := range []struct {
		name string
		by   []ledger.Dimension
		want []string
	}{
		{"nothing", nil, []string{"5"}},
		{"consumer", []ledger.Dimension{ledger.ByConsumer}, []string{"3 a", "2 b"}},
		{"provider", []ledger.Dimension{ledger.ByProvider}, []string{"1 anthropic", "4 openai"}},
		{"model", []ledger.Dimension{ledger.ByModel}, []string{"3 x", "1 y", "1 z"}},
		{"route", []ledger.Dimension{ledger.ByRoute}, []string{"5 chat"}},
		{"tag", []ledger.Dimension{ledger.ByTag}, []string{"5"}},
		{"hour", []ledger.Dimension{ledger.ByHour}, []string{"1 31 23:00", "3 1 12:00", "1 1 13:00"}},
		{"day", []ledger.Dimension{ledger.ByDay}, []string{"1 31 00:00", "4 1 00:00"}},
		{"hour and day", []ledger.Dimension{ledger.ByDay, ledger.ByHour}, []string{"1 31 23:00", "3 1 12:00", "1 1 13:00"}},
		{"in this order", []ledger.Dimension{ledger.ByProvider, ledger.ByConsumer}, []string{"1 b anthropic", "3 a openai", "1 b openai"}},
		{"and in that", []ledger.Dimension{ledger.ByConsumer, ledger.ByProvider}, []string{"3 a openai", "1 b anthropic", "1 b openai"}},
		{"twice", []ledger.Dimension{ledger.ByConsumer, ledger.ByConsumer}, []string{"3 a", "2 b"}},
		{"consumer and day", []ledger.Dimension{ledger.ByConsumer, ledger.ByDay}, []string{"1 a 31 00:00", "2 a 1 00:00", "2 b 1 00:00"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			checkRows(t, l, ledger.Query{By: tc.by}, tc.want...)
		})
	}
}

func testTags(t *testing.T, open Open) {
	tagged := func(tags string) ledger.Record {
		return changed(Call("a", "x"), func(r *ledger.Record) { r.Tags = tags })
	}
	l := recorded(t, open, tagged("ci,prod"), tagged("prod"), tagged("prod"), tagged(""), tagged("ci,eu,prod"))
	byTag := []ledger.Dimension{ledger.ByTag}
	checkRows(t, l, ledger.Query{}, "5")
	checkRows(t, l, ledger.Query{By: byTag}, "1", "2 ci", "1 eu", "4 prod")
	checkRows(t, l, ledger.Query{By: byTag, Filter: ledger.Filter{Tag: "ci"}}, "2 ci")
	checkRows(t, l, ledger.Query{Filter: ledger.Filter{Tag: "ci"}}, "2")
	checkRows(t, l, ledger.Query{Filter: ledger.Filter{Tag: "ci,prod"}})
	checkRows(t, l, ledger.Query{By: []ledger.Dimension{ledger.ByConsumer, ledger.ByTag}}, "1 a", "2 a ci", "1 a eu", "4 a prod")
}

func testHours(t *testing.T, open Open) {
	var records []ledger.Record
	for i := -2; i <= 2; i++ {
		records = append(records, changed(Call("a", "x"), func(r *ledger.Record) {
			r.At = Noon.Add(time.Duration(i)*time.Hour + 30*time.Minute)
		}))
	}
	l := recorded(t, open, records...)
	for _, tc := range []struct {
		name         string
		since, until time.Time
		want         int64
	}{
		{"whole hours", Noon, Noon.Add(2 * time.Hour), 2},
		{"since is rounded down", Noon.Add(59 * time.Minute), Noon.Add(2 * time.Hour), 2},
		{"until is rounded up", Noon, Noon.Add(time.Hour + 1), 2},
		{"no end", Noon, time.Time{}, 3},
		{"no start", time.Time{}, Noon, 2},
		{"no time at all", Noon, Noon, 0},
		{"one instant", Noon.Add(1), Noon.Add(2), 1},
		{"backwards", Noon.Add(time.Hour), Noon.Add(-time.Hour), 0},
		{"before the epoch", time.Unix(-1e10, 0), time.Unix(-1, 0), 0},
		{"beyond all hours", time.Unix(1e15, 0), time.Unix(1e16, 0), 0},
		{"everything", time.Unix(-1e10, 0), time.Unix(1e16, 0), 5},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := ledger.Sum(Rows(t, l, ledger.Query{Since: tc.since, Until: tc.until})).Requests; got != tc.want {
				t.Errorf("%d requests, want %d", got, tc.want)
			}
		})
	}
	for _, at := range []time.Time{{}, time.Unix(-5, 0), time.Unix(1e15, 0), Noon.AddDate(-1, 0, 0), Noon.AddDate(20, 0, 0)} {
		l := recorded(t, open, changed(Call("a", "x"), func(r *ledger.Record) { r.At = at }))
		hour := ledger.HourOf(at).Start()
		rows := Rows(t, l, ledger.Query{Since: hour, Until: hour.Add(time.Hour), By: []ledger.Dimension{ledger.ByHour}})
		if len(rows) != 1 || !rows[0].Hour.Equal(hour) {
			t.Errorf("a record at %v is in the rows %+v", at, rows)
		}
	}
}

// testEqualSums: however rows are grouped, and whatever hours they are asked
// for in turn, they add up to the same, but for tags.
func testEqualSums(t *testing.T, open Open) {
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // The same records each time.
	pick := func(names ...string) string { return names[r.IntN(len(names))] }
	l := open(t, ledger.Options{})
	var want ledger.Row
	for range 2000 {
		rec := changed(Call(pick("", "a", "b", "c"), pick("x", "y", "z")), func(rec *ledger.Record) {
			rec.At = Noon.Add(time.Duration(r.Int64N(int64(72 * time.Hour))))
			rec.Provider, rec.Route, rec.Tags = pick("p", "q"), pick("chat", "batch"), pick("", "ci", "ci,prod")
			rec.Exact, rec.Failed, rec.LLM, rec.PriceKnown = r.IntN(2) > 0, r.IntN(2) > 0, r.IntN(9) > 0, r.IntN(9) > 0
			rec.Cached, rec.Avoided = r.IntN(4) == 0, money.Amount(r.Int64N(1000))
		})
		want.AddRecord(&rec)
		l.Record(&rec)
	}
	dimensions := []ledger.Dimension{
		ledger.ByConsumer, ledger.ByProvider, ledger.ByModel, ledger.ByRoute, ledger.ByHour, ledger.ByDay,
	}
	for set := range 1 << len(dimensions) {
		var by []ledger.Dimension
		for i, d := range dimensions {
			if set>>i&1 == 1 {
				by = append(by, d)
			}
		}
		if got := ledger.Sum(Rows(t, l, ledger.Query{By: by})); got != want {
			t.Fatalf("by %v the rows add up to %+v, want %+v", by, got, want)
		}
	}
	var got ledger.Row
	for h := range 72 {
		from := Noon.Add(time.Duration(h) * time.Hour)
		for _, w := range Rows(t, l, ledger.Query{Since: from, Until: from.Add(time.Hour), By: dimensions[:1]}) {
			got.Add(&w)
		}
	}
	if got != want {
		t.Errorf("the hours add up to %+v, want %+v", got, want)
	}
}

// testWhole: a ledger can be copied row by row.
func testWhole(t *testing.T, open Open) {
	records := make([]ledger.Record, 0, 18)
	for i, tags := range []string{"", "ci", "ci,prod"} {
		for h := range 3 {
			at := func(r *ledger.Record) { r.Tags, r.At = tags, Noon.Add(time.Duration(h*i)*time.Hour) }
			records = append(records, changed(Call("a", "x"), at), changed(Hit("a", "x"), at))
		}
	}
	l := recorded(t, open, records...)
	rows := Rows(t, l, ledger.Query{Whole: true})
	if len(rows) != 1+3+3 {
		t.Errorf("%d rows are kept: %+v", len(rows), rows)
	}
	copied := ledger.NewTable(ledger.Options{})
	for i := range rows {
		copied.Add(ledger.HourOf(rows[i].Hour), &rows[i])
	}
	for _, by := range [][]ledger.Dimension{nil, {ledger.ByTag}, {ledger.ByHour}} {
		g := ledger.NewGroups(ledger.Query{By: by})
		copied.AddTo(g)
		if want := Rows(t, l, ledger.Query{By: by}); !slices.Equal(g.Rows(), want) {
			t.Errorf("by %v the copy has %+v, want %+v", by, g.Rows(), want)
		}
	}
}
