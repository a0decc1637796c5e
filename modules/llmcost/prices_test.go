// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package llmcost

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/pricing"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// What an answer reports is priced as the provider does, to the pico-dollar. The costs
// were computed by hand from prices per million tokens, which stand in the comments.
func TestReportsArePriced(t *testing.T) {
	t.Parallel()
	const (
		responses = "/v1/responses"
		messages  = "/v1/messages"
		gemini    = "/v1beta/models/gemini-3.1-pro-preview:generateContent"
		cached    = `"prompt_tokens":1000,"completion_tokens":300,"total_tokens":1300,"prompt_tokens_details":{"cached_tokens":400,"cache_write_tokens":100},"completion_tokens_details":{"reasoning_tokens":100}`
		long      = `"prompt_tokens":300000,"completion_tokens":1000,"total_tokens":301000,"prompt_tokens_details":{"cached_tokens":100000}`
		search    = `{"type":"web_search_call","action":{"type":"search"}}`
	)
	chat := func(model, tier, usage string) string {
		return `{"model":"` + model + `","service_tier":"` + tier + `","usage":{` + usage + `}}`
	}
	message := func(model, usage string) string {
		return `{"type":"message","model":"` + model + `","usage":{` + usage + `}}`
	}
	for name, tc := range map[string]struct {
		provider, path, model, body string
		counts                      usage.Counts
		cost                        string
	}{
		"openai, cache and reasoning": { // 500*5 + 400*0.5 + 100*6.25 + 300*30 = 12325
			"openai", chatPath, "gpt-5.6-sol", chat("gpt-5.6-sol", "default", cached),
			usage.Counts{usage.Input: 500, usage.CacheRead: 400, usage.CacheWrite: 100, usage.Output: 200, usage.Reasoning: 100},
			"0.012325",
		},
		"openai, flex": { // 500*2.5 + 400*0.25 + 100*3.125 + 300*15 = 6162.5
			"openai", chatPath, "gpt-5.6-sol", chat("gpt-5.6-sol", "flex", cached),
			usage.Counts{usage.Input: 500, usage.CacheRead: 400, usage.CacheWrite: 100, usage.Output: 200, usage.Reasoning: 100},
			"0.0061625",
		},
		"openai, priority": { // 500*10 + 400*1 + 100*12.5 + 300*60 = 24650
			"openai", chatPath, "gpt-5.6-sol", chat("gpt-5.6-sol", "priority", cached),
			usage.Counts{usage.Input: 500, usage.CacheRead: 400, usage.CacheWrite: 100, usage.Output: 200, usage.Reasoning: 100},
			"0.02465",
		},
		"openai, batch": { // 1000*1 + 300*4 = 2200
			"openai", chatPath, "gpt-4.1", chat("gpt-4.1", "batch", `"prompt_tokens":1000,"completion_tokens":300,"total_tokens":1300`),
			usage.Counts{usage.Input: 1000, usage.Output: 300},
			"0.0022",
		},
		"openai, another tier": { // 1000*2 + 300*8 = 4400
			"openai", chatPath, "gpt-4.1", chat("gpt-4.1", "scale", `"prompt_tokens":1000,"completion_tokens":300,"total_tokens":1300`),
			usage.Counts{usage.Input: 1000, usage.Output: 300},
			"0.0044",
		},
		"openai, long context": { // 200000*10 + 100000*1 + 1000*45 = 2145000
			"openai", chatPath, "gpt-5.6-sol", chat("gpt-5.6-sol", "default", long),
			usage.Counts{usage.Input: 200000, usage.CacheRead: 100000, usage.Output: 1000},
			"2.145",
		},
		"openai, not quite long": { // 272000*5 + 1000*30 = 1390000
			"openai", chatPath, "gpt-5.6-sol", chat("gpt-5.6-sol", "default", `"prompt_tokens":272000,"completion_tokens":1000,"total_tokens":273000`),
			usage.Counts{usage.Input: 272000, usage.Output: 1000},
			"1.39",
		},
		"openai, long context, flex": { // 200000*5 + 100000*0.5 + 1000*22.5 = 1072500
			"openai", chatPath, "gpt-5.6-sol", chat("gpt-5.6-sol", "flex", long),
			usage.Counts{usage.Input: 200000, usage.CacheRead: 100000, usage.Output: 1000},
			"1.0725",
		},
		"openai, web search": { // 1000*1.25 + 300*10 = 4250, and 2 calls of 0.01
			"openai", responses, "gpt-5", `{"model":"gpt-5","output":[` + search + `,{"type":"web_search_call","action":{"type":"open_page"}},` + search + `],"usage":{"input_tokens":1000,"output_tokens":300,"total_tokens":1300}}`,
			usage.Counts{usage.Input: 1000, usage.Output: 300, usage.WebSearch: 2},
			"0.02425",
		},
		"openai, audio": { // 200*2.5 + 300*32 + 100*10 + 600*64 = 49500
			"openai", chatPath, "gpt-audio", chat("gpt-audio", "default", `"prompt_tokens":500,"completion_tokens":700,"total_tokens":1200,"prompt_tokens_details":{"audio_tokens":300},"completion_tokens_details":{"audio_tokens":600}`),
			usage.Counts{usage.Input: 200, usage.InputAudio: 300, usage.Output: 100, usage.OutputAudio: 600},
			"0.0495",
		},
		"openai, images at the price of text": { // 100*2 + 10*8 = 280
			"openai", chatPath, "gpt-4.1", chat("gpt-4.1", "default", `"prompt_tokens":100,"completion_tokens":10,"total_tokens":110,"prompt_tokens_details":{"image_tokens":60},"completion_tokens_details":{"image_tokens":5}`),
			usage.Counts{usage.Input: 40, usage.InputImage: 60, usage.Output: 5, usage.OutputImage: 5},
			"0.00028",
		},
		"anthropic, everything": { // 50*5 + 10000*0.5 + 1000*6.25 + 2000*10 + 400*25 = 41500, and 3 calls of 0.01
			"anthropic", messages, "claude-opus-4-5", message("claude-opus-4-5-20251101", `"input_tokens":50,"cache_read_input_tokens":10000,"cache_creation_input_tokens":3000,"cache_creation":{"ephemeral_5m_input_tokens":1000,"ephemeral_1h_input_tokens":2000},"output_tokens":400,"output_tokens_details":{"thinking_tokens":150},"server_tool_use":{"web_search_requests":3}`),
			usage.Counts{usage.Input: 50, usage.CacheRead: 10000, usage.CacheWrite: 1000, usage.CacheWrite1h: 2000, usage.Output: 250, usage.Reasoning: 150, usage.WebSearch: 3},
			"0.0715",
		},
		"anthropic, batch": { // 50*2.5 + 400*12.5 = 5125
			"anthropic", messages, "claude-opus-4-5", message("claude-opus-4-5", `"input_tokens":50,"output_tokens":400,"service_tier":"batch"`),
			usage.Counts{usage.Input: 50, usage.Output: 400},
			"0.005125",
		},
		"anthropic, long context": { // 100*6 + 200000*0.6 + 100*22.5 = 122850
			"anthropic", messages, "claude-sonnet-4-5", message("claude-sonnet-4-5", `"input_tokens":100,"cache_read_input_tokens":200000,"output_tokens":100`),
			usage.Counts{usage.Input: 100, usage.CacheRead: 200000, usage.Output: 100},
			"0.12285",
		},
		"anthropic, not quite long": { // 100*3 + 199900*0.3 + 100*15 = 61770
			"anthropic", messages, "claude-sonnet-4-5", message("claude-sonnet-4-5", `"input_tokens":100,"cache_read_input_tokens":199900,"output_tokens":100`),
			usage.Counts{usage.Input: 100, usage.CacheRead: 199900, usage.Output: 100},
			"0.06177",
		},
		"anthropic, in the US": { // (1000*5 + 1000*25) * 1.1 = 33000, and a call of 0.01
			"anthropic", messages, "claude-opus-5", message("claude-opus-5", `"input_tokens":1000,"output_tokens":1000,"inference_geo":"us","server_tool_use":{"web_search_requests":1}`),
			usage.Counts{usage.Input: 1000, usage.Output: 1000, usage.WebSearch: 1},
			"0.043",
		},
		"xai, reasoning on top": { // 800*1.25 + 200*0.2 + 1000*2.5 = 3540
			"xai", chatPath, "grok-4.3", chat("grok-4.3", "", `"prompt_tokens":1000,"completion_tokens":300,"total_tokens":2000,"prompt_tokens_details":{"cached_tokens":200},"completion_tokens_details":{"reasoning_tokens":700}`),
			usage.Counts{usage.Input: 800, usage.CacheRead: 200, usage.Output: 300, usage.Reasoning: 700},
			"0.00354",
		},
		"xai, long context begins at its border": { // 200000*2.5 + 100*5 = 500500
			"xai", chatPath, "grok-4.3", chat("grok-4.3", "", `"prompt_tokens":200000,"completion_tokens":100,"total_tokens":200100`),
			usage.Counts{usage.Input: 200000, usage.Output: 100},
			"0.5005",
		},
		"gemini, cache and thoughts": { // 600*2 + 400*0.2 + 150*12 = 3080
			"gemini", gemini, "", `{"modelVersion":"gemini-3.1-pro-preview","usageMetadata":{"promptTokenCount":1000,"cachedContentTokenCount":400,"candidatesTokenCount":100,"thoughtsTokenCount":50,"totalTokenCount":1150}}`,
			usage.Counts{usage.Input: 600, usage.CacheRead: 400, usage.Output: 100, usage.Reasoning: 50},
			"0.00308",
		},
		"gemini, long context": { // 250000*4 + 100*18 = 1001800
			"gemini", gemini, "", `{"modelVersion":"gemini-3.1-pro-preview","usageMetadata":{"promptTokenCount":250000,"candidatesTokenCount":100,"totalTokenCount":250100}}`,
			usage.Counts{usage.Input: 250000, usage.Output: 100},
			"1.0018",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rt := newRoute(t, &Handler{Provider: tc.provider}, answer(jsonType, tc.body))
			w := rt.post(tc.path, jsonType, `{"model":"`+tc.model+`"}`)
			row := rt.agreed()
			if row.Counts != tc.counts || row.Exact != 1 {
				t.Errorf("counts %v, want %v", row.Counts, tc.counts)
			}
			if got := row.Cost.String(); got != tc.cost || w.Header().Get(headerCost) != tc.cost {
				t.Errorf("cost %s, header %q, want %s", got, w.Header().Get(headerCost), tc.cost)
			}
		})
	}
}

// Every class of tokens has a price in every tier of every model that is sold, be it of
// its own or that of its kind.
func TestEveryClassHasAPrice(t *testing.T) {
	t.Parallel()
	const n = 1_000_000
	kinds := [usage.NumClasses]usage.Class{
		usage.CacheWrite1h: usage.CacheWrite, usage.Output: usage.Output, usage.Reasoning: usage.Output,
		usage.OutputAudio: usage.Output, usage.OutputImage: usage.Output, usage.WebSearch: usage.WebSearch,
	}
	free := map[string][]usage.Class{ // as their sellers say
		"deepseek-v3":                    {usage.CacheWrite, usage.CacheWrite1h},
		"gemini-robotics-er-1.5-preview": {usage.CacheRead},
	}
	own := make(map[string]bool)      // classes with a price of their own somewhere
	searched := make(map[string]bool) // providers with a fee for searches
	providers := make(map[string]bool)
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	for m := range pricing.Default().Models() {
		if m.Provider == "ollama" {
			continue
		}
		providers[m.Provider] = true
		for _, tier := range []string{"", "batch", "flex", "priority"} {
			for _, context := range []int64{0, 150_000, 250_000, 300_000} {
				price := func(c usage.Class, n int64) money.Amount {
					base := usage.Counts{usage.CacheRead: context}
					with := base
					with[c] += n
					q := pricing.Query{At: at, ServiceTier: tier}
					q.Counts = with
					quote := m.Price(q)
					if quote.Cost != quote.ClassCost(usage.CacheRead, base[usage.CacheRead]).Add(quote.ClassCost(c, n)) {
						t.Errorf("%s %s, %s: the sum %s is not that of its parts", m.ID, tier, c, quote.Cost)
					}
					return quote.ClassCost(c, n)
				}
				sold := price(usage.Output, n) > 0 // an embedding has no output
				for c := range usage.Class(usage.NumClasses) {
					cost := price(c, n)
					switch {
					case c == usage.WebSearch:
						searched[m.Provider] = searched[m.Provider] || cost > 0
						continue
					case slices.Contains(free[m.ID], c):
					case cost <= 0 && (sold || kinds[c] != usage.Output):
						t.Errorf("%s %s: %d tokens of %s cost %s", m.ID, tier, n, c, cost)
					}
					if cost != price(kinds[c], n) {
						own[c.String()] = true
					}
				}
			}
		}
	}
	if got, want := slices.Sorted(maps.Keys(own)), []string{"cache_read", "cache_write", "cache_write_1h", "input_audio", "output_audio"}; !slices.Equal(got, want) {
		t.Errorf("prices of their own have %v; want %v, and all others that of text", got, want)
	}
	for provider := range providers {
		// DeepSeek has no search of its own; xAI does not say how many it ran.
		if want := provider != "deepseek" && provider != "xai"; searched[provider] != want {
			t.Errorf("%s has a fee for searches: %v", provider, searched[provider])
		}
	}
}
