// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"slices"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

func TestInForce(t *testing.T) {
	t.Parallel()
	book, err := Parse([]byte(`{"schema": 1, "as_of": "2026-01-01", "unit": "USD_per_1M_tokens", "models": [
		{"id": "demo", "provider": "demo", "prices": [
			{"input": "9", "output": "9"},
			{"from": "2026-03-01", "input": "1", "output": "2",
			 "tiers": [{"input_tokens_gt": 1000, "input": "3", "output": "4"}],
			 "windows": [{"name": "peak", "tz": "UTC", "hours": ["08:00-12:00"], "input": "5", "output": "6"}],
			 "batch": {"input": "0.5", "output": "1"},
			 "multipliers": {"inference_geo=us": "1.1"}},
			{"from": "2026-06-01", "input": "7", "output": "8"}]}]}`), "demo.json")
	if err != nil {
		t.Fatal(err)
	}
	model, _ := book.Lookup("demo", "demo")
	day := func(month time.Month, hour int) time.Time { return time.Date(2026, month, 15, hour, 0, 0, 0, time.UTC) }
	tiers := func(f InForce, only func(Table) bool) (names []string) {
		for _, table := range f.Tables {
			if only(table) {
				names = append(names, table.Tier)
			}
		}
		return names
	}
	all := func(Table) bool { return true }
	open := func(table Table) bool { return table.Open }

	f := model.InForce(day(time.April, 9))
	if want := []string{
		"standard", "standard/>1000", "batch", "batch/>1000",
		"standard/peak", "standard/peak/>1000", "batch/peak", "batch/peak/>1000",
	}; !slices.Equal(tiers(f, all), want) {
		t.Errorf("tables %q, want %q", tiers(f, all), want)
	}
	if want := []string{"standard/peak", "standard/peak/>1000", "batch/peak", "batch/peak/>1000"}; !slices.Equal(tiers(f, open), want) {
		t.Errorf("open tables at nine %q, want %q", tiers(f, open), want)
	}
	if got := f.Tables[1]; got.MinInput != 1001 || got.Rates[usage.Input].String() != "3" {
		t.Errorf("long prompts cost %s from %d tokens, want 3 from 1001", got.Rates[usage.Input], got.MinInput)
	}
	if got := f.Multipliers["us"].String(); got != "1.1" {
		t.Errorf("factor for us %s, want 1.1", got)
	}
	if got := f.From.Format(time.DateOnly) + " " + f.Next.Format(time.DateOnly); got != "2026-03-01 2026-06-01" {
		t.Errorf("in force %s, want 2026-03-01 2026-06-01", got)
	}
	if f := model.InForce(day(time.July, 9)); !f.Next.IsZero() || f.Tables[0].Rates[usage.Input].String() != "7" {
		t.Errorf("in July %+v, want the last row and no next", f)
	}
	if f := model.InForce(day(time.January, 9)); f.Tables[0].Rates[usage.Input].String() != "9" {
		t.Errorf("before the first date %+v, want the first row", f)
	}
}
