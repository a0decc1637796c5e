// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"slices"
	"strings"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// Model is a model with its prices. It is immutable and safe for concurrent
// use.
type Model struct {
	// ID is the canonical name of the model within its provider.
	ID string
	// Provider is the seller of the model, such as "anthropic".
	Provider string
	// MaxInput and MaxOutput are the limits of prompt and answer in tokens, zero
	// where unknown.
	MaxInput, MaxOutput int64

	names []string // ID first; with "*" a pattern
	rows  []row    // ascending by from
}

// Lists says that the book knows the model under this very name or as a dated
// snapshot of it, and not merely through a wildcard.
func (m *Model) Lists(name string) bool {
	if name == m.ID || listed(m.names, name) {
		return true
	}
	if at := strings.LastIndexByte(name, '/'); at >= 0 {
		name = name[at+1:]
	}
	if base, ok := snapshotBase(name); ok && listed(m.names, base) {
		return true
	}
	return listed(m.names, strings.ToLower(name))
}

// listed looks for a name among names, of which those with "*" are patterns.
func listed(names []string, name string) bool {
	return !strings.Contains(name, "*") && slices.Contains(names, name)
}

// row holds the resolved prices that are in effect from an instant on.
type row struct {
	from     time.Time
	schedule *schedule              // nil without windows
	plans    []plan                 // [0] outside of all windows, [1] in the first one, ...
	geo      map[string]money.Ratio // by lower-case place
}

// plan holds, for each service tier, the price tables by ascending threshold.
type plan [numServices][]table

// table is a complete list of prices.
type table struct {
	min   int64 // total input tokens from which it applies
	rates [usage.NumClasses]money.Rate
	label string
}

// service is a service tier that may have prices of its own.
type service uint8

const (
	standard service = iota
	batch
	flex
	priority
	numServices = iota
)

var serviceNames = [numServices]string{"standard", "batch", "flex", "priority"}

// serviceOf recognises a name reported by a provider. All others, such as
// "default" or "auto", are priced as standard.
func serviceOf(name string) service {
	switch name {
	case "batch":
		return batch
	case "flex":
		return flex
	case "priority":
		return priority
	}
	return standard
}

// rowAt returns the row in effect.
func (m *Model) rowAt(at time.Time) *row {
	i := len(m.rows) - 1
	for i > 0 && at.Before(m.rows[i].from) {
		i--
	}
	return &m.rows[i]
}

// tableFor returns the price table of a request that started at the time.
func (r *row) tableFor(at time.Time, s service, totalInput int64) *table {
	tables := r.plans[r.open(at)][s]
	i := len(tables) - 1
	for i > 0 && totalInput < tables[i].min {
		i--
	}
	return &tables[i]
}
