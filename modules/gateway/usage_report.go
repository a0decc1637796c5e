// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/money"
)

// source is a ledger to report on.
type source struct {
	ledger ledger.Ledger
	// name is its directory, or "memory".
	name string
	// began returns the start of its first hour; zero without any.
	began func() (time.Time, error)
}

// errTooManyRows tells that an answer would be larger than its limit.
var errTooManyRows = errors.New("the answer has more rows than its limit")

// report answers a query. The totals are of all that passes the filter.
func (s source) report(q ledger.Query, now time.Time) (usageList, error) {
	list := usageList{Ledger: s.name}
	rows, err := s.ledger.Rows(q)
	if err != nil && len(rows) == 0 {
		return list, fmt.Errorf("read ledger: %w", err)
	}
	if err != nil { // damage: what could be read is better than nothing
		list.Warning = "some of it could not be read: " + err.Error()
	}
	if len(rows) > q.MaxRows {
		return list, fmt.Errorf("%w of %d; ask for fewer dimensions, a shorter time or one consumer, or raise limit (at most %d)",
			errTooManyRows, q.MaxRows, maxUsageLimit)
	}
	total := ledger.Sum(rows)
	if slices.Contains(q.By, ledger.ByTag) { // whose rows add up to more
		whole := q
		whole.By = nil
		all, err := s.ledger.Rows(whole)
		if err != nil && len(all) == 0 {
			return list, fmt.Errorf("read ledger: %w", err)
		}
		total = ledger.Sum(all)
	}
	list.Total = viewSums(&total)
	list.Rows = make([]usageView, 0, len(rows))
	for i := range rows {
		list.Rows = append(list.Rows, viewRow(&rows[i], q.By))
	}
	began, err := s.began()
	if err != nil {
		return list, fmt.Errorf("read ledger: %w", err)
	}
	list.Since, list.Until = span(q, began, total.First, now)
	seconds := elapsed(list.Since, list.Until, now)
	list.PerHour = scaled(total.Cost, 3600, seconds)
	list.PerDay = scaled(total.Cost, 24*3600, seconds)
	list.Month, err = s.month(q.Filter, began, now)
	if err != nil {
		return list, err
	}
	if err := s.ledger.Err(); err != nil && list.Warning == "" {
		list.Warning = "not everything is durable: " + err.Error()
	}
	return list, nil
}

// span returns the hours that a query was really about: not those before there was
// a ledger, and none after the present one.
func span(q ledger.Query, began, first, now time.Time) (since, until time.Time) {
	for _, t := range []time.Time{first, now} { // where nothing is known of the beginning
		if !t.IsZero() && (began.IsZero() || t.Before(began)) {
			began = t
		}
	}
	from, end := q.Hours()
	since, until = max(from, ledger.HourOf(began)).Start(), (ledger.HourOf(now) + 1).Start()
	if !q.Until.IsZero() && end.Start().Before(until) {
		until = end.Start()
	}
	if !since.Before(until) { // all of it is before there was a ledger, or to come
		since = from.Start()
		if !since.Before(until) {
			until = (from + 1).Start()
		}
	}
	return since, until
}

// elapsed returns how many seconds of a span are over, and at least an hour: the
// first call in a new ledger is not the rate of anything.
func elapsed(since, until, now time.Time) int64 {
	if now.Before(until) {
		until = now
	}
	return max(int64(until.Sub(since)/time.Second), 3600)
}

// recent is the time whose costs say how the month goes on.
const recent = 7 * 24 * time.Hour

// monthView is what the current month costs, in UTC.
type monthView struct {
	// Month is year and month, such as "2026-11".
	Month string `json:"month"`
	// Cost is what it has cost so far.
	Cost money.Total `json:"cost_usd"`
	// RecentPerDay is what a day cost in the last seven days, or since the ledger
	// began if that is not so long ago.
	RecentPerDay string `json:"recent_cost_per_day_usd"`
	// Projected is Cost, and the rest of the month at RecentPerDay.
	Projected string `json:"projected_usd"`
}

// month projects the cost of the current month: what it was so far, and for the
// rest of it what the last seven days cost, per second.
func (s source) month(f ledger.Filter, began, now time.Time) (monthView, error) {
	now = now.UTC()
	start := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	end := start.AddDate(0, 1, 0)
	since := ledger.HourOf(now.Add(-recent)).Start()
	if began.After(since) && began.Before(now) {
		since = began
	}
	q := ledger.Query{Filter: f, By: []ledger.Dimension{ledger.ByHour}, Since: start, Until: (ledger.HourOf(now) + 1).Start()}
	if since.Before(start) {
		q.Since = since
	}
	hours, err := s.ledger.Rows(q)
	if err != nil && len(hours) == 0 {
		return monthView{}, fmt.Errorf("read ledger: %w", err)
	}
	var sofar, lately money.Total
	for i := range hours {
		if !hours[i].Hour.Before(start) {
			sofar.AddTotal(hours[i].Cost)
		}
		if !hours[i].Hour.Before(since) {
			lately.AddTotal(hours[i].Cost)
		}
	}
	seconds := elapsed(since, now, now)
	rest := rational(lately)
	rest.Mul(rest, big.NewRat(int64(end.Sub(now)/time.Second), seconds))
	return monthView{
		Month: start.Format("2006-01"), Cost: sofar, RecentPerDay: scaled(lately, 24*3600, seconds),
		Projected: decimal(rest.Add(rest, rational(sofar))),
	}, nil
}

// scaled returns total*by/over, rounded to a millionth of a dollar.
func scaled(total money.Total, by, over int64) string {
	r := rational(total)
	return decimal(r.Mul(r, big.NewRat(by, over)))
}

// rational is the exact value of a total in dollars.
func rational(t money.Total) *big.Rat {
	r, ok := new(big.Rat).SetString(t.String())
	if !ok {
		return new(big.Rat) // a total is always a decimal
	}
	return r
}

// decimal rounds to a millionth of a dollar, half away from zero.
func decimal(r *big.Rat) string {
	text := strings.TrimRight(strings.TrimRight(r.FloatString(6), "0"), ".")
	if text == "" || text == "-0" || text == "-" {
		return "0"
	}
	return text
}
