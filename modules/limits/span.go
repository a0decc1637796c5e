// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limits

import "time"

// Span returns the span of Fixed or Calendar that holds at. Its end is not in it.
func (w Window) Span(at time.Time) (start, end time.Time) {
	if w.Kind == Fixed {
		now := at.UnixMicro()
		start = time.UnixMicro(now - mod(now, w.Length.Microseconds()))
		return start, start.Add(w.Length)
	}
	zone := w.Zone
	if zone == nil {
		zone = time.UTC
	}
	t := at.In(zone)
	y, m, d := t.Date()
	switch w.Period {
	case Minute, Hour:
		// In absolute time, since an hour may come twice where clocks are set back.
		// Zones differ from UTC by whole minutes or less.
		_, offset := t.Zone()
		unit := int64(60)
		if w.Period == Hour {
			unit = 3600
		}
		local := t.Unix() + int64(offset)
		start = time.Unix(local-mod(local, unit)-int64(offset), 0)
		return start, start.Add(time.Duration(unit) * time.Second)
	case Day:
		return midnight(y, m, d, zone), midnight(y, m, d+1, zone)
	case Month:
		return midnight(y, m, 1, zone), midnight(y, m+1, 1, zone)
	default:
		return midnight(y, time.January, 1, zone), midnight(y+1, time.January, 1, zone)
	}
}

func mod(a, b int64) int64 { return (a%b + b) % b }

// midnight is when a day begins in a zone. Some zones set their clocks at
// midnight: a day may begin at one o'clock, or its first hour may come twice.
func midnight(y int, m time.Month, d int, zone *time.Location) time.Time {
	t := time.Date(y, m, d, 0, 0, 0, 0, zone)
	since, until := t.ZoneBounds()
	switch {
	case t.Hour() >= 12: // there is no midnight, and time.Date has gone back
		return until
	case t.Hour() > 0: // or forward
		return since
	case since.IsZero():
		return t
	}
	_, before := since.Add(-1).Zone()
	_, after := t.Zone()
	// If clocks were set back to a time before t, t is the second midnight.
	if first := t.Add(-time.Duration(before-after) * time.Second); before > after && first.Before(since) {
		return first
	}
	return t
}
