// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-gateway/tollgate/modules/limits"
)

// maxLimitSeries bounds the combinations of labels of each metric about limits.
const maxLimitSeries = 5000

// limitMetrics count what limits do. Label values are names of the config and of
// consumers, and closed sets; never what a client sends.
type limitMetrics struct {
	exceeded    *prometheus.CounterVec
	unavailable prometheus.Counter
	budget      *prometheus.GaugeVec

	mu       sync.RWMutex
	counters map[limitLabels]prometheus.Counter // of exceeded
	budgets  map[limitLabels]prometheus.Gauge   // of budget
}

// limitLabels are the values of the three labels of a metric.
type limitLabels [3]string

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
		counters: make(map[limitLabels]prometheus.Counter),
		budgets:  make(map[limitLabels]prometheus.Gauge),
	}
}

func (m *limitMetrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.exceeded, m.unavailable, m.budget}
}

// exceededBy returns the counter of some labels, or that of all others.
func (m *limitMetrics) exceededBy(quota, limit string, outcome LimitOutcome) prometheus.Counter {
	labels := limitLabels{quota, limit, string(outcome)}
	m.mu.RLock()
	c := m.counters[labels]
	m.mu.RUnlock()
	if c != nil {
		return c
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if c = m.counters[labels]; c != nil {
		return c
	}
	if len(m.counters) >= maxLimitSeries {
		return m.exceeded.WithLabelValues(otherName, otherName, otherName)
	}
	c = m.exceeded.WithLabelValues(labels[:]...)
	m.counters[labels] = c
	return c
}

// budgetUsed sets the gauge of a budget of a consumer. Consumers without a label
// value of their own have none, because the last of many says nothing about them;
// nor has what is beyond the bound.
func (m *metrics) budgetUsed(quota, limit, consumer string, ratio float64) {
	l, labels := m.limits, limitLabels{quota, limit, consumer}
	l.mu.RLock()
	g := l.budgets[labels]
	l.mu.RUnlock()
	if g != nil {
		g.Set(ratio)
		return
	}
	m.mu.Lock() // so that the consumer is not dropped meanwhile
	defer m.mu.Unlock()
	if within(m.consumers, consumer, m.limit) == otherName {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.budgets) >= maxLimitSeries {
		return
	}
	g = l.budget.WithLabelValues(labels[:]...)
	g.Set(ratio)
	l.budgets[labels] = g
}

// retainBudgets drops the gauges that nothing will set any more: a budget that is
// gone would stay at what it was last.
func (m *limitMetrics) retainBudgets(inForce func(quota, limit, consumer string) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for labels := range m.budgets {
		if !inForce(labels[0], labels[1], labels[2]) {
			delete(m.budgets, labels)
			m.budget.DeleteLabelValues(labels[:]...)
		}
	}
}

// retainBudgets drops the gauges of budgets and consumers that the config does not
// have.
func (a *App) retainBudgets() {
	type budget struct{ quota, limit string }
	budgets := make(map[budget]bool)
	for _, l := range a.levels("") {
		for i := range l.Rules {
			if l.By == byConsumer && l.Rules[i].Unit == limits.Cost {
				budgets[budget{l.Quota, l.Texts[i]}] = true
			}
		}
	}
	a.shared.metrics.limits.retainBudgets(func(quota, limit, consumer string) bool {
		return budgets[budget{quota, limit}] && a.table.Consumer(consumer) != nil
	})
}

// byConsumer is what limits that count each consumer count by.
const byConsumer = "consumer"

// LimitExceeded counts a request that exceeded a limit, and tells who subscribes.
func (a *App) LimitExceeded(e LimitEvent, outcome LimitOutcome) {
	a.shared.metrics.limits.exceededBy(e.Quota, e.Text, outcome).Inc()
	a.events.exceeded(&e, outcome)
}

// LimitsUnavailable counts a request whose limits could not be decided.
func (a *App) LimitsUnavailable(error) { a.shared.metrics.limits.unavailable.Inc() }

// BudgetUsed tells how much of a budget is used.
func (a *App) BudgetUsed(e LimitEvent) {
	// Somebody who is not known may be counted by address there.
	if e.By == byConsumer && e.Consumer != "" && e.Key.Subject == e.Consumer {
		a.shared.metrics.budgetUsed(e.Quota, e.Text, e.Consumer, float64(e.Used)/float64(e.Limit))
	}
	a.events.thresholds(&e)
}
