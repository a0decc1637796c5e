// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// request is a finished model call of a consumer.
func request(consumer, model string) *state.Request {
	rq := &state.Request{Route: "demo", Start: time.Now()}
	if consumer != "" {
		rq.Credential = &consumers.Credential{Consumer: &consumers.Consumer{Name: consumer}, ID: "key_" + consumer}
	}
	rq.LLM = state.LLM{Provider: "openai", Label: model, Metered: true, PriceKnown: true, Cost: money.Amount(2_500_000_000)}
	rq.LLM.Report.Counts[usage.Input] = 10
	rq.LLM.Report.Counts[usage.Output] = 5
	return rq
}

// registered are fresh metrics with a registry of their own.
func registered(t *testing.T) (*metrics, *prometheus.Registry) {
	t.Helper()
	m, reg := newMetrics(), prometheus.NewRegistry()
	if err := m.register(reg); err != nil {
		t.Fatal(err)
	}
	return m, reg
}

func ok() state.Outcome {
	return state.Outcome{
		Status: 200, Duration: time.Second, FirstByte: 100 * time.Millisecond,
		BytesIn: 100, BytesOut: 1000, Attempts: 3,
	}
}

func TestMetrics(t *testing.T) {
	m, reg := registered(t)
	rq := request("alice", "gpt-4o")
	m.settled(rq)
	m.observe(rq, ok())

	unknown := request("alice", "_other")
	unknown.LLM.PriceKnown = false
	m.settled(unknown)
	m.observe(unknown, state.Outcome{Status: 502})

	denied := &state.Request{Route: "demo", Failure: state.Failure{Status: 401, Code: "key_unknown", Denied: true}}
	m.settled(denied)
	m.observe(denied, state.Outcome{Status: 401})
	m.observe(denied, state.Outcome{Aborted: true})

	const alice = `consumer="alice",model="gpt-4o",provider="openai",route="demo"`
	const other = `consumer="alice",model="_other",provider="openai",route="demo"`
	const nobody = `consumer="",model="",provider="",route="demo"`
	want := map[string][]string{
		"caddy_gateway_requests_total": {
			`{code="2xx",` + alice + `} 1`, `{code="5xx",` + other + `} 1`, `{code="4xx",` + nobody + `} 1`, `{code="aborted",` + nobody + `} 1`,
		},
		"caddy_gateway_tokens_total": {
			`{class="input",` + alice + `} 10`, `{class="output",` + alice + `} 5`,
			`{class="input",` + other + `} 10`, `{class="output",` + other + `} 5`,
		},
		"caddy_gateway_cost_usd_total":          {`{` + alice + `} 0.0025`, `{` + other + `} 0`, `{` + nobody + `} 0`},
		"caddy_gateway_unpriced_calls_total":    {`{` + alice + `} 0`, `{` + other + `} 1`, `{` + nobody + `} 0`},
		"caddy_gateway_upstream_attempts_total": {`{` + alice + `} 3`, `{` + other + `} 0`, `{` + nobody + `} 0`},
		"caddy_gateway_upstream_retries_total":  {`{` + alice + `} 2`, `{` + other + `} 0`, `{` + nobody + `} 0`},
		"caddy_gateway_request_bytes_total":     {`{` + alice + `} 100`, `{` + other + `} 0`, `{` + nobody + `} 0`},
		"caddy_gateway_response_bytes_total":    {`{` + alice + `} 1000`, `{` + other + `} 0`, `{` + nobody + `} 0`},
		"caddy_gateway_errors_total":            {`{` + strings.Replace(other, `provider="openai"`, `provider="openai",reason="upstream_5xx"`, 1) + `} 1`},
		"caddy_gateway_denials_total":           {`{` + strings.Replace(nobody, `provider=""`, `provider="",reason="key_unknown"`, 1) + `} 2`},
	}
	for name, lines := range want {
		t.Run(name, func(t *testing.T) {
			families, err := reg.Gather()
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range families {
				if f.GetName() != name {
					continue
				}
				text := "# HELP " + name + " " + f.GetHelp() + "\n# TYPE " + name + " counter\n"
				for _, line := range lines {
					text += name + line + "\n"
				}
				if err := testutil.GatherAndCompare(reg, strings.NewReader(text), name); err != nil {
					t.Error(err)
				}
				return
			}
			t.Error("not gathered")
		})
	}
	problems, err := testutil.GatherAndLint(reg)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestFailureReason(t *testing.T) {
	for _, test := range []struct {
		name    string
		rq      *state.Request
		outcome state.Outcome
		reason  string
		denied  bool
	}{
		{"success", &state.Request{}, state.Outcome{Status: 200}, "", false},
		{"not found upstream", &state.Request{}, state.Outcome{Status: 404}, "", false},
		{"our denial", &state.Request{Failure: state.Failure{Code: "group_denied", Denied: true}}, state.Outcome{Status: 403}, "group_denied", true},
		{"our failure", &state.Request{Failure: state.Failure{Code: "upstream_timeout"}}, state.Outcome{Status: 504}, "upstream_timeout", false},
		{"truncated stream", &state.Request{LLM: state.LLM{Truncated: true}}, state.Outcome{Status: 200, Aborted: true}, "truncated", false},
		{"client gone", &state.Request{}, state.Outcome{Status: 200, Aborted: true}, "aborted", false},
		{"upstream fails", &state.Request{}, state.Outcome{Status: 503}, "upstream_5xx", false},
		{"upstream limits", &state.Request{}, state.Outcome{Status: 429}, "upstream_429", false},
		{"error inside a stream", &state.Request{LLM: state.LLM{Report: usage.Report{Failed: true}}}, state.Outcome{Status: 200}, "provider_error", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			reason, denied := failureReason(test.rq, test.outcome)
			if reason != test.reason || denied != test.denied {
				t.Errorf("reason %q, denied %t; want %q, %t", reason, denied, test.reason, test.denied)
			}
		})
	}
}

// seriesCount is how many series of one metric there are.
func seriesCount(t *testing.T, reg *prometheus.Registry, metric string) int {
	t.Helper()
	n, err := testutil.GatherAndCount(reg, "caddy_gateway_"+metric)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestConsumerLabelsAreBounded(t *testing.T) {
	m, reg := registered(t)
	m.limitConsumers(100)
	for i := range 10_000 {
		m.observe(request(fmt.Sprintf("consumer-%d", i), "gpt-4o"), ok())
	}
	if n := seriesCount(t, reg, "requests_total"); n != 101 {
		t.Errorf("10,000 consumers make %d series, want 100 and one for the others", n)
	}
	s := m.of(request("consumer-9999", "gpt-4o"))
	if s.labels[0] != otherName {
		t.Errorf("a consumer beyond the bound is called %q", s.labels[0])
	}
	if got := testutil.ToFloat64(s.lazily(&s.codes[2], m.requests, "2xx")); got != 9900 {
		t.Errorf("the others have %v requests, want 9900", got)
	}
	if s := m.of(request("consumer-0", "gpt-4o")); s.labels[0] != "consumer-0" {
		t.Errorf("a consumer within the bound is called %q", s.labels[0])
	}
}

func TestModelLabelsAreBounded(t *testing.T) {
	m, reg := registered(t)
	for i := range 2 * maxModels {
		m.observe(request("alice", fmt.Sprintf("model-%d", i)), ok())
	}
	if n := seriesCount(t, reg, "requests_total"); n != maxModels+1 {
		t.Errorf("there are %d series, want %d and one for the rest", n, maxModels)
	}
}

func TestSeriesAreBounded(t *testing.T) {
	m, reg := registered(t)
	for i := range 2 * maxSeries {
		rq := request(fmt.Sprintf("consumer-%d", i/maxModels), fmt.Sprintf("model-%d", i%maxModels))
		m.settled(rq)
		m.observe(rq, ok())
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		n, most := len(f.GetMetric()), maxSeries+1
		if f.GetName() == "caddy_gateway_tokens_total" {
			most *= 2 // classes
		}
		if n > most || f.GetName() == "caddy_gateway_requests_total" && n != most {
			t.Errorf("%s has %d series, want %d", f.GetName(), n, most)
		}
	}
}

func TestRetainConsumers(t *testing.T) {
	m, reg := registered(t)
	m.limitConsumers(2)
	for _, name := range []string{"alice", "bob", "carol"} {
		rq := request(name, "gpt-4o")
		m.settled(rq)
		m.observe(rq, ok())
	}
	m.retainConsumers(func(name string) bool { return name == "alice" })
	if n := seriesCount(t, reg, "requests_total"); n != 2 {
		t.Errorf("%d series are left, want those of alice and of the others", n)
	}
	// Bob's place is free, and alice is still counted where she was.
	for _, name := range []string{"alice", "carol"} {
		m.observe(request(name, "gpt-4o"), ok())
	}
	for name, want := range map[string]float64{"alice": 2, "carol": 1} {
		s := m.of(request(name, "gpt-4o"))
		if got := testutil.ToFloat64(s.lazily(&s.codes[2], m.requests, "2xx")); s.labels[0] != name || got != want {
			t.Errorf("%s counts as %q with %v requests, want %v", name, s.labels[0], got, want)
		}
	}
}

// Nothing that carries the name of a consumer who is gone may stay, and a
// reload that removes many of them must not take long.
func TestRetainConsumersLeavesNothing(t *testing.T) {
	m, reg := registered(t)
	for i := range maxSeries {
		rq := request(fmt.Sprintf("consumer-%d", i%defaultMetricsConsumers), fmt.Sprintf("model-%d", i/defaultMetricsConsumers))
		m.settled(rq)
		for _, outcome := range []state.Outcome{ok(), {Status: 429}, {Status: 500}, {Aborted: true}} {
			m.observe(rq, outcome)
		}
		rq.Failure = state.Failure{Code: "demo_denied", Denied: true}
		m.observe(rq, state.Outcome{Status: 403})
		m.budgetUsed("demo", "cost 1usd/day", rq.ConsumerName(), 0.5)
	}
	if n := seriesCount(t, reg, "budget_used_ratio"); n != defaultMetricsConsumers {
		t.Fatalf("there are %d budgets, want one of each consumer", n)
	}
	start := time.Now()
	m.retainConsumers(func(string) bool { return false })
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("removing all consumers took %s", took)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if len(f.GetMetric()[0].GetLabel()) > 0 { // those of the process have none
			t.Errorf("%s still has %d series", f.GetName(), len(f.GetMetric()))
		}
	}
	if n := m.count.Load(); n != 0 {
		t.Errorf("%d combinations are still counted", n)
	}
}

func TestRegisterTwice(t *testing.T) {
	m, reg := registered(t)
	if err := m.register(reg); err != nil {
		t.Errorf("register again: %v", err)
	}
	if err := newMetrics().register(reg); err != nil {
		t.Errorf("register others of the same name: %v", err)
	}
}
