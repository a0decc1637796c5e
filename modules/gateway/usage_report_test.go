// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/money"
)

// noon is in the middle of a month of 30 days.
var noon = time.Date(2026, 11, 16, 12, 0, 0, 0, time.UTC)

func usd(t *testing.T, text string) money.Amount {
	t.Helper()
	a, err := money.ParseUSD(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// spent is a ledger with one call at each time, which began at the first.
func spent(t *testing.T, cost string, at ...time.Time) source {
	t.Helper()
	l := ledger.NewMemory(ledger.Options{})
	var began time.Time
	for _, at := range at {
		l.Record(&ledger.Record{At: at, Consumer: "alice", Tags: "ci,prod", Cost: usd(t, cost), PriceKnown: true, LLM: true, Exact: true})
		if began.IsZero() || at.Before(began) {
			began = at
		}
	}
	if !began.IsZero() {
		began = ledger.HourOf(began).Start()
	}
	return source{ledger: l, name: "memory", began: func() (time.Time, error) { return began, nil }}
}

func TestParseMoment(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"since", "24h", "2026-11-15T12:00:00Z"},
		{"since", "7d", "2026-11-09T12:00:00Z"},
		{"since", "1d12h", "2026-11-15T00:00:00Z"},
		{"since", "2026-11-01", "2026-11-01T00:00:00Z"},
		{"until", "2026-11-01", "2026-11-02T00:00:00Z"},
		{"until", "2026-11-01T12:30:00+02:00", "2026-11-01T10:30:00Z"},
		{"until", "0h", "2026-11-16T12:00:00Z"},
	} {
		t.Run(tc.name+" "+tc.text, func(t *testing.T) {
			got, err := parseMoment(tc.name, tc.text, noon)
			if err != nil || got.Format(time.RFC3339) != tc.want {
				t.Errorf("it is %s, %v, want %s", got, err, tc.want)
			}
		})
	}
	for _, text := range []string{"24", "1w", "2026-11-31", "2026-11-01 12:00", "-1h", "9999-12-31", "1969-01-01"} {
		if got, err := parseMoment("since", text, noon); err == nil {
			t.Errorf("%q is %s", text, got)
		}
	}
}

func TestSpan(t *testing.T) {
	hour := func(h int) time.Time { return noon.Add(time.Duration(h) * time.Hour) }
	now := noon.Add(30 * time.Minute)
	for _, tc := range []struct {
		name         string
		since, until time.Time
		first, end   int // hours from noon
	}{
		{"everything", time.Time{}, time.Time{}, -10, 1},
		{"rounded outwards", hour(-3).Add(20 * time.Minute), hour(-1).Add(time.Second), -3, 0},
		{"whole hours", hour(-3), hour(-1), -3, -1},
		{"from before the beginning", hour(-100), hour(-1), -10, -1},
		{"to the future", hour(-1), hour(100), -1, 1},
		{"only the past", hour(-100), hour(-90), -100, -90},
		{"only the future", hour(90), hour(100), 90, 91},
	} {
		t.Run(tc.name, func(t *testing.T) {
			since, until := span(ledger.Query{Since: tc.since, Until: tc.until}, hour(-10), time.Time{}, now)
			if !since.Equal(hour(tc.first)) || !until.Equal(hour(tc.end)) {
				t.Errorf("from %s to %s", since, until)
			}
		})
	}
	// A record that is not in the database yet may be the first.
	if since, _ := span(ledger.Query{}, hour(0), hour(-2).Add(time.Minute), now); !since.Equal(hour(-2)) {
		t.Errorf("from %s", since)
	}
}

func TestReport(t *testing.T) {
	day := func(n int) time.Time { return noon.AddDate(0, 0, n) }
	var daily []time.Time
	for n := -25; n <= 0; n++ { // from 22 October to 16 November, the last one just now
		daily = append(daily, day(n).Add(-time.Minute))
	}
	for _, tc := range []struct {
		name, query string
		at          []time.Time
		want        string // since, until, total, per hour, per day; so far, lately, projected
	}{
		{
			"a call a day, everything", "", daily,
			"10-22T11 11-16T13 26 0.043261 1.03827; 16 1 30.5",
		},
		{
			"the last day", "since=24h", daily,
			"11-15T12 11-16T13 1 0.041667 1; 16 1 30.5",
		},
		{
			"a month that is over", "since=2026-10-01&until=2026-10-31", daily,
			"10-22T11 11-01T00 10 0.043668 1.048035; 16 1 30.5",
		},
		{
			"a ledger that began just now", "",
			[]time.Time{noon.Add(-time.Minute)},
			"11-16T11 11-16T13 1 1 24; 1 24 349",
		},
		{
			"a ledger that began two days ago", "",
			[]time.Time{day(-2), day(-2), noon},
			"11-14T12 11-16T13 3 0.0625 1.5; 3 1.5 24.75",
		},
		{"nothing", "", nil, "11-16T12 11-16T13 0 0 0; 0 0 0"},
		{"nobody", "consumer=bob", daily, "10-22T11 11-16T13 0 0 0; 0 0 0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			query, err := url.ParseQuery(tc.query)
			if err != nil {
				t.Fatal(err)
			}
			q, err := parseUsage(query, noon)
			if err != nil {
				t.Fatal(err)
			}
			l, err := spent(t, "1", tc.at...).report(q, noon)
			if err != nil {
				t.Fatal(err)
			}
			const hour = "01-02T15"
			got := strings.Join([]string{
				l.Since.Format(hour), l.Until.Format(hour), l.Total.Cost.String(), l.PerHour, l.PerDay + ";",
				l.Month.Cost.String(), l.Month.RecentPerDay, l.Month.Projected,
			}, " ")
			if got != tc.want || l.Month.Month != "2026-11" {
				t.Errorf("reports %s, want %s", got, tc.want)
			}
		})
	}
}

func TestReportOfTags(t *testing.T) {
	q, err := parseUsage(url.Values{"by": {"tag"}}, noon)
	if err != nil {
		t.Fatal(err)
	}
	l, err := spent(t, "0.1", noon, noon).report(q, noon)
	if err != nil || len(l.Rows) != 2 || *l.Rows[0].Tag != "ci" || l.Rows[1].Requests != 2 || l.Total.Requests != 2 || l.Total.Cost.String() != "0.2" {
		t.Errorf("by tag: %+v, %v", l, err)
	}
	q.Tag, q.MaxRows = "prod", 1
	if l, err = spent(t, "0.1", noon).report(q, noon); err != nil || len(l.Rows) != 1 || *l.Rows[0].Tag != "prod" {
		t.Errorf("of one tag: %+v, %v", l, err)
	}
	q.Tag = ""
	if _, err := spent(t, "0.1", noon).report(q, noon); !errors.Is(err, errTooManyRows) {
		t.Errorf("two rows where one may be: %v", err)
	}
}

// broken is a ledger that cannot be read.
type broken struct{ ledger.Ledger }

var errDemo = errors.New("demo damage")

func (broken) Rows(ledger.Query) ([]ledger.Row, error) { return nil, errDemo }

// holed is a ledger of which some rows cannot be read.
type holed struct{ ledger.Ledger }

func (h holed) Rows(q ledger.Query) ([]ledger.Row, error) {
	rows, _ := h.Ledger.Rows(q)
	return rows, errDemo
}

// lagging is a ledger that cannot be written.
type lagging struct{ ledger.Ledger }

func (lagging) Err() error { return errDemo }

func TestReportOfFailingLedgers(t *testing.T) {
	s := spent(t, "1", noon)
	q := ledger.Query{MaxRows: 10}
	whole := s.ledger
	s.ledger = broken{whole}
	if _, err := s.report(q, noon); !errors.Is(err, errDemo) {
		t.Errorf("a damaged ledger: %v", err)
	}
	s.ledger = holed{whole}
	if l, err := s.report(ledger.Query{MaxRows: 10, By: []ledger.Dimension{ledger.ByTag}}, noon); err != nil ||
		l.Warning != "some of it could not be read: demo damage" || l.Total.Requests != 1 || len(l.Rows) != 2 {
		t.Errorf("a ledger with a damaged row: %+v, %v", l, err)
	}
	s.ledger = lagging{whole}
	l, err := s.report(q, noon)
	if err != nil || !strings.Contains(l.Warning, "demo damage") || l.Total.Requests != 1 {
		t.Errorf("a ledger that cannot be written: %+v, %v", l, err)
	}
	var out strings.Builder
	if err := l.print(&out, "table", []string{"consumer"}); err != nil || !strings.HasSuffix(out.String(), "warning: not everything is durable: demo damage\n") {
		t.Errorf("prints %s, %v", out.String(), err)
	}
}
