// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// usageList is the answer of /gateway/usage.
type usageList struct {
	Since time.Time   `json:"since"`
	Rows  []usageView `json:"rows"`
	Total usageSums   `json:"total"`
}

// usageView is a row: what the requests of one caller to one model used.
type usageView struct {
	Consumer *string `json:"consumer,omitempty"`
	Provider *string `json:"provider,omitempty"`
	Model    *string `json:"model,omitempty"`
	Route    *string `json:"route,omitempty"`
	Tag      *string `json:"tag,omitempty"`
	// Hour is the start of the hour or day that the row is about.
	Hour *time.Time `json:"hour,omitempty"`
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
	First        *time.Time       `json:"first,omitempty"`
	Last         *time.Time       `json:"last,omitempty"`
}

// everything is what rows are told apart by unless asked otherwise.
var everything = []ledger.Dimension{ledger.ByConsumer, ledger.ByProvider, ledger.ByModel, ledger.ByRoute}

// serveUsage answers with what the process has counted. Rows are filtered by
// equal values and summed by the dimensions that the parameter by lists; the
// total is of the rows that pass the filter.
func serveUsage(a *App, w http.ResponseWriter, query url.Values) error {
	by := everything
	if query.Has("by") {
		by = nil
		for name := range strings.SplitSeq(query.Get("by"), ",") {
			d, err := ledger.ParseDimension(strings.TrimSpace(name))
			if err != nil {
				return adminError(http.StatusBadRequest, "read parameter by: %w", err)
			}
			by = append(by, d)
		}
	}
	q := ledger.Query{By: by, Filter: ledger.Filter{
		Consumer: query.Get("consumer"), Provider: query.Get("provider"),
		Model: query.Get("model"), Route: query.Get("route"),
	}}
	rows, err := a.Ledger().Rows(q)
	if err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	total := ledger.Sum(rows)
	if slices.Contains(by, ledger.ByTag) { // rows of tags add up to more
		q.By = nil
		all, err := a.Ledger().Rows(q)
		if err != nil {
			return fmt.Errorf("read ledger: %w", err)
		}
		total = ledger.Sum(all)
	}
	list := usageList{Since: a.shared.since.UTC(), Rows: make([]usageView, 0, len(rows)), Total: viewSums(&total)}
	for i := range rows {
		list.Rows = append(list.Rows, viewRow(&rows[i], by))
	}
	return writeAdmin(w, list)
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
		case ledger.ByHour, ledger.ByDay:
			v.Hour = &row.Hour
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

// ledgerHealth says how much of the ledger is used. Beyond its bounds it goes
// on counting with less detail, which somebody may want to know.
func (a *App) ledgerHealth(context.Context) Health {
	rows, err := a.Ledger().Rows(ledger.Query{By: everything})
	if err == nil {
		err = a.Ledger().Err()
	}
	if err != nil {
		return Health{Status: HealthFailed, Detail: err.Error()}
	}
	h := Health{Status: HealthOK, Facts: map[string]any{"rows": len(rows), "since": a.shared.since.UTC()}}
	if len(rows) >= ledger.DefaultMaxTotal {
		h.Status, h.Detail = HealthDegraded, "the ledger is full; new rows are summed up with less detail"
	}
	return h
}
