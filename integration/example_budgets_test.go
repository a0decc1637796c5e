// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package integration

import (
	"strings"
	"sync"
	"testing"
)

const (
	searchTeamKey = "apikey: demo-search-team-key-not-a-secret"
	visitorKey    = "apikey: demo-visitor-key-not-a-secret"
	budgetPath    = "/llm/openai/v1/chat/completions"
)

// budgetGateway loads the example with changes.
func budgetGateway(t *testing.T, replacements ...string) *Gateway {
	t.Helper()
	return exampleGateway(t, "budgets.Caddyfile", map[string]string{
		"SEARCH_TEAM_KEY": strings.TrimPrefix(searchTeamKey, "apikey: "), "VISITOR_KEY": strings.TrimPrefix(visitorKey, "apikey: "),
	}, replacements...)
}

func ask(model string) string {
	return `{"model":"` + model + `","messages":[{"role":"user","content":"What is a tollgate?"}]}`
}

// talkative makes the mock answer at length.
var talkative = []string{"\t\tmock_llm\n", "\t\tmock_llm {\n\t\t\twords 5000\n\t\t}\n"}

func TestBudgetsAnswer(t *testing.T) {
	g := budgetGateway(t)
	t.Run("a call that fits", func(t *testing.T) {
		got := g.Post(budgetPath, ask("gpt-4o-mini"), searchTeamKey)
		if got.Status != 200 || got.Header.Get("X-Gateway-Cost-Usd") != "0.0000078" || got.Header.Get("X-Gateway-Budget-Used") != "" {
			t.Errorf("answer = %d %v %s", got.Status, got.Header, got.Body)
		}
		// 4096 tokens are reserved while the header is written.
		if limit := got.Header.Get("RateLimit"); !strings.HasPrefix(limit, `"team:output_tokens/60s";r=35904;t=`) {
			t.Errorf("RateLimit: %s", limit)
		}
		// What was not used is free again.
		again := g.Post(budgetPath, ask("gpt-4o-mini"), searchTeamKey)
		if limit := again.Header.Get("RateLimit"); !strings.HasPrefix(limit, `"team:output_tokens/60s";r=35892;t=`) {
			t.Errorf("RateLimit of the second call: %s", limit)
		}
	})
	t.Run("a call that can never fit", func(t *testing.T) {
		got := g.Post(budgetPath, ask("o1-pro"), visitorKey)
		o := decoded(t, got)
		if got.Status != 429 || member(o, "error.code") != "budget_exceeded" || member(o, "error.type") != "rate_limit_error" {
			t.Errorf("answer = %d %s", got.Status, got.Body)
		}
		if got.Header.Get("X-Should-Retry") != "false" || got.Header.Get("Retry-After") != "" {
			t.Errorf("X-Should-Retry %q, Retry-After %q", got.Header.Get("X-Should-Retry"), got.Header.Get("Retry-After"))
		}
	})
	for _, model := range []string{"nobody-knows", "gpt-4o-search-preview"} {
		t.Run(model, func(t *testing.T) {
			got := g.Post(budgetPath, ask(model), searchTeamKey)
			if got.Status != 403 || member(decoded(t, got), "error.code") != "cost_not_bounded" {
				t.Errorf("answer = %d %s", got.Status, got.Body)
			}
		})
	}
}

func TestBudgetsLimitTheAnswer(t *testing.T) {
	g := budgetGateway(t, talkative...)
	got := g.Post(budgetPath, ask("gpt-4o-mini"), visitorKey)
	if got.Status != 200 || got.Header.Get("X-Gateway-Output-Tokens") != "400" || !strings.Contains(got.Body, `"finish_reason":"length"`) {
		t.Errorf("answer = %d %v", got.Status, got.Header)
	}
}

// TestBudgetsAreNeverExceeded spends a budget from many sides at once.
func TestBudgetsAreNeverExceeded(t *testing.T) {
	g := budgetGateway(t, append(talkative, "\t\t\tconcurrent 1\n", "")...)
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		counts = make(map[int]int)
	)
	for range 40 {
		wg.Go(func() {
			for range 3 {
				got := g.Post(budgetPath, ask("gpt-4o"), visitorKey)
				mu.Lock()
				counts[got.Status]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	row := onlyUsage(t, g, "?by=consumer&consumer=visitor")
	spent, limit := picoOf(t, row.Cost), picoOf(t, "0.1")
	if spent > limit || spent < limit*3/4 || counts[200] == 0 || counts[200]+counts[429] != 120 {
		t.Errorf("%s of 0.1 USD was spent, and the answers are %v", row.Cost, counts)
	}
}

func TestBudgetOfEverybody(t *testing.T) {
	g := budgetGateway(t, "cost 500usd/month", "cost 0.00001usd/month")
	for _, key := range []string{searchTeamKey, visitorKey} {
		got := g.Post(budgetPath, ask("gpt-4o-mini"), key)
		o := decoded(t, got)
		if got.Status != 402 || member(o, "error.code") != "budget_exceeded" || member(o, "error.type") != "insufficient_quota" {
			t.Errorf("answer = %d %s", got.Status, got.Body)
		}
	}
}

func TestSoftBudgetWarns(t *testing.T) {
	g := budgetGateway(t, "cost 5usd/day soft", "cost 0.00001usd/day soft")
	for i, want := range []string{"", "", `"team";percent=156;window="day@Asia/Kolkata"`} {
		got := g.Post(budgetPath, ask("gpt-4o-mini"), searchTeamKey)
		if warning := got.Header.Get("X-Gateway-Budget-Used"); got.Status != 200 || warning != want {
			t.Errorf("call %d = %d with X-Gateway-Budget-Used %q, want %q", i+1, got.Status, warning, want)
		}
	}
}
