// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package limits

import (
	"fmt"
	"strconv"
	"time"
)

// Unit is what a rule counts.
type Unit uint8

// The units.
const (
	// Requests counts requests, or the weights that they are given.
	Requests Unit = iota
	// Tokens, InputTokens and OutputTokens count tokens of language models.
	Tokens
	InputTokens
	OutputTokens
	// Cost counts billionths of a US dollar.
	Cost
	// Concurrent counts requests in flight. Its window is of kind Held.
	Concurrent
)

// NanoPerUSD is how many units of Cost make a dollar.
const NanoPerUSD = 1_000_000_000

// MaxCount bounds limits, weights and what is counted: 2^53-1, which is what a
// float holds exactly, since the scripts of Redis know no other numbers. In
// dollars that is 9 million. Whatever would come to more stays there.
const MaxCount = 1<<53 - 1

// MaxSliding bounds the limits of sliding windows in units other than Cost, so
// that their many parts fit in 32 bits.
const MaxSliding = 1<<32 - 1

var unitNames = [...]string{"requests", "tokens", "input_tokens", "output_tokens", "cost", "concurrent"}

// String returns the name of u, such as "input_tokens".
func (u Unit) String() string {
	if int(u) < len(unitNames) {
		return unitNames[u]
	}
	return "unknown"
}

// Reserves says that what a request counts is known only when it is over, so
// that its weight is an upper bound until then.
func (u Unit) Reserves() bool { return u != Requests }

// Kind is how a counter forgets.
type Kind uint8

// The kinds of windows.
const (
	// Sliding admits at most the limit in any span of Length, wherever it begins.
	// The span is counted in Parts parts, and the part that is just passing out
	// of it is counted whole: what was admitted counts for Length to Length plus
	// one part. Under steady demand of twice the limit that costs some 1.5 % of
	// what could be admitted.
	Sliding Kind = iota
	// Fixed admits at most the limit in each span of Length since the Unix epoch
	// in UTC, hence up to twice the limit around the border of two.
	Fixed
	// Calendar is Fixed for hours, days, months or years of a time zone.
	Calendar
	// Bucket is a token bucket: it holds at most Burst and fills by Limit in
	// Length, so that any span of Length may see Burst and Limit together.
	Bucket
	// Held has no window: it counts what has been admitted and is not settled.
	Held
)

var kindNames = [...]string{"sliding", "fixed", "calendar", "bucket", "held"}

// String returns the name of k, such as "sliding".
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// Parts is in how many parts a sliding window is counted.
const Parts = 60

// Period is a span of the calendar.
type Period uint8

// The periods.
const (
	Minute Period = iota
	Hour
	Day
	Month
	Year
)

var periodNames = [...]string{"minute", "hour", "day", "month", "year"}

// String returns the name of p, such as "month".
func (p Period) String() string {
	if int(p) < len(periodNames) {
		return periodNames[p]
	}
	return "unknown"
}

// Window is the span of time that a rule is about.
type Window struct {
	// Kind is how the window passes.
	Kind Kind
	// Length of Sliding, Fixed and Bucket: whole milliseconds, at least a second,
	// at most 366 days; for Bucket at most a day.
	Length time.Duration
	// Period and Zone of Calendar. Nil is UTC.
	Period Period
	Zone   *time.Location
}

// Part is the length of one part of a sliding window: its Length divided by
// Parts, rounded up to microseconds.
func (w Window) Part() time.Duration {
	return time.Duration((w.Length.Microseconds()+Parts-1)/Parts) * time.Microsecond
}

// Seconds is how long w is, in whole seconds, for headers; of a calendar window
// the length of the longest one, of Held 0.
func (w Window) Seconds() int64 {
	switch w.Kind {
	case Held:
		return 0
	case Calendar:
		return [...]int64{60, 3600, 86400, 31 * 86400, 366 * 86400}[w.Period]
	default:
		return int64((w.Length + time.Second - 1) / time.Second)
	}
}

// ID identifies the window among those of a unit, in characters that are safe in
// the keys of any store: "60s", "fixed-1h", "month@Asia/Kolkata", "bucket-1s",
// "held".
func (w Window) ID() string {
	switch w.Kind {
	case Held:
		return "held"
	case Calendar:
		if w.Zone == nil || w.Zone == time.UTC || w.Zone.String() == "UTC" {
			return w.Period.String()
		}
		return w.Period.String() + "@" + w.Zone.String()
	default:
		return w.lengthID()
	}
}

// lengthID is the ID of windows that have a Length.
func (w Window) lengthID() string {
	length := strconv.FormatInt(w.Length.Milliseconds(), 10) + "ms"
	if w.Length%time.Second == 0 {
		length = strconv.FormatInt(int64(w.Length/time.Second), 10) + "s"
	}
	if w.Kind == Sliding {
		return length
	}
	return w.Kind.String() + "-" + length
}

// Rule is one limit, for any number of keys. Rules are shared and never change.
type Rule struct {
	// Unit is what is counted.
	Unit Unit
	// Window is the time in which it is counted.
	Window Window
	// Limit in units, from 1 to MaxCount.
	Limit int64
	// Burst is how much a Bucket holds; 0 is Limit.
	Burst int64
	// Soft counts beyond the limit and never denies.
	Soft bool
	// Shadow counts what would be admitted and never denies.
	Shadow bool
}

// ID identifies what the rule counts, whatever its limit: "requests/60s".
func (r *Rule) ID() string { return r.Unit.String() + "/" + r.Window.ID() }

// Enforces says that r denies what exceeds it.
func (r *Rule) Enforces() bool { return !r.Soft && !r.Shadow }

// Hard says that r must never be exceeded, whatever fails: rather is everything
// denied. That is money; other limits are held as well as can be.
func (r *Rule) Hard() bool { return r.Unit == Cost && r.Enforces() }

// Capacity is the most that can be admitted at once: Burst of a bucket, else
// Limit.
func (r *Rule) Capacity() int64 {
	if r.Window.Kind == Bucket && r.Burst > 0 {
		return r.Burst
	}
	return r.Limit
}

// Check returns an error if r is not what a store can keep.
func (r *Rule) Check() error {
	w := r.Window
	switch {
	case r.Unit > Concurrent || w.Kind > Held || w.Kind == Calendar && w.Period > Year:
		return fmt.Errorf("unit %s, kind %s or period %s is none of this package", r.Unit, w.Kind, w.Period)
	case r.Limit < 1 || r.Limit > MaxCount:
		return fmt.Errorf("limit %d is out of range", r.Limit)
	case (r.Unit == Concurrent) != (w.Kind == Held):
		return fmt.Errorf("a window of kind %s does not fit %s", w.Kind, r.Unit)
	case r.Burst != 0 && w.Kind != Bucket:
		return fmt.Errorf("burst does not fit a window of kind %s", w.Kind)
	case r.Burst < 0 || r.Burst > MaxCount:
		return fmt.Errorf("burst %d is out of range", r.Burst)
	case w.Kind == Sliding && r.Unit != Cost && r.Limit > MaxSliding:
		return fmt.Errorf("limit %d is out of range for a sliding window, which counts to %d", r.Limit, int64(MaxSliding))
	case w.Kind == Held, w.Kind == Calendar:
		return nil
	case w.Length < time.Second || w.Length > 366*24*time.Hour:
		return fmt.Errorf("length %s is out of range", w.Length)
	case w.Length%time.Millisecond != 0:
		return fmt.Errorf("length %s is not in whole milliseconds", w.Length)
	case w.Kind == Bucket && w.Length > 24*time.Hour:
		return fmt.Errorf("length %s is out of range for a bucket", w.Length)
	case w.Kind == Bucket && r.Capacity() > MaxCount/w.Length.Milliseconds():
		return fmt.Errorf("burst %d is out of range for a bucket that fills in %s", r.Capacity(), w.Length)
	case w.Kind == Bucket && r.Limit > MaxCount/w.Length.Milliseconds():
		return fmt.Errorf("limit %d is out of range for a bucket that fills in %s", r.Limit, w.Length)
	}
	return nil
}
