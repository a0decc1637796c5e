// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// maxLimitSeries bounds the combinations of labels of each metric about limits.
// Beyond it they become "_other".
const maxLimitSeries = 5000

// limitMetrics count what limits do. Label values are names of the config and of
// consumers, and closed sets; never what a client sends.
type limitMetrics struct {
	exceeded    *prometheus.CounterVec
	unavailable prometheus.Counter
	budget      *prometheus.GaugeVec

	mu   sync.Mutex
	seen map[[4]string]struct{}
}

func newLimitMetrics() *limitMetrics {
	return &limitMetrics{
		exceeded: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "caddy", Subsystem: "gateway", Name: "limit_exceeded_total",
			Help: "Requests that exceeded a limit: denied, passed because it is soft, or only counted because it is in the shadow.",
		}, []string{"quota", "limit", "outcome"}),
		unavailable: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "caddy", Subsystem: "gateway", Name: "limits_unavailable_total",
			Help: "Requests that were refused because their limits could not be decided.",
		}),
		budget: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "caddy", Subsystem: "gateway", Name: "budget_used_ratio",
			Help: "How much of a budget was used when a call was settled last, as a part of the limit; only budgets by consumer.",
		}, []string{"quota", "limit", "consumer"}),
		seen: make(map[[4]string]struct{}),
	}
}

func (m *limitMetrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.exceeded, m.unavailable, m.budget}
}

// bounded returns the labels, or those that stand for all others.
func (m *limitMetrics) bounded(metric, a, b, c string) []string {
	key := [4]string{metric, a, b, c}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.seen[key]; !known {
		if len(m.seen) >= maxLimitSeries {
			return []string{otherName, otherName, otherName}
		}
		m.seen[key] = struct{}{}
	}
	return []string{a, b, c}
}

// LimitExceeded counts a request that exceeded a limit, and tells who subscribes.
func (a *App) LimitExceeded(e LimitEvent, outcome LimitOutcome) {
	m := a.shared.metrics.limits
	m.exceeded.WithLabelValues(m.bounded("exceeded", e.Quota, e.Text, string(outcome))...).Inc()
	a.events.exceeded(&e, outcome)
}

// LimitsUnavailable counts a request whose limits could not be decided.
func (a *App) LimitsUnavailable(error) { a.shared.metrics.limits.unavailable.Inc() }

// BudgetUsed tells how much of a budget is used.
func (a *App) BudgetUsed(e LimitEvent) {
	if e.By == "consumer" && e.Consumer != "" {
		m := a.shared.metrics.limits
		m.budget.WithLabelValues(m.bounded("budget", e.Quota, e.Text, e.Consumer)...).Set(float64(e.Used) / float64(e.Limit))
	}
	a.events.thresholds(&e)
}
