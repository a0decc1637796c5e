// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"slices"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/ledger/ledgertest"
)

// fill records one request a row: every hour has each of the consumers.
func fill(t *ledger.Table, hours int, consumers ...string) {
	for h := range hours {
		for _, c := range consumers {
			r := ledgertest.Call(c, "gpt-4o")
			r.At = r.At.Add(time.Duration(h) * time.Hour)
			t.Record(&r)
		}
	}
}

// TestTableMergesOldHours: memory is bounded whatever the number of hours, and
// no sum is lost.
func TestTableMergesOldHours(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name      string
		hours     int
		consumers []string
		most      int
		rows      []int64 // requests of each hour left, in order
	}{
		{"room for all", 4, []string{"a"}, 4, []int64{1, 1, 1, 1}},
		{"the oldest hours become one", 6, []string{"a"}, 4, []int64{3, 1, 1, 1}},
		{"with all their rows", 3, []string{"a", "b"}, 4, []int64{4, 2}},
		{"the newest hour stays", 3, []string{"a", "b", "c"}, 2, []int64{8, 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			table := ledger.NewTable(ledger.Options{MaxTotal: tc.most})
			fill(table, tc.hours, tc.consumers...)
			g := ledger.NewGroups(ledger.Query{By: []ledger.Dimension{ledger.ByHour}})
			table.AddTo(g)
			rows := g.Rows()
			if len(rows) != len(tc.rows) || !rows[0].Hour.Equal(ledgertest.Noon) {
				t.Fatalf("hours are %+v", rows)
			}
			for i, want := range tc.rows {
				if rows[i].Requests != want {
					t.Errorf("hour %v has %d requests, want %d", rows[i].Hour, rows[i].Requests, want)
				}
			}
			if most := max(tc.most, len(tc.consumers)+1); table.Len() > most {
				t.Errorf("%d rows", table.Len())
			}
		})
	}
}

// TestTableMergesDifferentRows: hours that have no row in common are merged
// until one is left besides the newest, which then folds.
func TestTableMergesDifferentRows(t *testing.T) {
	t.Parallel()
	table := ledger.NewTable(ledger.Options{MaxRows: 2, MaxTotal: 3})
	for h, c := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"} {
		r := ledgertest.Call(c, "gpt-4o")
		r.At = r.At.Add(time.Duration(h) * time.Hour)
		table.Record(&r)
	}
	sum, rows := int64(0), 0
	last := ledger.Hour(0)
	for h, w := range table.All() {
		if h < last {
			t.Errorf("hour %d comes after %d", h, last)
		}
		sum, rows, last = sum+w.Requests, rows+1, h
	}
	if sum != 12 || rows != table.Len() || rows > 3*2+1+1 {
		t.Errorf("%d requests in %d rows", sum, rows)
	}
}

// TestGroupsAddGroups: the answers of two ledgers together are that of one with all
// records.
func TestGroupsAddGroups(t *testing.T) {
	t.Parallel()
	a, b, both := ledger.NewTable(ledger.Options{}), ledger.NewTable(ledger.Options{}), ledger.NewTable(ledger.Options{})
	for i := range 200 {
		r := ledgertest.Call(string(rune('a'+i%3)), string(rune('x'+i%2)))
		r.At = r.At.Add(time.Duration(i%50) * time.Hour)
		r.Tags = []string{"", "ci", "ci,prod"}[i%3]
		both.Record(&r)
		if i%7 < 3 {
			a.Record(&r)
		} else {
			b.Record(&r)
		}
	}
	for _, q := range []ledger.Query{
		{},
		{Filter: ledger.Filter{Consumer: "a"}},
		{By: []ledger.Dimension{ledger.ByTag}, Filter: ledger.Filter{Tag: "prod"}},
		{By: []ledger.Dimension{ledger.ByTag, ledger.ByModel}},
		{By: []ledger.Dimension{ledger.ByHour, ledger.ByConsumer}},
		{By: []ledger.Dimension{ledger.ByDay}, Since: ledgertest.Noon.Add(20 * time.Hour)},
		{By: []ledger.Dimension{ledger.ByHour, ledger.ByConsumer, ledger.ByModel, ledger.ByTag}, Whole: true},
	} {
		want, got := ledger.NewGroups(q), ledger.NewGroups(q)
		both.AddTo(want)
		for _, table := range []*ledger.Table{a, b} {
			g := ledger.NewGroups(q)
			table.AddTo(g)
			for _, w := range g.Rows() {
				got.AddGroup(&w)
			}
		}
		if !slices.Equal(got.Rows(), want.Rows()) || len(want.Rows()) == 0 {
			t.Errorf("%+v: %+v, want %+v", q, got.Rows(), want.Rows())
		}
	}
}

func TestTableAddsTables(t *testing.T) {
	t.Parallel()
	a, b := ledger.NewTable(ledger.Options{}), ledger.NewTable(ledger.Options{})
	fill(a, 3, "a", "b")
	fill(b, 5, "b", "c")
	a.AddTable(b)
	sum := int64(0)
	for _, w := range a.All() {
		sum += w.Requests
	}
	if a.Len() != 3*3+2*2 || sum != 6+10 {
		t.Errorf("%d requests in %d rows", sum, a.Len())
	}
	for range a.All() {
		break // the rest is not asked for
	}
}
