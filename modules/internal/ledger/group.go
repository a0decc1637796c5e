// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"fmt"
	"slices"
)

// Filter selects rows. An empty field lets every value through.
type Filter struct {
	Consumer, Provider, Model, Route string
}

// Matches reports whether f lets rows with key k through.
func (f Filter) Matches(k Key) bool {
	return (f.Consumer == "" || f.Consumer == k.Consumer) &&
		(f.Provider == "" || f.Provider == k.Provider) &&
		(f.Model == "" || f.Model == k.Model) &&
		(f.Route == "" || f.Route == k.Route)
}

// Dimension is a field of Key by which rows can be summed.
type Dimension uint8

// The dimensions, in the order in which rows are sorted.
const (
	ByConsumer Dimension = iota
	ByProvider
	ByModel
	ByRoute
)

var dimensionNames = [...]string{"consumer", "provider", "model", "route"}

// String returns the name that ParseDimension reads, such as "consumer".
func (d Dimension) String() string {
	if int(d) < len(dimensionNames) {
		return dimensionNames[d]
	}
	return "unknown"
}

// ParseDimension reads the name of a dimension: consumer, provider, model or
// route.
func ParseDimension(s string) (Dimension, error) {
	if i := slices.Index(dimensionNames[:], s); i >= 0 {
		return Dimension(i), nil //nolint:gosec // One of four.
	}
	return 0, fmt.Errorf("unknown dimension %q; use consumer, provider, model or route", s)
}

// only returns k with the fields outside by emptied.
func (k Key) only(by []Dimension) Key {
	var kept Key
	for _, d := range by {
		switch d {
		case ByConsumer:
			kept.Consumer = k.Consumer
		case ByProvider:
			kept.Provider = k.Provider
		case ByModel:
			kept.Model = k.Model
		case ByRoute:
			kept.Route = k.Route
		}
	}
	return kept
}

// Group sums rows that agree in all of the given dimensions. The other fields
// of the resulting keys are empty. The result is sorted like Ledger.Rows; rows
// stays as it is. Without dimensions, all rows become one, and no row none.
func Group(rows []Row, by ...Dimension) []Row {
	index := map[Key]int{}
	var groups []Row
	for i := range rows {
		key := rows[i].only(by)
		j, ok := index[key]
		if !ok {
			j = len(groups)
			index[key] = j
			groups = append(groups, Row{Key: key})
		}
		groups[j].Add(&rows[i])
	}
	sortRows(groups)
	return groups
}

// Sum adds all rows up into one with an empty key.
func Sum(rows []Row) Row {
	var total Row
	for i := range rows {
		total.Add(&rows[i])
	}
	return total
}

func sortRows(rows []Row) {
	slices.SortFunc(rows, func(a, b Row) int { return a.compare(b.Key) })
}
