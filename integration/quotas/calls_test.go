// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package quotas

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// chat is a call of a model whose prompt is one word; extra is more members.
func chat(model, extra string) string {
	return fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"word"}]%s}`, model, extra)
}

func (s *server) chat(body string, headers ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	return s.do(http.MethodPost, "/v1/chat/completions", body, headers...)
}

// gpt is a model whose prices are $0.15 and $0.60 for a million tokens, or twice that at once.
const gpt = "gpt-4o-mini"

// settledChecks are the checks of the n-th decision that was settled.
func (s *server) settledChecks(n int) []limits.Check {
	s.t.Helper()
	s.model.mu.Lock()
	defer s.model.mu.Unlock()
	if len(s.model.settled) <= n {
		s.t.Fatalf("%d decisions were settled, want more than %d", len(s.model.settled), n)
	}
	return s.model.settled[n].Checks
}

func TestTokensAreReservedAndSettled(t *testing.T) {
	s := serve(t, "", `llm_cost openai
	quota {
		tokens 10000/min
		tokens input 5000/min
		tokens output 5000/min
		cost 1usd/day
		by ip
	}
	mock_llm {
		words 7
	}`)
	body := chat(gpt, `,"max_tokens":100`)
	if w := s.chat(body); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	checks := s.settledChecks(0)
	if len(checks) != 4 {
		t.Fatalf("%d checks", len(checks))
	}
	want := map[limits.Unit][2]int64{ // actual, and what is reserved at least
		limits.Tokens:       {8, 100 + 4},
		limits.InputTokens:  {1, 4},
		limits.OutputTokens: {7, 100},
		limits.Cost:         {150 + 7*600, 100*600 + 4*150},
	}
	for _, c := range checks {
		if w := want[c.Rule.Unit]; c.Actual != w[0] || c.Weight < w[1] {
			t.Errorf("%s: actual %d, want %d; reserved %d, want at least %d", c.Rule.Unit, c.Actual, w[0], c.Weight, w[1])
		}
	}
	// What is reserved is free again.
	for i := range 20 {
		if w := s.chat(body); w.Code != http.StatusOK {
			t.Fatalf("call %d: %d %s", i, w.Code, w.Body)
		}
	}
}

func TestBudgetRefuses(t *testing.T) {
	site := func(more string) string {
		return "llm_cost openai\n\tquota {\n\t\tcost 0.002usd/month\n\t\tby ip\n\t\t" + more + "\n\t}\n\tmock_llm {\n\t\twords 1400\n\t}"
	}
	t.Run("what is spent", func(t *testing.T) {
		s := serve(t, "", site("budget_status 402"))
		body := chat(gpt, `,"max_tokens":1000`)
		for i := range 2 { // each costs 0.0006, and 0.0013 is reserved for it
			if w := s.chat(body); w.Code != 200 {
				t.Fatalf("call %d: %d %s", i, w.Code, w.Body)
			}
		}
		w := s.chat(body)
		if w.Code != http.StatusPaymentRequired || !contains(w, `"code":"budget_exceeded"`) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if w.Header().Get("X-Should-Retry") != "false" || w.Header().Get("Retry-After") == "" {
			t.Errorf("headers %v", w.Header())
		}
	})
	t.Run("more than all of it", func(t *testing.T) {
		s := serve(t, "", site(""))
		w := s.chat(chat(gpt, `,"max_tokens":16000`))
		if w.Code != 429 || !contains(w, "more than the whole limit") || w.Header().Get("Retry-After") != "" {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
	})
	t.Run("max_output makes it fit and is forwarded", func(t *testing.T) {
		s := serve(t, "", site("max_output 50"))
		w := s.chat(chat(gpt, ""))
		if w.Code != 200 || !contains(w, `"completion_tokens":50`) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
	t.Run("a model without a price", func(t *testing.T) {
		s := serve(t, "", site(""))
		w := s.chat(chat("no-such-model", `,"max_tokens":10`))
		if w.Code != http.StatusForbidden || !contains(w, `"code":"cost_not_bounded"`) || !contains(w, "no price") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
	t.Run("a soft one warns and lets pass", func(t *testing.T) {
		s := serve(t, "", strings.Replace(site(""), "usd/month", "usd/month soft", 1))
		for i, want := range []string{"", "", "", `"site";percent=90;window="month"`, `"site";percent=120;window="month"`} {
			w := s.chat(chat(gpt, `,"max_tokens":1000`))
			if got := w.Header().Get("X-Gateway-Budget-Used"); w.Code != 200 || got != want {
				t.Errorf("call %d: %d, budget %q, want %q", i, w.Code, got, want)
			}
		}
		if w := s.chat(chat("no-such-model", "")); w.Code != 200 {
			t.Errorf("without a price: %d %s", w.Code, w.Body)
		}
	})
}

func TestWhatIsNotUsedIsFree(t *testing.T) {
	s := serve(t, "", `llm_cost openai
	quota {
		tokens 1500/min
		requests 100/min
		by ip
	}
	mock_llm {
		fail 500
	}`)
	for i := range 5 {
		if w := s.chat(chat(gpt, `,"max_tokens":20`)); w.Code != 500 {
			t.Fatalf("call %d: %d %s", i, w.Code, w.Body)
		}
	}
	for _, c := range s.settledChecks(4) {
		if c.Rule.Unit == limits.Requests && c.Actual != 1 || c.Rule.Unit == limits.Tokens && c.Actual != 0 {
			t.Errorf("%s: actual %d", c.Rule.Unit, c.Actual)
		}
	}
}

func TestPlanIgnoresTokensWithoutCalls(t *testing.T) {
	s := serve(t, "plan default {\n\t\t\trequests 2/min\n\t\t\ttokens 10/min\n\t\t\tcost 0.00001usd/day\n\t\t}", "quota\n\trespond ok")
	s.expect(2, "/")
}

func TestQuotaBeforeTheCallIsKnown(t *testing.T) {
	s := serve(t, keyed("alice", ""), `quota {
		requests 3/min
		tokens 10000/min
		by consumer
	}
	handle {
		key_auth
		llm_cost openai
		mock_llm {
			words 5
		}
	}`)
	for i := range 3 {
		w := s.chat(chat(gpt, `,"max_tokens":50`), as("alice"))
		if w.Code != 200 || !strings.Contains(w.Header().Get("RateLimit-Policy"), "tokens/60s") {
			t.Fatalf("call %d: %d %v %s", i, w.Code, w.Header(), w.Body)
		}
	}
	if w := s.chat(chat(gpt, `,"max_tokens":50`), as("alice")); w.Code != 429 {
		t.Errorf("%d", w.Code)
	}
	units := []limits.Unit{}
	for _, c := range s.settledChecks(0) {
		units = append(units, c.Rule.Unit)
	}
	if !slices.Equal(units, []limits.Unit{limits.Requests, limits.Tokens}) {
		t.Errorf("decided together: %v", units)
	}
}

// A quota that decides before the metering begins does not keep those behind it from
// settling to what was metered.
func TestSettledToWhatWasMeteredBehindAnotherQuota(t *testing.T) {
	s := serve(t, "", `quota {
		name held
		concurrent 9
		by ip
	}
	route {
		llm_cost openai
		quota {
			tokens 10000/min
			by ip
		}
		mock_llm {
			words 5
		}
	}`)
	if w := s.chat(chat(gpt, `,"max_tokens":100`)); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if c := s.settledChecks(1)[0]; c.Actual != 6 || c.Weight < 100 {
		t.Errorf("settled to %d of %d tokens", c.Actual, c.Weight)
	}
}

// max_output is worth something only when it is known what is asked: a quota that has
// it waits for that, whatever else it limits.
func TestMaxOutputOfQuotaBeforeTheCallIsKnown(t *testing.T) {
	s := serve(t, "", "quota {\n\t\trequests 5/min\n\t\tmax_output 9\n\t}\n\thandle {\n\t\tllm_cost openai\n\t\tmock_llm {\n\t\t\twords 50\n\t\t}\n\t}")
	if w := s.chat(chat(gpt, "")); w.Code != 200 || !contains(w, `"completion_tokens":9`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
