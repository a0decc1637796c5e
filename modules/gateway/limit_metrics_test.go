// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

func TestLimitSeriesAreBounded(t *testing.T) {
	m, reg := registered(t)
	m.limitConsumers(2 * maxLimitSeries)
	for i := range 2 * maxLimitSeries {
		m.limits.exceededBy(fmt.Sprintf("quota-%d", i), "requests 1/min", LimitDenied).Inc()
		m.budgetUsed("demo", "cost 1usd/day", fmt.Sprintf("consumer-%d", i), 0.5)
	}
	if n := seriesCount(t, reg, "limit_exceeded_total"); n != maxLimitSeries+1 {
		t.Errorf("there are %d series of limits, want %d and one for the rest", n, maxLimitSeries)
	}
	if n := seriesCount(t, reg, "budget_used_ratio"); n != maxLimitSeries {
		t.Errorf("there are %d series of budgets, want %d", n, maxLimitSeries)
	}
	if got := testutil.ToFloat64(m.limits.exceeded.WithLabelValues(otherName, otherName, otherName)); got != maxLimitSeries {
		t.Errorf("the rest counts %v, want %d", got, maxLimitSeries)
	}
	m.limits.exceededBy("quota-0", "requests 1/min", LimitDenied).Inc()
	if got := testutil.ToFloat64(m.limits.exceeded.WithLabelValues("quota-0", "requests 1/min", "denied")); got != 2 {
		t.Errorf("a limit within the bound counts %v, want 2", got)
	}
}

func TestBudgetsOfConsumersWithoutALabel(t *testing.T) {
	m, reg := registered(t)
	m.limitConsumers(1)
	for _, name := range []string{"alice", "bob"} {
		m.budgetUsed("demo", "cost 1usd/day", name, 0.5)
	}
	if n := seriesCount(t, reg, "budget_used_ratio"); n != 1 {
		t.Errorf("there are %d budgets, want that of alice alone", n)
	}
	m.budgetUsed("demo", "cost 1usd/day", "alice", 0.75)
	if got := testutil.ToFloat64(m.limits.budget.WithLabelValues("demo", "cost 1usd/day", "alice")); got != 0.75 {
		t.Errorf("her budget is at %v, want 0.75", got)
	}
}

// spentBy is a settled call within a budget of ten dollars a day.
func spentBy(subject, consumer string, dollars float64) LimitEvent {
	return LimitEvent{
		Quota: "demo", By: "consumer", Key: limits.Key{Level: "plan:demo/consumer", Subject: subject},
		Unit: limits.Cost, Window: "day", Text: "cost 10usd/day",
		Limit: 10 * limits.NanoPerUSD, Used: int64(dollars * limits.NanoPerUSD), Consumer: consumer,
	}
}

func TestLimitsAreCounted(t *testing.T) {
	app := provision(t, `{"ledger":{"memory":true},"consumers":[{"name":"alice"}]}`)
	m := app.shared.metrics.limits
	app.LimitExceeded(spentBy("alice", "alice", 11), LimitDenied)
	app.LimitsUnavailable(errors.New("demo"))
	app.BudgetUsed(spentBy("alice", "alice", 2.5))
	app.BudgetUsed(spentBy("192.0.2.1", "anonymous", 9)) // counted by address
	if got := testutil.ToFloat64(m.exceeded.WithLabelValues("demo", "cost 10usd/day", "denied")); got != 1 {
		t.Errorf("%v requests exceeded the limit, want 1", got)
	}
	if got := testutil.ToFloat64(m.unavailable); got != 1 {
		t.Errorf("%v requests were refused without a decision, want 1", got)
	}
	if got := testutil.ToFloat64(m.budget.WithLabelValues("demo", "cost 10usd/day", "alice")); got != 0.25 {
		t.Errorf("the budget is at %v, want 0.25", got)
	}
	if n := testutil.CollectAndCount(m.budget); n != 1 {
		t.Errorf("there are %d budgets, want 1", n)
	}
}

// A gauge that nothing sets any more would raise an alarm for ever.
func TestBudgetsThatAreGone(t *testing.T) {
	const config = `{"ledger":{"memory":true},"consumers":[{"name":"alice"},{"name":"bob"}]}`
	app := provision(t, config)
	app.BudgetUsed(spentBy("alice", "alice", 9))
	changed := spentBy("alice", "alice", 9)
	changed.Text = "cost 5usd/day"
	app.BudgetUsed(changed)
	app.BudgetUsed(spentBy("carol", "carol", 9))

	next := provision(t, config)
	next.AddQuota(&fixedQuota{
		name: "demo", by: "consumer", texts: []string{"cost 10usd/day"},
		rules: []limits.Rule{{Unit: limits.Cost, Window: limits.Window{Kind: limits.Calendar, Period: limits.Day}, Limit: 10 * limits.NanoPerUSD}},
	})
	if err := next.Start(); err != nil {
		t.Fatal(err)
	}
	budgets := next.shared.metrics.limits.budgets
	if _, kept := budgets[limitLabels{"demo", "cost 10usd/day", "alice"}]; !kept || len(budgets) != 1 {
		t.Errorf("budgets are %v, want that of alice as it is now", budgets)
	}
	if n := testutil.CollectAndCount(next.shared.metrics.limits.budget); n != 1 {
		t.Errorf("there are %d series, want 1", n)
	}
}
