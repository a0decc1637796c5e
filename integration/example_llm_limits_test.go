// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// TestLLMGatewayTellsItsLimits reads all limits of the example from its answers.
func TestLLMGatewayTellsItsLimits(t *testing.T) {
	up := upstream(t, provider)
	g := exampleGateway(t, llmGatewayFile, llmEnvironment("API_SERVER", up.Addr, "OLLAMA_1", up.Addr, "OLLAMA_2", up.Addr,
		"ANTHROPIC_URL", up.URL, "DEEPSEEK_URL", up.URL, "GROK_URL", up.URL))
	for _, route := range llmRoutes {
		want := []string{
			`"standard:requests/60s";q=1000;`, `"standard:requests/3600s";q=10000;`, `"standard:requests/86400s";q=100000;`,
			`"standard:tokens/60s";q=200000;`, `"standard:cost/month";q=50000000000;`,
		}
		if route.name == "api" {
			want = []string{`"api:requests/60s";q=10000;`, `"api:requests/3600s";q=100000;`, `"api:requests/86400s";q=1000000;`}
		}
		got := g.Post(route.path, llmCall(route.model), "apikey: "+llmConsumers["admin"])
		for _, limit := range want {
			if policy := got.Header.Get("RateLimit-Policy"); got.Status != 200 || !strings.Contains(policy, limit) {
				t.Errorf("%s: answer = %d with limits %s, want %s", route.name, got.Status, policy, limit)
			}
		}
	}
}

// TestLLMGatewayLimitsConsumers has a consumer use up its plan on all routes of models
// together. The refusal is in the words of the provider, and nobody else is refused.
func TestLLMGatewayLimitsConsumers(t *testing.T) {
	up := upstream(t, provider)
	g := exampleGateway(t, llmGatewayFile, llmEnvironment("API_SERVER", up.Addr, "OLLAMA_1", up.Addr, "OLLAMA_2", up.Addr,
		"ANTHROPIC_URL", up.URL, "DEEPSEEK_URL", up.URL, "GROK_URL", up.URL), "requests 1000/min 10000/hour 100000/day", "requests 12/min")
	call := func(i int, consumer string) *Answer {
		route := llmRoutes[i%4]
		return g.Post(route.path, llmCall(route.model), "apikey: "+llmConsumers[consumer])
	}
	for i := range 12 {
		if got := call(i, "swarm-agent"); got.Status != 200 {
			t.Fatalf("call %d = %d %s", i+1, got.Status, got.Body)
		}
	}
	for i := range 4 {
		got := call(i, "swarm-agent")
		if got.Status != 429 || got.Header.Get("Retry-After") == "" || !strings.Contains(got.Body, "requests 12/min (standard, by consumer swarm-agent)") {
			t.Errorf("on %s the thirteenth call = %d %v %s", llmRoutes[i].name, got.Status, got.Header, got.Body)
		}
		if own := decoded(t, got); i == 0 && member(own, "error.type") != "rate_limit_error" || i > 0 && own["error"] == nil {
			t.Errorf("%s: the refusal is %s", llmRoutes[i].name, got.Body)
		}
	}
	if n := len(called(up)); n != 12 {
		t.Errorf("the providers had %d calls", n)
	}
	if got := call(0, "reasoning-engine"); got.Status != 200 {
		t.Errorf("another consumer = %d %s", got.Status, got.Body)
	}
	if got := g.Get("/api/things", "apikey: "+llmConsumers["swarm-agent"]); got.Status != 200 {
		t.Errorf("the API server = %d %s", got.Status, got.Body)
	}
}

// TestLLMGatewayHeedsHealth has an instance of Ollama, and the API server, say that they
// are not well. They would answer, but are not asked until they say that they are again.
func TestLLMGatewayHeedsHealth(t *testing.T) {
	var ill atomic.Bool
	var told atomic.Int32 // how often the gateway was told so of an instance of Ollama
	failing := func(health string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == health && ill.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
				if health == "/api/tags" {
					told.Add(1)
				}
				return
			}
			provider(w, r)
		}
	}
	first, second, api := upstream(t, failing("/api/tags")), upstream(t, provider), upstream(t, failing("/health"))
	g := exampleGateway(t, llmGatewayFile, llmEnvironment("OLLAMA_1", first.Addr, "OLLAMA_2", second.Addr, "API_SERVER", api.Addr))
	key := "apikey: " + llmConsumers["admin"]
	// ask makes n calls, and returns how many of them the first instance has answered.
	ask := func(n int) int {
		t.Helper()
		before := len(called(first))
		for range n {
			if got := g.Post("/llm/ollama/api/chat", llmCall("llama3.2"), key); got.Status != 200 {
				t.Errorf("answer = %d %s", got.Status, got.Body)
			}
		}
		return len(called(first)) - before
	}
	things := func() int { return g.Get("/api/things", key).Status }
	eventually(t, "both instances are asked", func() bool { return ask(1) == 1 })
	if got := things(); got != 200 {
		t.Errorf("the API server = %d", got)
	}
	ill.Store(true)
	eventually(t, "the API server is not asked", func() bool { return things() == 503 })
	// Not to be asked a few times in a row may be chance, but for some moments at most once the
	// gateway has been told.
	eventually(t, "the gateway is told of the instance", func() bool { return told.Load() >= 2 })
	eventually(t, "the instance is not asked", func() bool { return ask(4) == 0 })
	before := len(called(first)) + len(called(api))
	for range 10 {
		if ask(1) > 0 || things() != 503 {
			t.Error("who says that they are not well are asked")
		}
	}
	if n := len(called(first)) + len(called(api)); n != before {
		t.Errorf("they had %d requests", n-before)
	}
	ill.Store(false)
	eventually(t, "the instance is asked again", func() bool { return ask(1) == 1 })
	eventually(t, "the API server is asked again", func() bool { return things() == 200 })
}
