// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/ledgerdb"
	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// usageList is the answer of /gateway/usage.
type usageList struct {
	// Ledger is the directory of the ledger, "memory", or the name of the store in
	// which several gateways share it.
	Ledger string `json:"ledger"`
	// Since and Until are the whole hours that were summed up.
	Since time.Time   `json:"since"`
	Until time.Time   `json:"until"`
	Rows  []usageView `json:"rows"`
	Total usageSums   `json:"total"`
	// PerHour and PerDay are what an hour and a day of that time cost, as far as
	// it is over.
	PerHour string    `json:"cost_per_hour_usd"`
	PerDay  string    `json:"cost_per_day_usd"`
	Month   monthView `json:"month"`
	Warning string    `json:"warning,omitempty"`
}

// usageView is a row: what the requests of one caller to one model used.
type usageView struct {
	Consumer *string `json:"consumer,omitempty"`
	Provider *string `json:"provider,omitempty"`
	Model    *string `json:"model,omitempty"`
	Route    *string `json:"route,omitempty"`
	Tag      *string `json:"tag,omitempty"`
	// Hour and Day are those that the row is about, in UTC.
	Hour *string `json:"hour,omitempty"`
	Day  *string `json:"day,omitempty"`
	usageSums
}

// usageSums are the figures of one or several rows. Costs are exact decimals
// in US dollars.
type usageSums struct {
	Requests     int64            `json:"requests"`
	Failed       int64            `json:"failed"`
	InputTokens  int64            `json:"input_tokens"`
	OutputTokens int64            `json:"output_tokens"`
	Classes      map[string]int64 `json:"classes,omitempty"`
	Cost         money.Total      `json:"cost_usd"`
	Saved        money.Total      `json:"cache_savings_usd"`
	Exact        int64            `json:"exact_calls"`
	Estimated    int64            `json:"estimated_calls"`
	PriceUnknown int64            `json:"unpriced_calls"`
	CacheHits    int64            `json:"response_cache_hits"`
	Avoided      money.Total      `json:"response_cache_saved_usd"`
	First        *time.Time       `json:"first,omitempty"`
	Last         *time.Time       `json:"last,omitempty"`
}

// serveUsage answers with what was used and what it cost. Rows are filtered by
// equal values and summed by the dimensions that the parameter by lists; the total
// is of the rows that pass the filter.
func serveUsage(a *App, w http.ResponseWriter, query url.Values) error {
	now := time.Now()
	q, err := parseUsage(query, now)
	if err != nil {
		return adminError(http.StatusBadRequest, "read query: %w", err)
	}
	s, err := a.sourceOf(query.Get("instance"), now)
	if err != nil {
		return adminError(http.StatusBadRequest, "read query: %w", err)
	}
	list, err := s.report(q, now)
	if errors.Is(err, errTooManyRows) {
		return adminError(http.StatusBadRequest, "%w", err)
	}
	if err != nil {
		return err
	}
	return writeAdmin(w, list)
}

// source is the ledger of the app's own, to report on.
func (a *App) source(now time.Time) source {
	if a.disk != nil {
		return diskSource(a.disk.DB, now)
	}
	return source{ledger: a.shared.ledger, name: "memory", began: func() (time.Time, error) {
		return ledger.HourOf(a.shared.since).Start(), nil
	}}
}

// diskSource is a ledger on disk, to report on at a moment. Before its first rows
// are written it begins now.
func diskSource(db *ledgerdb.DB, now time.Time) source {
	stats, err := db.Stats()
	if stats.Oldest.IsZero() {
		stats.Oldest = ledger.HourOf(now).Start()
	}
	return source{ledger: db, name: stats.Dir, began: func() (time.Time, error) { return stats.Oldest, err }}
}

// viewRow shows the fields by which rows are told apart, also empty ones.
func viewRow(row *ledger.Row, by []ledger.Dimension) usageView {
	v := usageView{usageSums: viewSums(row)}
	for _, d := range by {
		switch d {
		case ledger.ByConsumer:
			v.Consumer = &row.Consumer
		case ledger.ByProvider:
			v.Provider = &row.Provider
		case ledger.ByModel:
			v.Model = &row.Model
		case ledger.ByRoute:
			v.Route = &row.Route
		case ledger.ByTag:
			v.Tag = &row.Tags
		case ledger.ByHour:
			hour := row.Hour.Format(time.RFC3339)
			v.Hour = &hour
		case ledger.ByDay:
			day := row.Hour.Format(time.DateOnly)
			v.Day = &day
		}
	}
	return v
}

func viewSums(row *ledger.Row) usageSums {
	s := usageSums{
		Requests: row.Requests, Failed: row.Failed,
		InputTokens: row.Counts.TotalInput(), OutputTokens: row.Counts.TotalOutput(),
		Cost: row.Cost, Saved: row.Saved,
		Exact: row.Exact, Estimated: row.Estimated, PriceUnknown: row.PriceUnknown,
		CacheHits: row.CacheHits, Avoided: row.Avoided,
		First: unlessZero(row.First.UTC()), Last: unlessZero(row.Last.UTC()),
	}
	for class, n := range row.Counts {
		if n == 0 {
			continue
		}
		if s.Classes == nil {
			s.Classes = make(map[string]int64, usage.NumClasses)
		}
		s.Classes[usage.Class(class).String()] = n
	}
	return s
}

// ledgerHealth says whether the ledger keeps its promise. It reads no rows.
func (a *App) ledgerHealth(context.Context) Health {
	h := Health{Status: HealthOK, Facts: map[string]any{}}
	if err := a.LedgerErr(); err != nil {
		h.Status, h.Detail = HealthFailed, err.Error()
	}
	if a.disk == nil {
		h.Facts["path"], h.Facts["since"] = "memory", a.shared.since.UTC()
		return h
	}
	if h.Status == HealthOK && !a.disk.durable() {
		h.Status, h.Detail = HealthDegraded, "the ledger could not be written until a moment ago"
	}
	h.Facts["path"], h.Facts["keep"] = a.disk.dir, keepText(a.LedgerConfig.keep())
	stats, err := a.disk.Stats()
	if err != nil && h.Status != HealthFailed {
		h.Status, h.Detail = HealthFailed, err.Error()
	}
	h.Facts["bytes"], h.Facts["pending_rows"], h.Facts["records"] = stats.Bytes, stats.Pending, stats.Last
	if !stats.Oldest.IsZero() {
		h.Facts["oldest"] = stats.Oldest
	}
	return h
}
