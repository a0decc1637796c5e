// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"maps"
	"slices"
	"strings"
)

// Groups sums rows of single hours up to what a query asks for, one after the
// other, so that its memory is bounded by the answer.
type Groups struct {
	q          Query
	first, end Hour
	rows       map[group]*Row
	byTag      bool
	byTime     bool // by hour or day
}

// group is what tells the rows of an answer apart.
type group struct {
	hour Hour
	Key
}

// NewGroups returns the sums that q asks for, of nothing yet.
func NewGroups(q Query) *Groups {
	g := &Groups{
		q: q, rows: map[group]*Row{},
		byTag:  slices.Contains(q.By, ByTag) && !q.Whole,
		byTime: slices.Contains(q.By, ByHour) || slices.Contains(q.By, ByDay) || q.Whole,
	}
	g.first, g.end = q.Hours()
	return g
}

// Add adds a row of an hour if the query asks for it. It keeps neither w nor
// memory that its strings share.
func (g *Groups) Add(h Hour, w *Row) {
	if h < g.first || h >= g.end || w.Requests == 0 && w.CacheHits == 0 || !g.q.Matches(&w.Key) {
		return
	}
	to := g.group(h, &w.Key)
	if !g.byTag {
		g.sum(to, w)
		return
	}
	for tag := range strings.SplitSeq(w.Tags, ",") {
		if g.q.Tag == "" || g.q.Tag == tag {
			to.Tags = tag
			g.sum(to, w)
		}
	}
}

// AddGroup adds a row of the answer that another ledger has given to the same query.
// It keeps neither w nor memory that its strings share.
func (g *Groups) AddGroup(w *Row) {
	to := group{Key: w.Key}
	if g.byTime {
		to.hour = HourOf(w.Hour)
	}
	g.sum(to, w)
}

// group returns what of h and k the query tells apart, but for the tags.
func (g *Groups) group(h Hour, k *Key) group {
	var to group
	if g.q.Whole {
		return group{h, *k}
	}
	for _, d := range g.q.By {
		switch d {
		case ByConsumer:
			to.Consumer = k.Consumer
		case ByProvider:
			to.Provider = k.Provider
		case ByModel:
			to.Model = k.Model
		case ByRoute:
			to.Route = k.Route
		case ByHour:
			to.hour = h
		case ByDay:
			to.hour = max(to.hour, h.day()) // of hour and day, the hour
		case ByTag:
		}
	}
	return to
}

func (g *Groups) sum(to group, w *Row) {
	sum := g.rows[to]
	if sum == nil {
		if g.q.MaxRows > 0 && len(g.rows) > g.q.MaxRows {
			return
		}
		to.Key = to.clone()
		sum = &Row{Key: to.Key}
		if g.byTime {
			sum.Hour = to.hour.Start()
		}
		g.rows[to] = sum
	}
	sum.Add(w)
}

// Rows returns the sums, sorted as the query says.
func (g *Groups) Rows() []Row {
	sorted := slices.SortedFunc(maps.Values(g.rows), func(a, b *Row) int {
		for _, d := range g.q.By {
			if c := d.compare(a, b); c != 0 {
				return c
			}
		}
		return 0
	})
	rows := make([]Row, len(sorted))
	for i, w := range sorted {
		rows[i] = *w
	}
	return rows
}
