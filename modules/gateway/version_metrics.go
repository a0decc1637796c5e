// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

const (
	// maxVersions bounds the combinations of route, version and source that metrics
	// tell apart.
	maxVersions = 1000
	// noVersion is the label of requests whose version is none of the configured ones.
	noVersion = "_unknown"
)

// versionKey is one combination.
type versionKey struct{ route, version, source string }

// versionSeries are the counters of combinations seen so far, resolved once.
type versionSeries struct {
	counters sync.Map // versionKey -> prometheus.Counter
	count    atomic.Int64
}

// countVersion counts the version of the API that a request asks for.
func (m *metrics) countVersion(rq *state.Request) {
	key := versionKey{rq.RouteName(), rq.APIVersion.Name, rq.APIVersion.Source}
	if key.version == "" {
		key.version = noVersion
	}
	if c, ok := m.asked.counters.Load(key); ok {
		c.(prometheus.Counter).Inc()
		return
	}
	if m.asked.count.Add(1) > maxVersions {
		m.asked.count.Add(-1)
		key = versionKey{otherName, otherName, otherName}
	}
	c, known := m.asked.counters.LoadOrStore(key, m.versions.WithLabelValues(key.route, key.version, key.source))
	if known && key.route != otherName {
		m.asked.count.Add(-1)
	}
	c.(prometheus.Counter).Inc()
}
