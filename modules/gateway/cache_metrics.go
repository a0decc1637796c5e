// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"maps"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

const (
	// maxCacheSeries bounds the combinations of labels of cache_requests_total.
	maxCacheSeries = 5000
	// maxCacheNames bounds the caches that cache_saved_usd_total tells apart.
	maxCacheNames = 100
)

// cacheMetrics count what caches do, and show the open caches of the process. The label
// cache is the name; where two of one name are open for a while, because a reload has
// changed where the responses are, they are added up. Label values are names of the config and closed
// sets; never what a client sends.
type cacheMetrics struct {
	requests *prometheus.CounterVec
	saved    *prometheus.CounterVec

	bytes, entries, evictions *prometheus.Desc

	mu       sync.RWMutex
	counters map[cacheLabels]prometheus.Counter // of requests
	names    map[string]struct{}                // in saved
	open     []*openCache
	past     map[string]uint64 // what closed ones have evicted
}

type cacheLabels struct {
	cache, route string
	status       state.CacheStatus
	reason       string
}

func newCacheMetrics() *cacheMetrics {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName("caddy", "gateway", name), help, []string{"cache"}, nil)
	}
	return &cacheMetrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "caddy", Subsystem: "gateway", Name: "cache_requests_total",
			Help: "Requests by what a response cache did with them, and why.",
		}, []string{"cache", "route", "status", "reason"}),
		saved: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "caddy", Subsystem: "gateway", Name: "cache_saved_usd_total",
			Help: "What the model calls have cost whose answers were given again, in US dollars.",
		}, append(slices.Clone(seriesLabels), "cache")),
		bytes:     desc("cache_bytes", "Bytes that stored responses take, with everything about them."),
		entries:   desc("cache_entries", "Stored responses."),
		evictions: desc("cache_evictions_total", "Stored responses that had to make room for others."),
		counters:  make(map[cacheLabels]prometheus.Counter),
		names:     make(map[string]struct{}),
		past:      make(map[string]uint64),
	}
}

func (m *cacheMetrics) add(o *openCache) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open = append(m.open, o)
	if _, known := m.past[o.name()]; !known && o.store.Stats().Entries >= 0 {
		m.past[o.name()] = 0
	}
}

// remove drops a cache that is about to be closed, but not what it has counted.
func (m *cacheMetrics) remove(o *openCache) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open = slices.DeleteFunc(m.open, func(other *openCache) bool { return other == o })
	if evicted := o.store.Stats().Evicted; evicted > 0 {
		m.past[o.name()] += evicted
	}
}

// others lists what is open under the name of a cache and is not that cache.
func (m *cacheMetrics) others(c *Cache) []*openCache {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var list []*openCache
	for _, o := range m.open {
		if o.name() == c.Name() && o != c.open.Load() {
			list = append(list, o)
		}
	}
	return list
}

// requestsWith returns the counter of some labels, or that of all others.
func (m *cacheMetrics) requestsWith(labels cacheLabels) prometheus.Counter {
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
	if len(m.counters) >= maxCacheSeries {
		return m.requests.WithLabelValues(otherName, otherName, otherName, otherName)
	}
	c = m.requests.WithLabelValues(labels.cache, labels.route, string(labels.status), labels.reason)
	m.counters[labels] = c
	return c
}

// savedSeries is what a cache has saved in one series. A series has few of them.
type savedSeries struct {
	cache   string
	counter prometheus.Counter
	next    *savedSeries
}

// savedBy returns the counter of a cache in a series. It is resolved once.
func (m *metrics) savedBy(s *series, cache string) prometheus.Counter {
	find := func() prometheus.Counter {
		for c := s.saved.Load(); c != nil; c = c.next {
			if c.cache == cache {
				return c.counter
			}
		}
		return nil
	}
	if c := find(); c != nil {
		return c
	}
	l := m.caches
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := find(); c != nil {
		return c
	}
	label := within(l.names, cache, maxCacheNames)
	c := l.saved.WithLabelValues(s.with(label)...)
	if label == cache {
		s.saved.Store(&savedSeries{cache, c, s.saved.Load()})
	}
	return c
}

// dropSaved removes what caches have saved in a series.
func (m *metrics) dropSaved(s *series) {
	for c := s.saved.Load(); c != nil; c = c.next {
		m.caches.saved.DeleteLabelValues(s.with(c.cache)...)
	}
	m.caches.saved.DeleteLabelValues(s.with(otherName)...)
}

// cached counts what a cache did with a request.
func (m *metrics) cached(rq *state.Request) {
	c := &rq.Cache
	m.caches.requestsWith(cacheLabels{c.Name, rq.RouteName(), c.Status, c.Reason}).Inc()
	if c.SavedKnown && c.Saved > 0 {
		m.savedBy(m.of(rq), c.Name).Add(c.Saved.Float64())
	}
}

// CountCache counts what a cache did with a request that is over, and does nothing where
// none has seen it. Observe calls it.
func (a *App) CountCache(rq *state.Request) {
	if rq.Cache.Status == "" {
		return
	}
	a.shared.metrics.cached(rq)
	if c := a.caches.named[rq.Cache.Name]; c != nil {
		if o := c.open.Load(); o != nil {
			o.tally.count(&rq.Cache)
		}
	}
}

// Describe implements prometheus.Collector.
func (m *cacheMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.bytes, m.entries, m.evictions} {
		ch <- d
	}
	m.requests.Describe(ch)
	m.saved.Describe(ch)
}

// Collect implements prometheus.Collector. What is not known is left out.
func (m *cacheMetrics) Collect(ch chan<- prometheus.Metric) {
	type sums struct{ bytes, entries int64 }
	m.mu.RLock()
	open, evicted := slices.Clone(m.open), maps.Clone(m.past)
	m.mu.RUnlock()
	now := make(map[string]sums)
	for _, o := range open {
		s := o.store.Stats()
		if s.Entries < 0 || s.Bytes < 0 {
			continue
		}
		sum := now[o.name()]
		now[o.name()] = sums{sum.bytes + s.Bytes, sum.entries + s.Entries}
		evicted[o.name()] += s.Evicted
	}
	for name, s := range now {
		ch <- prometheus.MustNewConstMetric(m.bytes, prometheus.GaugeValue, float64(s.bytes), name)
		ch <- prometheus.MustNewConstMetric(m.entries, prometheus.GaugeValue, float64(s.entries), name)
	}
	for name, n := range evicted {
		ch <- prometheus.MustNewConstMetric(m.evictions, prometheus.CounterValue, float64(n), name)
	}
	m.requests.Collect(ch)
	m.saved.Collect(ch)
}

// Interface guards
var _ prometheus.Collector = (*cacheMetrics)(nil)
