// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Query selects records and says how they are summed up.
type Query struct {
	Filter
	// Since and Until limit the time: from Since on, and before Until. Sums are
	// kept by the hour of UTC, so Since is rounded down to an hour and Until up.
	// The zero time is no limit.
	Since, Until time.Time
	// By lists what rows are told apart by, and rows are sorted by it in that
	// order. Without dimensions everything becomes one row, and nothing none.
	By []Dimension
	// Whole gives every row of every hour as it is kept, with its hour and its whole
	// key, and By is only how they are sorted. It is for copying a ledger.
	Whole bool
	// MaxRows, if above zero, bounds the memory of an answer: one that would have
	// more rows has MaxRows+1, by which it can be told, and what they say is of no
	// use.
	MaxRows int
}

// Hours returns the hours that q is about: from the first one on, and before
// the end.
func (q *Query) Hours() (first, end Hour) {
	end = MaxHour + 1
	if !q.Since.IsZero() {
		first = HourOf(q.Since)
	}
	if !q.Until.IsZero() {
		end = HourOf(q.Until)
		if q.Until.After(end.Start()) {
			end++
		}
	}
	return first, end
}

// Filter selects records. An empty field lets every value through.
type Filter struct {
	Consumer, Provider, Model, Route string
	// Tag selects the records with this tag among theirs. Grouped by tag, they
	// are then in the row of this tag alone.
	Tag string
}

// Matches reports whether f lets rows with key k through.
func (f *Filter) Matches(k *Key) bool {
	return (f.Consumer == "" || f.Consumer == k.Consumer) &&
		(f.Provider == "" || f.Provider == k.Provider) &&
		(f.Model == "" || f.Model == k.Model) &&
		(f.Route == "" || f.Route == k.Route) &&
		(f.Tag == "" || hasTag(k.Tags, f.Tag))
}

// hasTag reports whether tag is one of a set.
func hasTag(set, tag string) bool {
	for s := range strings.SplitSeq(set, ",") {
		if s == tag {
			return true
		}
	}
	return false
}

// Dimension is what rows can be told apart by.
type Dimension uint8

// The dimensions.
const (
	ByConsumer Dimension = iota
	ByProvider
	ByModel
	ByRoute
	// ByTag gives every single tag a row. A record with two tags is in the rows
	// of both, so that these rows add up to more than there was; records
	// without tags are in the row of the empty tag.
	ByTag
	// ByHour tells clock hours apart, and ByDay days, both in UTC.
	ByHour
	ByDay
)

var dimensionNames = [...]string{"consumer", "provider", "model", "route", "tag", "hour", "day"}

// String returns the name that ParseDimension reads, such as "consumer".
func (d Dimension) String() string {
	if int(d) < len(dimensionNames) {
		return dimensionNames[d]
	}
	return "unknown"
}

// ParseDimension reads the name of a dimension: consumer, provider, model,
// route, tag, hour or day.
func ParseDimension(s string) (Dimension, error) {
	if i := slices.Index(dimensionNames[:], s); i >= 0 {
		return Dimension(i), nil //nolint:gosec // One of seven.
	}
	return 0, fmt.Errorf("unknown dimension %q; use consumer, provider, model, route, tag, hour or day", s)
}

// compare orders rows by one dimension.
func (d Dimension) compare(a, b *Row) int {
	switch d {
	case ByConsumer:
		return cmp.Compare(a.Consumer, b.Consumer)
	case ByProvider:
		return cmp.Compare(a.Provider, b.Provider)
	case ByModel:
		return cmp.Compare(a.Model, b.Model)
	case ByRoute:
		return cmp.Compare(a.Route, b.Route)
	case ByTag:
		return cmp.Compare(a.Tags, b.Tags)
	case ByHour, ByDay:
		return a.Hour.Compare(b.Hour)
	}
	return 0
}
