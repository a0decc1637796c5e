// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quotaspec

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // zones for machines without a database of their own, such as containers

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// The words for windows.
const (
	Sliding  = "sliding"
	Fixed    = "fixed"
	Calendar = "calendar"
	Bucket   = "bucket"
)

// Item is one line of limits: a unit, and how much of it is allowed in which
// times.
type Item struct {
	// Unit is what is limited: "requests", "tokens" (input and output together),
	// "input_tokens", "output_tokens", "cost" or "concurrent", which is requests
	// in flight.
	Unit string `json:"unit"`

	// Limits are amounts with a window each, such as "1000/min", "200k/hour",
	// "1.5M/day" or, for cost, "50usd/month". Windows are s, min, hour, day,
	// month and year, or a duration such as 30s or 7d. For concurrent it is one
	// number, such as "20".
	Limits []string `json:"limits"`

	// Window says how the windows pass. "sliding" allows the limit in any span
	// of that length. "fixed" counts in spans that follow one another in UTC.
	// "calendar" counts by the minute, hour, day, month or year of TimeZone.
	// "bucket" fills evenly and holds Burst. Default: sliding for requests and
	// tokens, calendar for cost. A month or a year is always of the calendar,
	// and a duration such as 24h never is.
	Window string `json:"window,omitempty"`

	// Burst is how much a bucket holds, as an amount without a window. With it
	// Window need not be said. Default: the limit.
	Burst string `json:"burst,omitempty"`

	// TimeZone of calendar windows, such as "Asia/Kolkata". Default: UTC.
	TimeZone string `json:"timezone,omitempty"`

	// Soft makes a limit of cost one that warns and lets pass.
	Soft bool `json:"soft,omitempty"`
}

// Units are the words that lines of limits begin with in a Caddyfile.
var Units = []string{"requests", "tokens", "cost", "concurrent"}

// ParseItem reads the arguments of a line of a Caddyfile that begins with one of
// Units, and checks everything. The limits come first, then in any order
// sliding, fixed, calendar or bucket, burst and its amount, timezone and its
// name, and soft. Before the limits of tokens may stand input, output or total.
func ParseItem(unit string, args []string) (Item, error) {
	if !slices.Contains(Units, unit) {
		return Item{}, fmt.Errorf("%q cannot be limited; write %s", unit, strings.Join(Units, ", "))
	}
	it := Item{Unit: unit}
	if unit == "tokens" && len(args) > 0 {
		switch args[0] {
		case "input", "output":
			it.Unit, args = args[0]+"_tokens", args[1:]
		case "total":
			args = args[1:]
		}
	}
	for len(args) > 0 {
		n, err := it.modifier(args)
		if err != nil {
			return Item{}, err
		}
		if n == 0 {
			if it.Window != "" || it.Burst != "" || it.TimeZone != "" || it.Soft {
				return Item{}, fmt.Errorf("%q stands behind the words for windows; write limits first, then sliding, fixed, "+
					"calendar, bucket, burst, timezone or soft", args[0])
			}
			it.Limits = append(it.Limits, args[0])
			n = 1
		}
		args = args[n:]
	}
	rules, err := it.rules()
	if err == nil {
		err = conflict(rules, it.Limits)
	}
	if err != nil {
		return Item{}, err
	}
	return it, nil
}

// modifier reads a word that is no limit and returns how many arguments it has
// taken, 0 if the first is no such word.
func (it *Item) modifier(args []string) (int, error) {
	word := args[0]
	switch word {
	case Sliding, Fixed, Calendar, Bucket:
		if it.Window == word {
			return 0, fmt.Errorf("%s is given twice", word)
		}
		if it.Window != "" {
			return 0, fmt.Errorf("%s and %s exclude each other; write two lines", it.Window, word)
		}
		it.Window = word
		return 1, nil
	case "soft":
		if it.Soft {
			return 0, errors.New("soft is given twice")
		}
		it.Soft = true
		return 1, nil
	}
	var into *string
	switch word {
	case "burst":
		into = &it.Burst
	case "timezone":
		into = &it.TimeZone
	default:
		return 0, nil
	}
	if len(args) < 2 || args[1] == "" {
		return 0, fmt.Errorf("%s lacks its value; write: burst <amount>, timezone <name>", word)
	}
	if *into != "" {
		return 0, fmt.Errorf("%s is given twice", word)
	}
	*into = args[1]
	return 2, nil
}

// String returns the line as it is written in a Caddyfile.
func (it Item) String() string {
	parts := append([]string{words(it.Unit)}, it.Limits...)
	if it.Window != "" {
		parts = append(parts, it.Window)
	}
	if it.Burst != "" {
		parts = append(parts, "burst", it.Burst)
	}
	if it.TimeZone != "" {
		parts = append(parts, "timezone", it.TimeZone)
	}
	if it.Soft {
		parts = append(parts, "soft")
	}
	return strings.Join(parts, " ")
}

// words returns how a unit is written in a Caddyfile.
func words(unit string) string {
	if kind, ok := strings.CutSuffix(unit, "_tokens"); ok {
		return "tokens " + kind
	}
	return unit
}

func (it *Item) unit() (limits.Unit, error) {
	for u := limits.Requests; u <= limits.Concurrent; u++ {
		if u.String() == it.Unit {
			return u, nil
		}
	}
	return 0, fmt.Errorf("unit %q is unknown; write requests, tokens, input_tokens, output_tokens, cost or concurrent", it.Unit)
}

// rules compiles the limits of the item, one rule each.
func (it *Item) rules() ([]limits.Rule, error) {
	unit, err := it.unit()
	if err != nil {
		return nil, err
	}
	if err := it.fits(unit); err != nil {
		return nil, err
	}
	zone, err := loadZone(it.TimeZone)
	if err != nil {
		return nil, err
	}
	rules := make([]limits.Rule, 0, len(it.Limits))
	calendar := false
	for _, text := range it.Limits {
		r, err := it.rule(unit, text)
		if err != nil {
			return nil, err
		}
		if r.Window.Kind == limits.Calendar {
			r.Window.Zone, calendar = zone, true
		}
		rules = append(rules, r)
	}
	if it.TimeZone != "" && !calendar {
		return nil, fmt.Errorf("timezone is about windows of the calendar, and there is none; "+
			"write calendar as well, or leave timezone %s out", it.TimeZone)
	}
	return rules, nil
}

// fits checks what the members of an item allow each other.
func (it *Item) fits(unit limits.Unit) error {
	switch {
	case len(it.Limits) == 0 && unit == limits.Concurrent:
		return errors.New("the limit is missing; write one such as concurrent 20")
	case len(it.Limits) == 0:
		return fmt.Errorf("the limit is missing; write one such as %s %s", words(it.Unit), exampleOf(unit))
	case unit == limits.Concurrent && len(it.Limits) > 1:
		return errors.New("there is one limit of requests in flight; write one such as concurrent 20")
	case unit == limits.Concurrent && (it.Window != "" || it.Burst != "" || it.TimeZone != "" || it.Soft):
		return errors.New("requests in flight are limited without a window; write the number alone, such as concurrent 20")
	case it.Soft && unit != limits.Cost:
		return errors.New("soft is for cost alone; to try other limits out write shadow")
	case it.Burst != "" && it.Window != "" && it.Window != Bucket:
		return fmt.Errorf("burst is for buckets; write bucket instead of %s, or leave burst %s out", it.Window, it.Burst)
	case it.Burst != "" && len(it.Limits) > 1:
		return errors.New("burst belongs to one limit; write a line for each")
	case it.Window != "" && !slices.Contains([]string{Sliding, Fixed, Calendar, Bucket}, it.Window):
		return fmt.Errorf("window %q is unknown; write sliding, fixed, calendar or bucket", it.Window)
	}
	return nil
}

// rule compiles one limit, without its zone.
func (it *Item) rule(unit limits.Unit, text string) (limits.Rule, error) {
	none := limits.Rule{}
	amount, window, timed := strings.Cut(text, "/")
	limit, err := parseAmount(unit, amount)
	if err != nil {
		return none, err
	}
	r := limits.Rule{Unit: unit, Limit: limit, Soft: it.Soft}
	if unit == limits.Concurrent {
		if timed {
			return none, fmt.Errorf("%s has a window, and requests in flight have none; write concurrent %s", text, amount)
		}
		r.Window.Kind = limits.Held
		return r, check(&r, text)
	}
	if !timed {
		return none, fmt.Errorf("%s has no window; write one such as %s/min, %[1]s/hour, %[1]s/day or %[1]s/30s", text, amount)
	}
	s, err := parseSpan(window)
	if err != nil {
		return none, fmt.Errorf("%s: %w", text, err)
	}
	if r.Window, err = it.window(unit, s); err != nil {
		return none, fmt.Errorf("%s: %w", text, err)
	}
	if it.Burst != "" {
		if r.Burst, err = parseAmount(unit, it.Burst); err != nil {
			return none, fmt.Errorf("burst: %w", err)
		}
	}
	return r, check(&r, text)
}

// check is Rule.Check in the words of the operator.
func check(r *limits.Rule, text string) error {
	w := r.Window
	switch {
	case w.Kind == limits.Bucket && w.Length > 24*time.Hour:
		return fmt.Errorf("%s: a bucket fills within a day at most; write sliding or fixed", text)
	case w.Kind == limits.Bucket && w.Length >= time.Millisecond && max(r.Limit, r.Capacity()) > limits.MaxCount/w.Length.Milliseconds():
		return fmt.Errorf("%s is too much for a bucket that fills in %s; write sliding or fixed, or a shorter window", text, w.Length)
	case w.Kind == limits.Sliding && r.Unit != limits.Cost && r.Limit > limits.MaxSliding:
		return fmt.Errorf("%s is too much for a sliding window, which counts to %d; write fixed or calendar", text, int64(limits.MaxSliding))
	}
	if err := r.Check(); err != nil {
		return fmt.Errorf("%s: %w", text, err)
	}
	return nil
}
