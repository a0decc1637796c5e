// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"slices"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// Most returns the most that a request can cost which starts at a moment and
// uses at most so many tokens of input and of output, of whatever classes but those
// that it is without: in any service tier, at any place of inference, at any threshold that such a
// prompt reaches, during the hours of that moment. Fees for calls of tools are not in it.
//
// For whatever counts within these bounds, Price returns no more. It saturates as
// money.Amount does, and does not allocate.
func (m *Model) Most(at time.Time, input, output int64, without ...usage.Class) money.Amount {
	input, output = min(max(input, 0), maxCount), min(max(output, 0), maxCount)
	r := m.rowAt(at)
	var most money.Amount
	for _, tables := range r.plans[r.open(at)] {
		for i := range tables {
			if t := &tables[i]; i == 0 || t.min <= input {
				cost := t.dearest(inputs[:], without).Times(input).Add(t.dearest(outputs[:], without).Times(output))
				most = max(most, cost)
			}
		}
	}
	dearest := most
	for _, ratio := range r.geo {
		dearest = max(dearest, ratio.Of(most))
	}
	return dearest
}

// Free says that nothing costs anything that a request which starts at a moment
// may use.
func (m *Model) Free(at time.Time) bool {
	r := m.rowAt(at)
	for _, tables := range r.plans[r.open(at)] {
		for i := range tables {
			if tables[i].rates != [usage.NumClasses]money.Rate{} {
				return false
			}
		}
	}
	return true
}

// open returns the number of the plan whose hours a moment is in.
func (r *row) open(at time.Time) int {
	if r.schedule == nil {
		return 0
	}
	return r.schedule.window(at)
}

var (
	inputs = [...]usage.Class{
		usage.Input, usage.CacheRead, usage.CacheWrite, usage.CacheWrite1h, usage.InputAudio, usage.InputImage,
	}
	outputs = [...]usage.Class{usage.Output, usage.Reasoning, usage.OutputAudio, usage.OutputImage}
)

// dearest returns the highest price of some classes without others.
func (t *table) dearest(of, without []usage.Class) (highest money.Rate) {
	for _, c := range of {
		if !slices.Contains(without, c) {
			highest = max(highest, t.rates[c])
		}
	}
	return highest
}

// Snapshots returns the models of the same provider that are snapshots of m by their names and
// have prices of their own: what answers when m is asked for may be one of them.
func (b *Book) Snapshots(m *Model) []*Model { return b.snapshots[m] }

// enterSnapshots finds out which models are snapshots of which.
func (b *Book) enterSnapshots() {
	for _, m := range b.models {
		for _, name := range m.names {
			base, ok := snapshotBase(name)
			if !ok {
				continue
			}
			of := b.exact[nameKey{m.Provider, base}]
			if of == nil || of == m || slices.Contains(b.snapshots[of], m) {
				continue
			}
			if b.snapshots == nil {
				b.snapshots = make(map[*Model][]*Model)
			}
			b.snapshots[of] = append(b.snapshots[of], m)
		}
	}
}
