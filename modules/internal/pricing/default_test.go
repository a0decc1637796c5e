// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

func TestDefaultTable(t *testing.T) {
	t.Parallel()
	book := Default()
	if w := book.Warnings(); len(w) != 0 {
		t.Errorf("warnings: %q", w)
	}
	for m := range book.Models() {
		for _, name := range m.names {
			if found, ok := book.Lookup(m.Provider, name); name != "*" && (!ok || found != m) {
				t.Errorf("%s %s is shadowed", m.Provider, name)
			}
		}
	}
}

// TestDefaultPrices samples the embedded table where prices change with time
// or request.
func TestDefaultPrices(t *testing.T) {
	t.Parallel()
	input := usage.Counts{usage.Input: 1000}
	output := usage.Counts{usage.Output: 1000}
	read := usage.Counts{usage.CacheRead: 1000}
	tests := []struct {
		name, provider, model, at, service, geo string
		counts                                  usage.Counts
		want                                    string
	}{
		{"sonnet 5.5 read before", "anthropic", "claude-sonnet-5-5", "2026-10-06T23:59:59Z", "", "", read, "0.0002"},
		{"sonnet 5.5 read after", "anthropic", "claude-sonnet-5-5", "2026-10-07T00:00:00Z", "", "", read, "0.0001"},
		{"fable 5.1 read", "anthropic", "claude-fable-5-1", "2026-11-01T00:00:00Z", "", "", read, "0.00025"},
		{"opus 5.5 in the US", "anthropic", "claude-opus-5-5", "2026-11-01T00:00:00Z", "", "us", output, "0.022"},
		{"opus 5 batch", "anthropic", "claude-opus-5", "2026-11-01T00:00:00Z", "batch", "", output, "0.0125"},
		{"haiku 5.5", "anthropic", "claude-haiku-5-5-20261007", "2026-11-01T00:00:00Z", "", "", usage.Counts{usage.Input: 100000}, "0.01"},
		{
			"haiku 5.5 above 100k, cached", "anthropic", "claude-haiku-5-5", "2026-11-01T00:00:00Z", "", "",
			usage.Counts{usage.Input: 1000, usage.CacheRead: 100000},
			"0.0015",
		},
		{"opus 4.6 long, early", "anthropic", "claude-opus-4-6", "2026-03-12T23:59:59Z", "", "", usage.Counts{usage.Input: 300000}, "3"},
		{"opus 4.6 long, later", "anthropic", "claude-opus-4-6", "2026-03-13T00:00:00Z", "", "", usage.Counts{usage.Input: 300000}, "1.5"},
		{"sonnet 4 alias", "anthropic", "claude-4-sonnet-20250514", "2026-03-13T00:00:00Z", "", "", usage.Counts{usage.CacheWrite1h: 1000}, "0.006"},
		{"haiku 3 has no wrong one hour write", "anthropic", "claude-3-haiku-20240307", "2026-03-13T00:00:00Z", "", "", usage.Counts{usage.CacheWrite1h: 1000}, "0.0003"},
		{"web search", "anthropic", "claude-haiku-4-5", "2026-03-13T00:00:00Z", "", "", usage.Counts{usage.WebSearch: 2}, "0.02"},
		{"deepseek before", "deepseek", "deepseek-v4-flash", "2026-08-16T15:59:59Z", "", "", output, "0.00028"},
		{"deepseek off-peak", "deepseek", "deepseek-v4-flash", "2026-08-16T16:00:00Z", "", "", output, "0.0006"},
		{"deepseek peak", "deepseek", "deepseek-flash", "2026-08-17T09:59:59Z", "", "", output, "0.0012"},
		{"deepseek pro peak", "deepseek", "deepseek-v4-pro", "2026-08-17T01:00:00Z", "", "", read, "0.000044"},
		{"luna before the cut", "openai", "gpt-5.6-luna", "2026-07-29T23:59:59Z", "", "", input, "0.001"},
		{"luna after the cut", "openai", "gpt-5.6-luna", "2026-07-30T00:00:00Z", "", "", input, "0.0002"},
		{"terra before the cut, long", "openai", "gpt-5.6-terra", "2026-07-29T00:00:00Z", "", "", usage.Counts{usage.Input: 272001}, "1.360005"},
		{"terra flex, long", "openai", "gpt-5.6-terra", "2026-11-01T00:00:00Z", "flex", "", usage.Counts{usage.Output: 1000, usage.Input: 300000}, "0.609"},
		{"alias of sol", "openai", "gpt-5.6", "2026-11-01T00:00:00Z", "", "", output, "0.03"},
		{"first 4o is dearer", "openai", "gpt-4o-2024-05-13", "2026-11-01T00:00:00Z", "", "", input, "0.005"},
		{"nano has no wrong priority", "openai", "gpt-5-nano", "2026-11-01T00:00:00Z", "priority", "", input, "0.00005"},
		{"gpt-6", "openai", "gpt-6-sol", "2026-11-01T00:00:00Z", "", "", output, "0.01"},
		{"audio", "openai", "gpt-audio-2025-08-28", "2026-11-01T00:00:00Z", "", "", usage.Counts{usage.InputAudio: 1000, usage.OutputAudio: 1000}, "0.096"},
		{"grok at 200k", "xai", "grok-4.7", "2026-11-01T00:00:00Z", "", "", usage.Counts{usage.Input: 200000}, "0.8"},
		{"grok 4 at 128k", "xai", "grok-4-latest", "2026-11-01T00:00:00Z", "", "", usage.Counts{usage.Input: 128000}, "0.768"},
		{"gemini long priority", "gemini", "gemini-3.1-pro-preview", "2026-11-01T00:00:00Z", "priority", "", usage.Counts{usage.Input: 200001}, "1.4400072"},
		{"gemini long priority without price of reads", "gemini", "gemini-2.5-pro", "2026-11-01T00:00:00Z", "priority", "", usage.Counts{usage.CacheRead: 200001}, "0.05000025"},
		{"ollama", "ollama", "llama3.2", "2026-11-01T00:00:00Z", "", "", output, "0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := mustFind(t, Default(), tt.provider, tt.model)
			quote := m.Price(Query{Counts: tt.counts, At: instant(t, tt.at), ServiceTier: tt.service, Geo: tt.geo})
			if quote.Cost != usd(t, tt.want) {
				t.Errorf("cost %s at %q, want %s", quote.Cost, quote.Tier, tt.want)
			}
		})
	}
}

func TestPriceDoesNotAllocate(t *testing.T) {
	for name, q := range queries(t) {
		m := mustFind(t, Default(), "", name)
		if n := testing.AllocsPerRun(100, func() { m.Price(q) }); n != 0 {
			t.Errorf("pricing %s allocates %v times", name, n)
		}
	}
}

// queries are requests of the kinds that differ in cost of pricing.
func queries(t testing.TB) map[string]Query {
	t.Helper()
	at := instant(t, "2026-11-02T02:00:00Z")
	return map[string]Query{
		"gpt-4o-mini":     {Counts: usage.Counts{usage.Input: 600, usage.CacheRead: 400, usage.Output: 300}, At: at, ServiceTier: "default"},
		"claude-opus-4-8": {Counts: usage.Counts{50, 10000, 1000, 2000, 0, 0, 400, 0, 0, 0, 1}, At: at, ServiceTier: "standard", Geo: "us"},
		"deepseek-flash":  {Counts: usage.Counts{usage.Input: 360, usage.CacheRead: 640, usage.Output: 200}, At: at},
	}
}

func BenchmarkPrice(b *testing.B) {
	for name, q := range queries(b) {
		m := mustFind(b, Default(), "", name)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if m.Price(q).Cost == 0 {
					b.Fatal("free")
				}
			}
		})
	}
}
