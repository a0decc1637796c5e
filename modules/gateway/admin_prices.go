// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net/http"
	"net/url"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/pricing"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// priceList is the answer without a model: what the book knows.
type priceList struct {
	Version string      `json:"version"`
	Models  []modelName `json:"models"`
}

type modelName struct {
	Provider string `json:"provider"`
	ID       string `json:"id"`
}

// priceView is the answer for a model: what it may cost now.
type priceView struct {
	Version     string            `json:"version"`
	Provider    string            `json:"provider"`
	ID          string            `json:"id"`
	MaxInput    int64             `json:"max_input,omitempty"`
	MaxOutput   int64             `json:"max_output,omitempty"`
	From        *time.Time        `json:"from,omitempty"`
	Next        *time.Time        `json:"next,omitempty"`
	Unit        string            `json:"unit"`
	Prices      []tableView       `json:"prices"`
	Multipliers map[string]string `json:"inference_geo,omitempty"`
}

type tableView struct {
	Tier     string                  `json:"tier"`
	MinInput int64                   `json:"min_input_tokens,omitempty"`
	Open     bool                    `json:"open"`
	Rates    map[string]money.Rate   `json:"rates"`
	Fees     map[string]money.Amount `json:"fees_per_call,omitempty"`
}

// servePrices answers with the names that the book knows or, for one model,
// with the prices in force now. Without a provider, all are searched.
func servePrices(a *App, w http.ResponseWriter, query url.Values) error {
	book := a.prices
	model, provider := query.Get("model"), query.Get("provider")
	if model == "" {
		if provider != "" {
			return adminError(http.StatusBadRequest, "provider needs a model; without both, all models are listed")
		}
		list := priceList{Version: book.Version(), Models: make([]modelName, 0, book.Len())}
		for m := range book.Models() {
			list.Models = append(list.Models, modelName{m.Provider, m.ID})
		}
		return writeAdmin(w, list)
	}
	m, ok := book.Lookup(provider, model)
	if !ok {
		where := "the price book"
		if provider != "" {
			where = "the price book of provider " + provider
		}
		return adminError(http.StatusNotFound, "model %q is not in %s; "+
			"/gateway/prices lists what is, and the option prices adds to it", model, where)
	}
	return writeAdmin(w, viewModel(book, m, time.Now()))
}

func viewModel(book *pricing.Book, m *pricing.Model, now time.Time) priceView {
	f := m.InForce(now)
	v := priceView{
		Version: book.Version(), Provider: m.Provider, ID: m.ID,
		MaxInput: m.MaxInput, MaxOutput: m.MaxOutput,
		From: unlessZero(f.From), Next: unlessZero(f.Next), Unit: "USD_per_1M_tokens",
		Prices: make([]tableView, 0, len(f.Tables)),
	}
	for _, t := range f.Tables {
		view := tableView{Tier: t.Tier, MinInput: t.MinInput, Open: t.Open, Rates: make(map[string]money.Rate, usage.NumClasses)}
		for class, rate := range t.Rates[:usage.WebSearch] {
			view.Rates[usage.Class(class).String()] = rate
		}
		if fee := t.Rates[usage.WebSearch]; fee != 0 {
			view.Fees = map[string]money.Amount{usage.WebSearch.String(): fee.Times(1)}
		}
		v.Prices = append(v.Prices, view)
	}
	for place, factor := range f.Multipliers {
		if v.Multipliers == nil {
			v.Multipliers = make(map[string]string, len(f.Multipliers))
		}
		v.Multipliers[place] = factor.String()
	}
	return v
}
