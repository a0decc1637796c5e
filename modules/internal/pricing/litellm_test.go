// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

func TestLiteLLMPrices(t *testing.T) {
	t.Parallel()
	book := readBook(t, "litellm.json")
	perMillion := func(c usage.Class, more int64) usage.Counts {
		counts := usage.Counts{usage.CacheRead: more}
		counts[c] += 1_000_000
		return counts
	}
	tests := []struct {
		name, provider, model, at, service, geo string
		counts                                  usage.Counts
		want, tier                              string
	}{
		{"input", "openai", "gpt-4o-mini", "", "", "", perMillion(usage.Input, 0), "0.15", "standard"},
		{"cache read", "openai", "gpt-4o-mini", "", "", "", perMillion(usage.CacheRead, 0), "0.075", "standard"},
		{"batch", "openai", "gpt-4o-mini", "", "batch", "", perMillion(usage.Output, 0), "0.3", "batch"},
		{"search of medium context", "openai", "gpt-4o-mini", "", "", "", usage.Counts{usage.WebSearch: 1}, "0.0275", "standard"},
		{"at the threshold", "openai", "gpt-5.6-sol", "", "", "", perMillion(usage.Output, 272000), "30.136", "standard"},
		{"above the threshold", "openai", "gpt-5.6-sol", "", "", "", perMillion(usage.Output, 272001), "45.272001", "standard/>272000"},
		{"threshold and service tier", "openai", "gpt-5.6-sol", "", "flex", "", perMillion(usage.Input, 0), "5", "flex/>272000"},
		{"suffixes in the other order", "openai", "gpt-5.6-sol", "", "flex", "", perMillion(usage.Output, 272001), "22.772001", "flex/>272000"},
		{"region", "openai", "gpt-5.6-sol", "", "", "eu", perMillion(usage.Output, 0), "33", "standard"},
		{"write", "anthropic", "claude-test", "", "", "", usage.Counts{usage.CacheWrite: 1000}, "0.00375", "standard"},
		{"one hour write", "anthropic", "claude-test", "", "", "", usage.Counts{usage.CacheWrite1h: 1000}, "0.006", "standard"},
		{"one hour write, long", "anthropic", "claude-test", "", "", "", perMillion(usage.CacheWrite1h, 0), "12", "standard/>200000"},
		{"geography", "anthropic", "claude-test", "", "", "us", usage.Counts{usage.Input: 1000}, "0.0033", "standard"},
		{"wrong one hour write is the write", "anthropic", "claude-wrong-write", "", "", "", perMillion(usage.CacheWrite1h, 0), "18.75", "standard"},
		{"absurd one hour write is the write", "anthropic", "claude-wrong-write-2", "", "", "", perMillion(usage.CacheWrite1h, 0), "0.3", "standard"},
		{"absurd priority is standard", "openai", "nano-wrong-priority", "", "priority", "", perMillion(usage.Input, 0), "0.05", "priority"},
		{"read above input is input", "openai", "nano-wrong-priority", "", "", "", perMillion(usage.CacheRead, 0), "0.05", "standard"},
		{"threshold of xAI is included", "xai", "grok-4", "", "", "", usage.Counts{usage.Input: 128000}, "0.768", "standard/>=128000"},
		{"below the threshold of xAI", "xai", "grok-4", "", "", "", usage.Counts{usage.Input: 127999}, "0.383997", "standard"},
		{"audio in", "gemini", "gemini-audio", "", "", "", perMillion(usage.InputAudio, 0), "1", "standard"},
		{"audio out", "gemini", "gemini-audio", "", "", "", perMillion(usage.OutputAudio, 0), "12", "standard"},
		{"reasoning", "gemini", "gemini-audio", "", "", "", perMillion(usage.Reasoning, 0), "3.5", "standard"},
		{"same name of another provider", "vertex_ai", "gemini-audio", "", "", "", perMillion(usage.Input, 0), "0.4", "standard"},
		{"peak", "deepseek", "off-peak", "2026-08-03T16:29:59Z", "", "", perMillion(usage.Input, 0), "1", "standard"},
		{"off-peak", "deepseek", "off-peak", "2026-08-03T16:30:00Z", "", "", perMillion(usage.Input, 0), "0.5", "standard/off_peak"},
		{"off-peak after midnight", "deepseek", "off-peak", "2026-08-04T00:29:59Z", "", "", perMillion(usage.Output, 0), "1", "standard/off_peak"},
		{"peak again", "deepseek", "off-peak", "2026-08-04T00:30:00Z", "", "", perMillion(usage.Output, 0), "2", "standard"},
		{"off-peak by day is not read", "deepseek", "off-peak-by-day", "2026-08-03T17:00:00Z", "", "", perMillion(usage.Input, 0), "1", "standard"},
		{"embedding", "openai", "text-embedding-test", "", "", "", perMillion(usage.Input, 0), "0.02", "standard"},
		{"artefact of a float", "openai", "float-artefact", "", "", "", perMillion(usage.Input, 0), "0.1875", "standard"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			q := Query{Counts: tt.counts, ServiceTier: tt.service, Geo: tt.geo}
			if tt.at != "" {
				q.At = instant(t, tt.at)
			}
			quote := mustFind(t, book, tt.provider, tt.model).Price(q)
			if quote.Cost != usd(t, tt.want) || quote.Tier != tt.tier {
				t.Errorf("cost %s at %q, want %s at %q", quote.Cost, quote.Tier, tt.want, tt.tier)
			}
		})
	}
}

func TestLiteLLMLeavesOut(t *testing.T) {
	t.Parallel()
	book := readBook(t, "litellm.json")
	for _, name := range []string{"sample_spec", "chat-without-output", "negative", "image-model"} {
		if m, ok := book.Lookup("", name); ok {
			t.Errorf("Lookup(%q) found %s", name, m.ID)
		}
	}
	m := mustFind(t, book, "openai", "gpt-5.6-sol")
	if m.MaxInput != 1_050_000 || m.MaxOutput != 0 {
		t.Errorf("limits %d and %d, want 1050000 and none", m.MaxInput, m.MaxOutput)
	}
	warnings := strings.Join(book.Warnings(), "\n")
	for _, want := range []string{
		`litellm.json: model "chat-without-output": left out: output_cost_per_token is missing`,
		`litellm.json: model "negative": left out: input_cost_per_token: the price is negative`,
		`model "claude-wrong-write": price of cache_write_1h left out`,
		`model "claude-wrong-write-2": price of cache_write_1h left out`,
		`model "nano-wrong-priority": priority price of input left out`,
		`model "nano-wrong-priority": price of cache_read left out`,
		`model "deepseek/off-peak-by-day": off_peak_pricing left out`,
	} {
		if !strings.Contains(warnings, want) {
			t.Errorf("no warning %q in:\n%s", want, warnings)
		}
	}
	if got := len(book.Warnings()); got != 7 {
		t.Errorf("%d warnings, want 7:\n%s", got, warnings)
	}
}

func TestLiteLLMIdentity(t *testing.T) {
	t.Parallel()
	tests := []struct{ key, provider, want string }{
		{"gpt-4o", "openai", "openai gpt-4o"},
		{"xai/grok-4", "xai", "xai grok-4"},
		{"openrouter/anthropic/claude", "openrouter", "openrouter anthropic/claude"},
		{"gpt-3.5-turbo-instruct", "text-completion-openai", "openai gpt-3.5-turbo-instruct"},
		{"gemini-2.5-pro", "vertex_ai-language-models", "vertex_ai gemini-2.5-pro"},
		{"vertex_ai/claude", "vertex_ai-anthropic_models", "vertex_ai claude"},
		{"anthropic.claude-v2", "bedrock_converse", "bedrock anthropic.claude-v2"},
		{"acme/model", "", "acme model"},
	}
	for _, tt := range tests {
		t.Run(tt.key, func(t *testing.T) {
			t.Parallel()
			e := liteEntry{"litellm_provider": []byte(`"` + tt.provider + `"`)}
			if provider, id := e.identity(tt.key); provider+" "+id != tt.want {
				t.Errorf("identity = %s %s, want %s", provider, id, tt.want)
			}
		})
	}
}
