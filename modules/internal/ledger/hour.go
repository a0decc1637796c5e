// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"math"
	"time"
)

// Hour is a clock hour in UTC, counted from the Unix epoch.
type Hour uint32

// MaxHour is the last hour that a record can be in. Every hour before Until of
// a query without an end is at most this.
const MaxHour Hour = math.MaxUint32 - 1

const secondsPerHour = 3600

// HourOf returns the hour that t is in; the first or the last one if t lies
// before or after all of them. A record without a time is in the first.
func HourOf(t time.Time) Hour {
	seconds := t.Unix()
	switch {
	case seconds < 0:
		return 0
	case seconds/secondsPerHour > int64(MaxHour):
		return MaxHour
	}
	return Hour(seconds / secondsPerHour) //nolint:gosec // Checked above.
}

// Start returns the moment at which the hour begins, in UTC.
func (h Hour) Start() time.Time {
	return time.Unix(int64(h)*secondsPerHour, 0).UTC()
}

// day returns the first hour of the day that h is in.
func (h Hour) day() Hour { return h - h%24 }
