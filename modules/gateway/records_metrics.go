// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import "github.com/prometheus/client_golang/prometheus"

// recordMetrics count what is asked of records, and show those that are open. Labels are
// names of modules and closed sets.
type recordMetrics struct {
	stores     *storeMetrics
	operations *prometheus.CounterVec

	records, bytes *prometheus.Desc
}

func newRecordMetrics(stores *storeMetrics) *recordMetrics {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName("caddy", "gateway", name), help, []string{"store"}, nil)
	}
	return &recordMetrics{
		stores: stores,
		operations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "caddy", Subsystem: "gateway", Name: "record_operations_total",
			Help: "Operations on small records, such as tickets and revocations, by how they ended.",
		}, []string{"operation", "result"}),
		records: desc("records", "Small records in the memory of the gateway."),
		bytes:   desc("record_bytes", "Bytes of memory that small records take up."),
	}
}

// Describe implements prometheus.Collector.
func (m *recordMetrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- m.records
	ch <- m.bytes
	m.operations.Describe(ch)
}

// Collect implements prometheus.Collector.
func (m *recordMetrics) Collect(ch chan<- prometheus.Metric) {
	sums := make(map[string]RecordStats)
	for _, s := range m.stores.opened() {
		open := s.records.Load()
		if open == nil {
			continue
		}
		if one := (*open).Stats(); one.Records >= 0 {
			sum := sums[s.name]
			sum.Records += one.Records
			sum.Bytes += one.Bytes
			sums[s.name] = sum
		}
	}
	for name, sum := range sums {
		ch <- prometheus.MustNewConstMetric(m.records, prometheus.GaugeValue, float64(sum.Records), name)
		ch <- prometheus.MustNewConstMetric(m.bytes, prometheus.GaugeValue, float64(sum.Bytes), name)
	}
	m.operations.Collect(ch)
}

// Interface guards
var _ prometheus.Collector = (*recordMetrics)(nil)
