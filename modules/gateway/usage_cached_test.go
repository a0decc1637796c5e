// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// hit is a request that a response cache has answered.
func hit(t *testing.T, consumer, model, saved string) *state.Request {
	t.Helper()
	rq := request(consumer, model)
	rq.LLM = state.LLM{Provider: "openai", Label: model, Endpoint: usage.EndpointOf(http.MethodPost, "/v1/chat/completions")}
	rq.Cache = state.Cache{Name: "default", Status: state.CacheHit}
	if saved != "" {
		rq.Cache.Saved, rq.Cache.SavedKnown = usd(t, saved), true
	}
	return rq
}

func TestHitsAreRecorded(t *testing.T) {
	base := ledger.Row{Key: ledger.Key{Consumer: "alice", Provider: "openai", Model: "gpt-4o", Route: "demo"}, Requests: 1}
	for _, tc := range []struct {
		name   string
		change func(rq *state.Request)
		want   func(w *ledger.Row)
	}{
		{"a hit", func(*state.Request) {}, func(w *ledger.Row) { w.CacheHits = 1; w.Avoided.Add(usd(t, "0.5")) }},
		{"stale", func(rq *state.Request) { rq.Cache.Status = state.CacheStale }, func(w *ledger.Row) { w.CacheHits = 1; w.Avoided.Add(usd(t, "0.5")) }},
		{"coalesced", func(rq *state.Request) { rq.Cache.Status = state.CacheCoalesced }, func(w *ledger.Row) { w.CacheHits = 1; w.Avoided.Add(usd(t, "0.5")) }},
		{"what it saved is not known", func(rq *state.Request) { rq.Cache.SavedKnown = false }, func(w *ledger.Row) { w.CacheHits = 1 }},
		{"a miss", func(rq *state.Request) { rq.Cache.Status = state.CacheMiss }, func(*ledger.Row) {}},
		{"revalidated", func(rq *state.Request) { rq.Cache.Status = state.CacheRevalidated }, func(*ledger.Row) {}},
		{"metered all the same", func(rq *state.Request) { rq.LLM.Metered = true }, func(w *ledger.Row) { w.PriceUnknown = 1 }},
		{"an error took its place", func(rq *state.Request) { rq.Failure.Status = http.StatusBadGateway }, func(w *ledger.Row) { w.Failed = 1 }},
		{"a list of models", func(rq *state.Request) {
			rq.LLM.Endpoint, rq.LLM.Label = usage.EndpointOf(http.MethodGet, "/v1/models"), ""
		}, func(w *ledger.Row) { w.Model = "" }},
		{"no model call", func(rq *state.Request) { rq.LLM = state.LLM{} }, func(w *ledger.Row) { w.Provider, w.Model = "", "" }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			app := provision(t, `{"ledger":{"memory":true},"consumers":[{"name":"alice"}]}`)
			rq := hit(t, "alice", "gpt-4o", "0.5")
			tc.change(rq)
			app.Record(rq)
			want := base
			tc.want(&want)
			rows, err := app.Ledger().Rows(ledger.Query{By: everything})
			if err != nil || len(rows) != 1 {
				t.Fatalf("rows %+v, %v", rows, err)
			}
			want.First, want.Last = rows[0].First, rows[0].Last
			if rows[0] != want {
				t.Errorf("row %+v\nwant %+v", rows[0], want)
			}
		})
	}
}

func TestUsageOfResponseCaches(t *testing.T) {
	address := instanceOf(t, team)
	app := active(t)
	app.Record(request("alice", "gpt-4o"))
	app.Record(hit(t, "bob", "gpt-4o", ""))
	table := func() []string {
		t.Helper()
		lines := strings.Split(strings.TrimSpace(run(t, "usage", "--address", address, "--by", "consumer")), "\n")
		for i := range lines {
			lines[i] = strings.Join(strings.Fields(lines[i]), " ")
		}
		return lines[:max(len(lines)-2, 0)]
	}
	const head = "consumer requests failed input_tokens output_tokens cost_usd cache_savings_usd exact_calls estimated_calls unpriced_calls"
	if got, want := table(), []string{
		head + " response_cache_hits",
		"alice 1 0 10 5 0.0025 -0.0025 0 1 0 0", "bob 1 0 0 0 0 0 0 0 0 1", "total 2 0 10 5 0.0025 -0.0025 0 1 0 1",
	}; !slices.Equal(got, want) {
		t.Errorf("with a hit that saved nobody knows what, the table is %q", got)
	}
	app.Record(hit(t, "alice", "gpt-4o", "0.0000078"))
	if got, want := table(), []string{
		head + " response_cache_hits response_cache_saved_usd",
		"alice 2 0 10 5 0.0025 -0.0025 0 1 0 1 0.0000078", "bob 1 0 0 0 0 0 0 0 0 1 0", "total 3 0 10 5 0.0025 -0.0025 0 1 0 2 0.0000078",
	}; !slices.Equal(got, want) {
		t.Errorf("with two hits, the table is %q", got)
	}
	_, _, body := ask(t, http.MethodGet, address, "/gateway/usage?consumer=alice&by=consumer")
	if want := `"unpriced_calls":0,"response_cache_hits":1,"response_cache_saved_usd":"0.0000078",`; strings.Count(body, want) != 2 {
		t.Errorf("in JSON it is %s", body)
	}
	csv := strings.Split(run(t, "usage", "--address", address, "--by", "consumer", "--format", "csv"), "\n")
	if !strings.HasSuffix(csv[0], ",first,last,response_cache_hits,response_cache_saved_usd") || !strings.HasSuffix(csv[1], ",1,0.0000078") || !strings.HasSuffix(csv[2], ",1,0") {
		t.Errorf("as CSV it is %q", csv)
	}
	if list := get[usageList](t, address, "/gateway/usage"); list.Total.CacheHits != 2 || list.Total.Avoided.String() != "0.0000078" {
		t.Errorf("the total is %+v", list.Total)
	}
}
