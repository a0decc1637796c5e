// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
	"github.com/caddy-gateway/tollgate/modules/internal/ledger"
	"github.com/caddy-gateway/tollgate/modules/internal/pricing"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

var fence = regexp.MustCompile("(?s)```([a-z]+)\n(.*?)```")

// blocks returns the code blocks of a page in a language that hold a text.
func blocks(t *testing.T, page, language, holding string) (found []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", page))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range fence.FindAllStringSubmatch(string(text), -1) {
		if m[1] == language && strings.Contains(m[2], holding) {
			found = append(found, m[2])
		}
	}
	if len(found) == 0 {
		t.Fatalf("%s has no %s with %q", page, language, holding)
	}
	return found
}

// strictly decodes JSON that must not hold anything v has no place for.
func strictly(t *testing.T, text string, v any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Errorf("%v in the example\n%s", err, text)
	}
}

func TestDocumentedConfig(t *testing.T) {
	var config struct {
		Apps struct{ Gateway App }
	}
	strictly(t, blocks(t, "gateway.md", "json", `"apps"`)[0], &config)
	t.Setenv("REASONING_ENGINE_KEY", "demo-b-not-a-secret")
	config.Apps.Gateway.ConsumersFiles, config.Apps.Gateway.PriceFiles = nil, nil
	provision(t, inJSON(t, &config.Apps.Gateway))

	for _, page := range []string{"gateway.md", "prices.md"} {
		for _, text := range blocks(t, page, "caddyfile", "gateway {") {
			if strings.Contains(text, "<name>") {
				continue // the syntax
			}
			// The log encoder belongs to another module.
			text = strings.Replace(text, "format gateway json", "level INFO", 1)
			if _, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), nil); err != nil {
				t.Errorf("%v in the example of %s\n%s", err, page, text)
			}
		}
	}
}

func TestDocumentedConsumersFiles(t *testing.T) {
	inFile := blocks(t, "gateway.md", "json", "[\n\t{\"name\": \"alice\"")
	if specs, err := consumers.ReadJSON(strings.NewReader(inFile[0])); err != nil || len(specs) != 2 {
		t.Errorf("JSON: %d consumers, %v", len(specs), err)
	}
	specs, err := consumers.ReadCSV(strings.NewReader(blocks(t, "gateway.md", "csv", "alice")[0]))
	if err != nil || len(specs) != 1 || len(specs[0].Keys) != 2 {
		t.Errorf("CSV: %+v, %v", specs, err)
	}
}

func TestDocumentedAnswers(t *testing.T) {
	var page consumerPage
	strictly(t, blocks(t, "gateway.md", "json", `"offset"`)[0], &page)
	var health healthView
	strictly(t, blocks(t, "gateway.md", "json", `"parts"`)[0], &health)
	var price priceView
	strictly(t, blocks(t, "gateway.md", "json", `"rates"`)[0], &price)
	var list usageList
	strictly(t, blocks(t, "gateway.md", "json", `"since"`)[0], &list)
	strictly(t, blocks(t, "gateway.md", "json", `"frees_in_seconds"`)[0], new(limitList))
	strictly(t, blocks(t, "gateway.md", "json", `"kept"`)[0], new(limitReset))
	var caches cacheList
	strictly(t, blocks(t, "gateway.md", "json", `"calls_in_flight"`)[0], &caches)
	if len(caches.Caches) != 1 || len(caches.Caches[0].Requests) != len(cacheStatuses) {
		t.Errorf("the example of caches is %+v", caches)
	}
	strictly(t, blocks(t, "gateway.md", "json", `"purged": [`)[0], new(cachePurge))

	m, ok := pricing.Default().Lookup(price.Provider, price.ID)
	if !ok {
		t.Fatalf("the example shows %s, which the book does not have", price.ID)
	}
	actual := viewModel(pricing.Default(), m, time.Now())
	for i, table := range price.Prices {
		for class, rate := range table.Rates {
			if table.Tier != actual.Prices[i].Tier || rate != actual.Prices[i].Rates[class] {
				t.Errorf("the example says %s for %s of %s, the book %s", rate, class, table.Tier, actual.Prices[i].Rates[class])
			}
		}
	}
	counts := usage.Counts{usage.Input: 15, usage.CacheRead: 5, usage.Output: 10}
	quote := m.Price(pricing.Query{Counts: counts, At: time.Now()})
	for _, sums := range []usageSums{list.Rows[0].usageSums, list.Total} {
		if sums.Cost.String() != quote.Cost.String() || sums.Saved.String() != quote.CacheSavings().String() {
			t.Errorf("the example costs %s and saves %s, by the book %s and %s", sums.Cost, sums.Saved, quote.Cost, quote.CacheSavings())
		}
	}
	now := list.Total.Last.Add(time.Minute)
	report, err := spent(t, list.Total.Cost.String(), *list.Total.First).report(ledger.Query{MaxRows: 1}, now)
	if err != nil || report.PerHour != list.PerHour || report.PerDay != list.PerDay || report.Month != list.Month ||
		!report.Since.Equal(list.Since) || !report.Until.Equal(list.Until) {
		t.Errorf("the example costs %+v, the report of its calls %+v, %v", list, report, err)
	}
}

func TestDocumentedPriceFiles(t *testing.T) {
	own, err := pricing.Parse([]byte(blocks(t, "prices.md", "json", `"schema"`)[0]), "own")
	if err != nil {
		t.Fatal(err)
	}
	lite, err := pricing.Parse([]byte(blocks(t, "prices.md", "json", "litellm_provider")[0]), "lite")
	if err != nil {
		t.Fatal(err)
	}
	for name, book := range map[string]*pricing.Book{"own": own, "LiteLLM's": lite} {
		if m, ok := book.Lookup("example", "example-large"); !ok || len(book.Warnings()) > 0 {
			t.Errorf("%s format: %v, %q", name, m, book.Warnings())
		}
	}
	// What the page says about names.
	m, ok := pricing.Default().Lookup("openai", "gpt-4o-mini-2024-07-18")
	if !ok || m.ID != "gpt-4o-mini" {
		t.Errorf("the dated name finds %+v", m)
	}
}

// Every metric and option is on the page, so that none is added in silence.
func TestDocumentedNames(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "gateway.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	m, reg := registered(t)
	rq := request("alice", "gpt-4o")
	m.settled(rq)
	m.observe(rq, ok())
	rq.Failure.Code = "demo"
	m.observe(rq, ok())
	rq.Failure.Denied = true
	m.observe(rq, ok())
	rq.Language = state.Language{Code: "hi", Source: "body"}
	m.speak(rq)
	m.transforms.WithLabelValues("demo", "request", "edited").Inc()
	m.versions.WithLabelValues("demo", "v1", "path").Inc()
	m.oauth.WithLabelValues("token", "ok").Inc()
	m.introspections.WithLabelValues("active").Inc()
	rq.Cache = state.Cache{Name: "demo", Status: state.CacheHit, Saved: 1, SavedKnown: true}
	m.cached(rq)
	m.caches.add(&openCache{key: cacheKey{config: CacheConfig{Name: "demo"}}, store: absentCache{}})
	m.limits.exceededBy("demo", "requests 1/min", LimitDenied).Inc()
	m.budgetUsed("demo", "cost 1usd/day", "alice", 0.5)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if !strings.Contains(page, "| `"+f.GetName()+"` | "+strings.ToLower(f.GetType().String())+" |") {
			t.Errorf("the page does not name the %s %s", f.GetType(), f.GetName())
		}
	}
	ofCaches := make(chan *prometheus.Desc, 100)
	m.caches.Describe(ofCaches)
	if want := len(m.vectors()) + len(m.limits.collectors()) + len(ofCaches) + 4; len(families) != want {
		t.Errorf("%d metrics were gathered, want all %d", len(families), want)
	}
	_, err = adapt(t, "gateway {\nnonsense\n}")
	_, valid, _ := strings.Cut(err.Error(), "valid options are: ")
	valid, _, _ = strings.Cut(valid, ", at ")
	for option := range strings.SplitSeq(valid, ", ") {
		if !strings.Contains(page, "| `"+option+"` |") {
			t.Errorf("the page does not describe the option %s", option)
		}
	}
}
