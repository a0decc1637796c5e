// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"maps"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// storeMetrics shows the open stores of the process. The label store is the name of
// the module; where two of one name are open for a while, because a reload has changed
// options, they are added up.
type storeMetrics struct {
	degraded *prometheus.CounterVec

	up, entries, bytes, evicted, overflowed *prometheus.Desc

	mu   sync.Mutex
	open []*openStore
	past map[string]StoreStats // what closed ones have counted
}

func newStoreMetrics() *storeMetrics {
	labels := []string{"store"}
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName("caddy", "gateway", name), help, labels, nil)
	}
	return &storeMetrics{
		degraded: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "caddy", Subsystem: "gateway", Name: "store_degraded_decisions_total",
			Help: "Decisions about limits that were made without the shared store.",
		}, labels),
		up:         desc("store_up", "1 while the store of limits is as exact and durable as it promises, else 0."),
		entries:    desc("limit_entries", "Counters in memory."),
		bytes:      desc("limit_bytes", "Bytes of memory that counters take up."),
		evicted:    desc("limit_evicted_total", "Counters that were forgotten because there was no room."),
		overflowed: desc("limit_overflowed_total", "Decisions whose counters found no room."),
		past:       make(map[string]StoreStats),
	}
}

func (m *storeMetrics) add(s *openStore) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open = append(m.open, s)
}

// remove drops a store that has been closed, but not what it has counted.
func (m *storeMetrics) remove(s *openStore) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open = slices.DeleteFunc(m.open, func(o *openStore) bool { return o == s })
	if stats, ok := s.statistics(); ok {
		past := m.past[s.name]
		past.Evicted += stats.Evicted
		past.Overflowed += stats.Overflowed
		m.past[s.name] = past
	}
}

// opened lists the open stores.
func (m *storeMetrics) opened() []*openStore {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.open)
}

func (s *openStore) statistics() (StoreStats, bool) {
	if c, ok := s.OpenStore.(StoreStatistics); ok {
		return c.Statistics(), true
	}
	return StoreStats{}, false
}

// Describe implements prometheus.Collector.
func (m *storeMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.up, m.entries, m.bytes, m.evicted, m.overflowed} {
		ch <- d
	}
	m.degraded.Describe(ch)
}

// Collect implements prometheus.Collector.
func (m *storeMetrics) Collect(ch chan<- prometheus.Metric) {
	open := m.opened()
	m.mu.Lock()
	stats := maps.Clone(m.past)
	m.mu.Unlock()
	up := make(map[string]float64)
	for _, s := range open {
		if _, seen := up[s.name]; !seen {
			up[s.name] = 1
		}
		if s.Err() != nil {
			up[s.name] = 0
		}
		if one, ok := s.statistics(); ok {
			sum := stats[s.name]
			sum.Entries += one.Entries
			sum.Bytes += one.Bytes
			sum.Evicted += one.Evicted
			sum.Overflowed += one.Overflowed
			stats[s.name] = sum
		}
	}
	gauge := func(d *prometheus.Desc, t prometheus.ValueType, v float64, name string) {
		ch <- prometheus.MustNewConstMetric(d, t, v, name)
	}
	for name, v := range up {
		gauge(m.up, prometheus.GaugeValue, v, name)
	}
	for name, s := range stats {
		gauge(m.entries, prometheus.GaugeValue, float64(s.Entries), name)
		gauge(m.bytes, prometheus.GaugeValue, float64(s.Bytes), name)
		gauge(m.evicted, prometheus.CounterValue, float64(s.Evicted), name)
		gauge(m.overflowed, prometheus.CounterValue, float64(s.Overflowed), name)
	}
	m.degraded.Collect(ch)
}

// Interface guards
var _ prometheus.Collector = (*storeMetrics)(nil)
