// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/caddy-gateway/tollgate/modules/caching"
	"github.com/caddy-gateway/tollgate/modules/internal/cachemem"
	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// answered is a request that a cache has seen.
func answered(cache string, status state.CacheStatus, reason string, saved money.Amount) *state.Request {
	rq := request("alice", "gpt-4o")
	rq.LLM.Metered, rq.LLM.Cost = false, 0
	rq.Cache = state.Cache{Name: cache, Status: status, Reason: reason, Saved: saved, SavedKnown: saved > 0}
	return rq
}

func TestCacheMetrics(t *testing.T) {
	forgetCaches(t)
	app, err := tryProvision(t, `{"ledger":{"memory":true},"store":{"module":"demo","name":"x"},"caches":[{"name":"answers"},{"name":"shared","store":"demo"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	m := app.shared.metrics
	for range 3 {
		app.Observe(answered("answers", state.CacheHit, "", 2_500_000_000), ok())
	}
	app.Observe(answered("answers", state.CacheMiss, "absent", 0), ok())
	app.Observe(answered("shared", state.CacheCoalesced, "", 1_000_000_000), ok())
	app.Observe(request("alice", "gpt-4o"), ok()) // which no cache has seen

	const head = "caddy_gateway_cache_"
	names := func(names ...string) (full []string) {
		for _, n := range names {
			full = append(full, head+n)
		}
		return full
	}
	put(t, cacheOf(t, app, "answers"), 1)
	put(t, cacheOf(t, app, "shared"), 1) // of which it is not known
	bytes := cacheOf(t, app, "answers").Store().Stats().Bytes
	want := `
# HELP caddy_gateway_cache_bytes Bytes that stored responses take, with everything about them.
# TYPE caddy_gateway_cache_bytes gauge
caddy_gateway_cache_bytes{cache="answers"} ` + fmt.Sprint(bytes) + `
# HELP caddy_gateway_cache_entries Stored responses.
# TYPE caddy_gateway_cache_entries gauge
caddy_gateway_cache_entries{cache="answers"} 1
# HELP caddy_gateway_cache_evictions_total Stored responses that had to make room for others.
# TYPE caddy_gateway_cache_evictions_total counter
caddy_gateway_cache_evictions_total{cache="answers"} 0
# HELP caddy_gateway_cache_requests_total Requests by what a response cache did with them, and why.
# TYPE caddy_gateway_cache_requests_total counter
caddy_gateway_cache_requests_total{cache="answers",reason="",route="demo",status="hit"} 3
caddy_gateway_cache_requests_total{cache="answers",reason="absent",route="demo",status="miss"} 1
caddy_gateway_cache_requests_total{cache="shared",reason="",route="demo",status="coalesced"} 1
# HELP caddy_gateway_cache_saved_usd_total What the model calls have cost whose answers were given again, in US dollars.
# TYPE caddy_gateway_cache_saved_usd_total counter
caddy_gateway_cache_saved_usd_total{cache="answers",consumer="alice",model="gpt-4o",provider="openai",route="demo"} 0.0075
caddy_gateway_cache_saved_usd_total{cache="shared",consumer="alice",model="gpt-4o",provider="openai",route="demo"} 0.001
`
	if err := testutil.CollectAndCompare(m.caches, strings.NewReader(want), names("bytes", "entries", "evictions_total", "requests_total", "saved_usd_total")...); err != nil {
		t.Error(err)
	}
	if requests, saved := cacheOf(t, app, "answers").open.Load().tally.figures(); requests[state.CacheHit] != 3 || requests[state.CacheMiss] != 1 || saved.String() != "0.0075" {
		t.Errorf("its own figures are %v, %s", requests, saved)
	}
	cleanup(t, app)
	if n := testutil.CollectAndCount(m.caches, names("bytes", "entries")...); n != 0 {
		t.Errorf("%d closed caches are shown", n)
	}
}

// What closed caches have evicted still counts, and two of one name are added up.
func TestCacheMetricsAcrossReloads(t *testing.T) {
	forget := func(app *App) { cleanup(t, app) }
	old := withCaches(t, `,"caches":[{"name":"small","max_bytes":65536}]`)
	for key := range byte(200) {
		put(t, cacheOf(t, old, "small"), key)
	}
	eventually(t, "evicting", func() bool { return cacheOf(t, old, "small").Store().Stats().Evicted > 0 })
	next := withCaches(t, `,"caches":[{"name":"other"}]`)
	defer forget(next)
	all := next.shared.metrics.caches
	other := &openCache{key: cacheKey{config: CacheConfig{Name: "small"}}, store: cachemem.New(caching.Options{}), metrics: all}
	all.add(other)
	defer func() { _ = other.Destruct() }()
	e := &caching.Entry{Expires: time.Now().Add(time.Hour)}
	if _, err := other.store.Put(t.Context(), caching.Key{}, e, caching.Mark{}); err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(old.shared.metrics.caches)
	sum := func(name string) float64 {
		t.Helper()
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == "caddy_gateway_cache_"+name && len(f.GetMetric()) > 0 {
				for _, one := range f.GetMetric() {
					if one.GetLabel()[0].GetValue() == "small" {
						return one.GetGauge().GetValue() + one.GetCounter().GetValue()
					}
				}
			}
		}
		t.Fatalf("there is no series of %s", name)
		return 0
	}
	both := cacheOf(t, old, "small").Store().Stats().Entries + 1
	if got := sum("entries"); got != float64(both) {
		t.Errorf("while both are open there are %v entries, want %d", got, both)
	}
	evicted := sum("evictions_total")
	forget(old)
	if got := sum("entries"); got != 1 {
		t.Errorf("there are %v entries, want 1", got)
	}
	if got := sum("evictions_total"); got == 0 || got != evicted {
		t.Errorf("%v were evicted, and %v before the reload", got, evicted)
	}
}

func TestCacheSeriesAreBounded(t *testing.T) {
	m, reg := registered(t)
	for i := range 2 * maxCacheSeries {
		m.caches.requestsWith(cacheLabels{"demo", fmt.Sprintf("route-%d", i), state.CacheHit, ""}).Inc()
	}
	if n := seriesCount(t, reg, "cache_requests_total"); n != maxCacheSeries+1 {
		t.Errorf("there are %d series, want %d and one for the rest", n, maxCacheSeries)
	}
	if got := testutil.ToFloat64(m.caches.requests.WithLabelValues(otherName, otherName, otherName, otherName)); got != maxCacheSeries {
		t.Errorf("the rest counts %v", got)
	}
	for i := range 3 * maxCacheNames {
		m.cached(answered(fmt.Sprintf("cache-%d", i), state.CacheHit, "", 1_000_000_000_000))
	}
	if n := seriesCount(t, reg, "cache_saved_usd_total"); n != maxCacheNames+1 {
		t.Errorf("there are %d series of what was saved, want %d and one for the rest", n, maxCacheNames)
	}
	if got := testutil.ToFloat64(m.caches.saved.WithLabelValues("alice", "openai", "gpt-4o", "demo", otherName)); got != 2*maxCacheNames {
		t.Errorf("the rest has saved %v", got)
	}
	m.retainConsumers(func(string) bool { return false })
	if n := seriesCount(t, reg, "cache_saved_usd_total"); n != 0 {
		t.Errorf("%d series are left of a consumer that is gone", n)
	}
}

func TestCountingHitsAllocatesNothing(t *testing.T) {
	app := withCaches(t, `,"caches":[{}]`)
	defer cleanup(t, app)
	rq := answered(DefaultCache, state.CacheHit, "", 2_500_000_000)
	app.CountCache(rq)
	if n := testing.AllocsPerRun(100, func() { app.CountCache(rq) }); n > 0 {
		t.Errorf("counting allocates %v objects", n)
	}
}

func TestCacheHealth(t *testing.T) {
	forgetCaches(t)
	app, err := tryProvision(t, `{"ledger":{"memory":true},"store":{"module":"demo","name":"x"},"caches":[{"name":"answers"},{"name":"shared","store":"demo"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	defer cleanup(t, app)
	put(t, cacheOf(t, app, "answers"), 1)
	part := func() Health { return app.checkHealth(t.Context()).Parts["cache"] }
	h := part()
	answers, shared := h.Facts["answers"].(map[string]any), h.Facts["shared"].(map[string]any)
	if h.Status != HealthOK || h.Detail != "" || answers["entries"] != int64(1) || answers["store"] != "embedded" || answers["ok"] != true {
		t.Errorf("health is %+v", h)
	}
	if _, known := shared["entries"]; known || shared["store"] != "demo" {
		t.Errorf("of the shared cache it says %v", shared)
	}
	openedCaches(t, 1)[0].fail(errors.New("demo is down"))
	if h := part(); h.Status != HealthDegraded || h.Detail != "cache shared: demo is down" || h.Facts["shared"].(map[string]any)["ok"] != false {
		t.Errorf("health is %+v", h)
	}
	openedCaches(t, 1)[0].fail(nil)
	if h := part(); h.Status != HealthOK {
		t.Errorf("health is %+v", h)
	}
}
