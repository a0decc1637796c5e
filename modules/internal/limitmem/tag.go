// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limitmem

import (
	"time"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// tag stands for limits.Rule.ID, what a counter counts: unit, kind and period in
// three bits each, and then the length in milliseconds, or a hash of the name of
// the time zone. It is never 0, and the same in each process.
type tag uint64

const (
	tagSet    tag = 1 << 63
	tagPeriod     = 6
	tagLength     = 9
	zoneMask      = 1<<48 - 1
)

func tagOf(r *limits.Rule) tag {
	w := &r.Window
	t := tagSet | tag(r.Unit) | tag(w.Kind)<<3
	if w.Kind == limits.Held {
		return t
	}
	if w.Kind == limits.Calendar {
		return t | tag(w.Period)<<tagPeriod | tag(zoneHash(w.Zone)&zoneMask)<<tagLength
	}
	return t | tag(w.Length/time.Millisecond)<<tagLength //nolint:gosec // Positive, less than 2^36.
}

// zoneHash is FNV-1a of the name, 0 for UTC.
func zoneHash(zone *time.Location) uint64 {
	if zone == nil || zone == time.UTC {
		return 0
	}
	name := zone.String()
	if name == "UTC" {
		return 0
	}
	h := uint64(14695981039346656037)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return h ^ h>>48
}

func (t tag) unit() limits.Unit { return limits.Unit(t & 7) }
func (t tag) kind() limits.Kind { return limits.Kind(t >> 3 & 7) }

// window is the window that the tag is of, but for the zone of Calendar.
func (t tag) window() limits.Window {
	w := limits.Window{Kind: t.kind()}
	switch w.Kind {
	case limits.Held:
	case limits.Calendar:
		w.Period = limits.Period(t >> tagPeriod & 7)
	default:
		w.Length = time.Duration(t&^tagSet>>tagLength) * time.Millisecond //nolint:gosec // As above.
	}
	return w
}

// class is what kind of slot the counter takes.
func (t tag) class() uint32 {
	switch {
	case t.kind() != limits.Sliding:
		return classSmall
	case t.unit() == limits.Cost:
		return classWide
	default:
		return classNarrow
	}
}

// longEnough is the length of windows from which on their counters survive.
const longEnough = 5 * time.Minute

// persists says that a counter has to survive the process: windows of five minutes
// or longer, and all that counts money, but not what is held, nor buckets of
// anything else.
func (t tag) persists() bool {
	switch w := t.window(); w.Kind {
	case limits.Held:
		return false
	case limits.Bucket:
		return t.unit() == limits.Cost
	case limits.Calendar:
		return w.Period != limits.Minute || t.unit() == limits.Cost
	default:
		return w.Length >= longEnough || t.unit() == limits.Cost
	}
}
