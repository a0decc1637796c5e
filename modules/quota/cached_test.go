// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quota

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/gateway"
	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
	"github.com/caddy-gateway/tollgate/modules/limits"
	"github.com/caddy-gateway/tollgate/modules/limits/limitstest"
)

func init() { caddy.RegisterModule(new(countedStore)) }

// countedStore keeps counters in a model, and what was settled.
type countedStore struct{}

func (*countedStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "gateway.stores.counted", New: func() caddy.Module { return new(countedStore) }}
}

func (*countedStore) Identity() string { return "counted" }

func (*countedStore) Open(gateway.StoreEnv) (gateway.OpenStore, error) { return counted, nil }

// counted is the open store of the one app that uses it.
var counted = &counters{Model: limitstest.NewModel(limitstest.NewClock(time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)))}

type counters struct {
	*limitstest.Model

	mu     sync.Mutex
	actual map[limits.Unit]int64
	weight map[limits.Unit]int64
}

func (*counters) Close() error { return nil }

func (c *counters) Settle(d *limits.Decision) {
	c.mu.Lock()
	c.actual, c.weight = map[limits.Unit]int64{}, map[limits.Unit]int64{}
	for _, check := range d.Checks {
		c.actual[check.Rule.Unit], c.weight[check.Rule.Unit] = check.Actual, check.Weight
	}
	c.mu.Unlock()
	c.Model.Settle(d)
}

// settled returns what the last decision was settled to, and what it had reserved.
func (c *counters) settled() (actual, weight map[limits.Unit]int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.actual, c.weight
}

// metering says what a call is and, unless a response cache answers, what it used, as
// the metering of model calls does.
type metering struct {
	app   *gateway.App
	quota *Handler
	cache state.CacheStatus
}

func (m *metering) Handle(w http.ResponseWriter, r *http.Request, rq *state.Request, _ caddyhttp.Handler) error {
	rq.LLM.Provider, rq.LLM.Endpoint = "openai", usage.EndpointOf(r.Method, r.URL.Path)
	rq.LLM.Bounder = m
	return m.quota.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
		rq.Cache = state.Cache{Name: "default", Status: m.cache, Saved: 123, SavedKnown: true}
		if !rq.Cache.Served() {
			rq.LLM.Metered, rq.LLM.PriceKnown, rq.LLM.Cost = true, true, 5*nanosUSD
			rq.LLM.Report.Found = true
			rq.LLM.Report.Counts = usage.Counts{usage.Input: 20, usage.Output: 30}
		}
		_, err := w.Write([]byte("{}"))
		return err
	}))
}

// nanosUSD is a billionth of a dollar.
const nanosUSD money.Amount = 1000

func (*metering) Bound(*http.Request, int64) (state.Bound, error) {
	return state.Bound{Input: 40, Output: 60, Cost: 9 * nanosUSD}, nil
}

// TestHitsOfAResponseCache: they count as requests, and of the tokens and the money that
// were reserved for them, nothing is used.
func TestHitsOfAResponseCache(t *testing.T) {
	ctx, err := caddy.ProvisionContext(&caddy.Config{AppsRaw: caddy.ModuleMap{"gateway": json.RawMessage(
		`{"ledger":{"memory":true},"store":{"module":"counted"}}`)}})
	if err != nil {
		t.Fatal(err)
	}
	app, err := gateway.Get(ctx)
	if err != nil {
		t.Fatal(err)
	}
	h := new(Handler)
	config := `{"name":"demo","by":"ip","limits":[{"unit":"requests","limits":["4/min"]},{"unit":"tokens","limits":["150/min"]},` +
		`{"unit":"input_tokens","limits":["1000/min"]},{"unit":"output_tokens","limits":["1000/min"]},{"unit":"cost","limits":["1usd/day"]}]}`
	if err := json.Unmarshal([]byte(config), h); err != nil {
		t.Fatal(err)
	}
	if err := h.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = app.Cleanup() })

	send := func(cache state.CacheStatus) int {
		t.Helper()
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader("{}"))
		r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, &caddyhttp.Server{})
		if err := state.Serve(&metering{app: app, quota: h, cache: cache}, app, w, r, nil); err != nil {
			t.Fatal(err)
		}
		return w.Code
	}
	// Of 150 tokens a minute each call reserves 100, so that the third would be refused
	// had the hits used what was reserved for them.
	for i, tc := range []struct {
		cache        state.CacheStatus
		tokens, cost int64
	}{{state.CacheHit, 0, 0}, {state.CacheStale, 0, 0}, {state.CacheMiss, 50, 5}, {state.CacheCoalesced, 0, 0}} {
		if status := send(tc.cache); status != http.StatusOK {
			t.Fatalf("request %d (%s) is answered %d", i, tc.cache, status)
		}
		actual, weight := counted.settled()
		if weight[limits.Requests] != 1 || actual[limits.Requests] != 1 {
			t.Errorf("%s counts as %d of %d requests", tc.cache, actual[limits.Requests], weight[limits.Requests])
		}
		if weight[limits.Tokens] != 100 || actual[limits.Tokens] != tc.tokens || actual[limits.InputTokens]+actual[limits.OutputTokens] != tc.tokens {
			t.Errorf("%s uses %v of %v", tc.cache, actual, weight)
		}
		if weight[limits.Cost] != 9 || actual[limits.Cost] != tc.cost {
			t.Errorf("%s costs %d of %d", tc.cache, actual[limits.Cost], weight[limits.Cost])
		}
	}
	if status := send(state.CacheHit); status != http.StatusTooManyRequests {
		t.Errorf("a fifth request is answered %d", status)
	}
}
