// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"os"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// readBook parses a file of testdata.
func readBook(t testing.TB, name string) *Book {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	book, err := Parse(data, name)
	if err != nil {
		t.Fatal(err)
	}
	return book
}

// mustFind looks a model up that has to exist.
func mustFind(t testing.TB, b *Book, provider, name string) *Model {
	t.Helper()
	m, ok := b.Lookup(provider, name)
	if !ok {
		t.Fatalf("Lookup(%q, %q) found nothing", provider, name)
	}
	return m
}

// instant reads an RFC 3339 time.
func instant(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// usd reads an amount.
func usd(t testing.TB, text string) money.Amount {
	t.Helper()
	a, err := money.ParseUSD(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestPriceOfProviderPayloads prices the usage of one response of each API
// shape, to the pico-dollar.
func TestPriceOfProviderPayloads(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, provider, model string
		counts                usage.Counts
		want                  money.Amount // pico-dollars
		uncached              string       // USD
	}{
		{
			"openai chat", "openai", "gpt-4o-mini-2024-07-18",
			usage.Counts{usage.Input: 600, usage.CacheRead: 400, usage.Output: 300},
			300_000_000, "0.00033",
		},
		{
			"openai chat, reasoning apart", "openai", "gpt-4o-mini",
			usage.Counts{usage.Input: 600, usage.CacheRead: 400, usage.Output: 200, usage.Reasoning: 100},
			300_000_000, "0.00033",
		},
		{
			"openai chat with audio", "openai", "gpt-audio",
			usage.Counts{usage.Input: 200, usage.InputAudio: 300, usage.Output: 100, usage.OutputAudio: 600},
			49_500_000_000, "0.0495",
		},
		{
			"openai responses", "openai", "gpt-5-2025-08-07",
			usage.Counts{usage.Input: 600, usage.CacheRead: 400, usage.Output: 300},
			3_800_000_000, "0.00425",
		},
		{
			"openai embeddings", "openai", "text-embedding-3-small",
			usage.Counts{usage.Input: 800},
			16_000_000, "0.000016",
		},
		{
			"anthropic messages", "anthropic", "claude-opus-4-5-20251101",
			usage.Counts{usage.Input: 50, usage.CacheRead: 10000, usage.CacheWrite: 1000, usage.CacheWrite1h: 2000, usage.Output: 400},
			41_500_000_000, "0.0865",
		},
		{
			"deepseek chat", "deepseek", "deepseek-v4-flash",
			usage.Counts{usage.Input: 360, usage.CacheRead: 640, usage.Output: 200},
			108_192_000, "0.000196",
		},
		{
			"xai chat, reasoning additive", "xai", "grok-4.3",
			usage.Counts{usage.Input: 800, usage.CacheRead: 200, usage.Output: 300, usage.Reasoning: 700},
			3_540_000_000, "0.00375",
		},
		{
			"gemini generate", "gemini", "models/gemini-2.5-flash",
			usage.Counts{usage.Input: 650, usage.CacheRead: 400, usage.Output: 100, usage.Reasoning: 400},
			1_457_000_000, "0.001565",
		},
		{
			"ollama chat", "ollama", "llama3.2:latest",
			usage.Counts{usage.Input: 11, usage.Output: 18},
			0, "0",
		},
		{
			"ollama embed", "ollama", "llama3.2",
			usage.Counts{usage.Input: 8},
			0, "0",
		},
	}
	at := instant(t, "2026-08-01T12:00:00Z")
	for _, tt := range tests {
		for name, book := range map[string]*Book{"pinned": readBook(t, "pinned.json"), "default": Default()} {
			t.Run(tt.name+", "+name, func(t *testing.T) {
				t.Parallel()
				quote := mustFind(t, book, tt.provider, tt.model).Price(Query{Counts: tt.counts, At: at})
				if quote.Cost != tt.want || quote.Uncached != usd(t, tt.uncached) {
					t.Errorf("cost %s, uncached %s; want %s and %s", quote.Cost, quote.Uncached, tt.want, tt.uncached)
				}
				if want := usd(t, tt.uncached) - tt.want; quote.CacheSavings() != want {
					t.Errorf("savings %s, want %s", quote.CacheSavings(), want)
				}
				if quote.Tier != "standard" {
					t.Errorf("tier %q, want standard", quote.Tier)
				}
			})
		}
	}
}

// TestPriceRules covers what selects and modifies prices.
func TestPriceRules(t *testing.T) {
	t.Parallel()
	book := readBook(t, "pinned.json")
	long := func(cached, input int64) usage.Counts {
		return usage.Counts{usage.Input: input, usage.CacheRead: cached, usage.Output: 1000}
	}
	tests := []struct {
		name, model, at, service, geo string
		counts                        usage.Counts
		want, tier                    string
	}{
		{"at a gt threshold", "gpt-5.6-sol", "", "", "", long(0, 272000), "1.39", "standard"},
		{"above a gt threshold", "gpt-5.6-sol", "", "", "", long(0, 272001), "2.76501", "standard/>272000"},
		{"cached tokens count for the tier", "gpt-5.6-sol", "", "", "", long(272000, 1), "0.31701", "standard/>272000"},
		{
			"writes count for the tier", "claude-sonnet-4-5", "", "", "",
			usage.Counts{usage.CacheWrite: 100000, usage.CacheWrite1h: 100001},
			"1.950012", "standard/>200000",
		},
		{
			"output does not count for the tier", "claude-sonnet-4-5", "", "", "",
			usage.Counts{usage.Input: 200000, usage.Output: 1000},
			"0.615", "standard",
		},
		{"below a ge threshold", "grok-4.3", "", "", "", long(0, 199999), "0.25249875", "standard"},
		{"at a ge threshold", "grok-4.3", "", "", "", long(0, 200000), "0.505", "standard/>=200000"},

		{"flex", "gpt-5", "", "flex", "", long(400, 600), "0.0054", "flex"},
		{"priority", "gpt-5", "", "priority", "", long(400, 600), "0.0216", "priority"},
		{"default is standard", "gpt-5", "", "default", "", long(400, 600), "0.0108", "standard"},
		{"unknown tier is standard", "gpt-5", "", "scale", "", long(400, 600), "0.0108", "standard"},
		{"tier without prices is standard", "gpt-5", "", "batch", "", long(400, 600), "0.0108", "standard"},
		{"batch keeps the price of cache reads", "gpt-5.6-sol", "", "batch", "", long(400, 600), "0.0167", "batch"},
		{"flex with its own long tier", "gpt-5.6-sol", "", "flex", "", long(0, 272001), "1.382505", "flex/>272000"},
		{"priority without long tier is the dearer", "gpt-5.6-sol", "", "priority", "", long(0, 272001), "2.78001", "priority/>272000"},
		{"batch without long tier is the dearer", "gpt-5.6-sol", "", "batch", "", long(0, 272001), "2.76501", "batch/>272000"},

		{"before the switch", "deepseek-flash", "2026-08-16T15:59:59Z", "", "", long(0, 1000), "0.00042", "standard"},
		{"at the switch, a Sunday", "deepseek-flash", "2026-08-16T16:00:00Z", "", "", long(0, 1000), "0.00075", "standard"},
		{"before the window", "deepseek-flash", "2026-08-17T00:59:59Z", "", "", long(0, 1000), "0.00075", "standard"},
		{"window opens", "deepseek-flash", "2026-08-17T01:00:00Z", "", "", long(0, 1000), "0.0015", "standard/peak"},
		{"window's last second", "deepseek-flash", "2026-08-17T03:59:59.999Z", "", "", long(0, 1000), "0.0015", "standard/peak"},
		{"window shut", "deepseek-flash", "2026-08-17T04:00:00Z", "", "", long(0, 1000), "0.00075", "standard"},
		{"second window", "deepseek-flash", "2026-08-17T06:00:00Z", "", "", long(0, 1000), "0.0015", "standard/peak"},
		{"Friday before ten", "deepseek-flash", "2026-08-21T09:59:59Z", "", "", long(0, 1000), "0.0015", "standard/peak"},
		{"Friday at ten", "deepseek-flash", "2026-08-21T10:00:00Z", "", "", long(0, 1000), "0.00075", "standard"},
		{"Saturday", "deepseek-flash", "2026-08-22T02:00:00Z", "", "", long(0, 1000), "0.00075", "standard"},
		{"Monday elsewhere, Sunday in the zone", "deepseek-flash", "2026-08-24T03:00:00+05:00", "", "", long(0, 1000), "0.00075", "standard"},
		{"excepted Thursday", "deepseek-flash", "2026-10-01T02:00:00Z", "", "", long(0, 1000), "0.00075", "standard"},
		{"tier without prices keeps the window", "deepseek-flash", "2026-08-17T01:00:00Z", "flex", "", long(0, 1000), "0.0015", "standard/peak"},

		{"geography", "claude-opus-4-5", "", "", "us", long(0, 1000), "0.033", "standard"},
		{"geography in capitals", "claude-opus-4-5", "", "", "US", long(0, 1000), "0.033", "standard"},
		{"geography without factor", "claude-opus-4-5", "", "", "global", long(0, 1000), "0.03", "standard"},
		{"fee", "claude-opus-4-5", "", "", "", usage.Counts{usage.WebSearch: 3}, "0.03", "standard"},
		{"no factor on fees", "claude-opus-4-5", "", "", "us", usage.Counts{usage.Input: 1000, usage.WebSearch: 3}, "0.0355", "standard"},
		{"one hour write", "claude-opus-4-5", "", "", "", usage.Counts{usage.CacheWrite1h: 1000}, "0.01", "standard"},
		{"one hour write falls back", "gpt-5.6-sol", "", "", "", usage.Counts{usage.CacheWrite1h: 1000}, "0.00625", "standard"},
		{"write falls back", "grok-4.3", "", "", "", usage.Counts{usage.CacheWrite: 1000}, "0.00125", "standard"},
		{"read falls back", "gpt-audio", "", "", "", usage.Counts{usage.CacheRead: 1000}, "0.0025", "standard"},
		{"images fall back", "gpt-audio", "", "", "", usage.Counts{usage.InputImage: 1000, usage.OutputImage: 1000}, "0.0125", "standard"},
		{"audio falls back", "gpt-5", "", "", "", usage.Counts{usage.InputAudio: 1000, usage.OutputAudio: 1000}, "0.01125", "standard"},
		{"negative counts weigh nothing", "gpt-5", "", "", "", usage.Counts{usage.Input: -5, usage.Output: 1000}, "0.01", "standard"},
		{"absurd counts saturate", "gpt-5.6-sol", "", "", "", usage.Counts{usage.Input: 1 << 62, usage.Output: 1 << 62}, money.MaxAmount.String(), "standard/>272000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			q := Query{Counts: tt.counts, ServiceTier: tt.service, Geo: tt.geo}
			if tt.at != "" {
				q.At = instant(t, tt.at)
			}
			quote := mustFind(t, book, "", tt.model).Price(q)
			if quote.Cost != usd(t, tt.want) || quote.Tier != tt.tier {
				t.Errorf("cost %s at %q, want %s at %q", quote.Cost, quote.Tier, tt.want, tt.tier)
			}
		})
	}
}

func TestQuoteKeepsItsBasis(t *testing.T) {
	t.Parallel()
	m := mustFind(t, readBook(t, "pinned.json"), "anthropic", "claude-opus-4-5")
	quote := m.Price(Query{Counts: usage.Counts{usage.Input: 1000}, Geo: "us"})
	if got := quote.Rate(usage.CacheRead).String(); got != "0.5" {
		t.Errorf("rate %s, want 0.5", got)
	}
	if got := quote.ClassCost(usage.Input, 1000).String(); got != "0.0055" {
		t.Errorf("class cost %s, want 0.0055", got)
	}
	if got := quote.ClassCost(usage.WebSearch, 2).String(); got != "0.02" {
		t.Errorf("fee %s, want 0.02", got)
	}
	if got := quote.Multiplier.String(); got != "1.1" {
		t.Errorf("multiplier %s, want 1.1", got)
	}
	if !quote.From.IsZero() {
		t.Errorf("from %s, want none", quote.From)
	}
	m = mustFind(t, readBook(t, "pinned.json"), "deepseek", "deepseek-flash")
	at := instant(t, "2026-09-01T00:00:00Z")
	if got, want := m.Price(Query{At: at}).From, instant(t, "2026-08-16T16:00:00Z"); !got.Equal(want) {
		t.Errorf("from %s, want %s", got, want)
	}
	var zero Quote
	if zero.Rate(usage.Input) != 0 || zero.ClassCost(usage.Output, 5) != 0 || zero.CacheSavings() != 0 {
		t.Error("the zero quote charges something")
	}
	if quote.Rate(usage.Class(200)) != 0 {
		t.Error("an invalid class has a price")
	}
}
