// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

const (
	defaultMetricsConsumers = 1000
	mostMetricsConsumers    = 1_000_000
	// maxModels bounds the model names that get a label value of their own.
	maxModels = 1000
	// maxSeries bounds the combinations of consumer, provider, model and
	// route that metrics tell apart. Beyond it all labels become "_other".
	maxSeries = 5000
	otherName = "_other"
)

// seriesLabels identify a caller's use of a model on a route. An empty value
// means "does not apply", which Prometheus treats as an absent label.
var seriesLabels = []string{"consumer", "provider", "model", "route"}

// metrics are the process's metrics, registered anew in the registry of each
// config, so that values survive reloads. Label values come from the config or
// from closed sets, never from what a client sends:
//
//   - consumer: names in the config, at most MetricsConsumers of them;
//   - provider, route: names in the config;
//   - model: names in the price book, and names that a successful answer of the
//     upstream has confirmed, at most maxModels together; else "_other";
//   - code, class, reason, source, status: closed sets;
//   - cache: names in the config, of cache_saved_usd_total at most maxCacheNames; with
//     route, status and reason at most maxCacheSeries; else "_other";
//   - language: codes without what a client can add to them, at most maxLanguages with
//     their routes and sources; else "_other";
//   - version: names in the config, of which maxVersions with their routes and sources;
//     else "_other".
//
// All combinations of the other labels together are bounded by maxSeries.
type metrics struct {
	requests   *prometheus.CounterVec
	duration   *prometheus.HistogramVec
	firstByte  *prometheus.HistogramVec
	bytesIn    *prometheus.CounterVec
	bytesOut   *prometheus.CounterVec
	attempts   *prometheus.CounterVec
	retries    *prometheus.CounterVec
	tokens     *prometheus.CounterVec
	cost       *prometheus.CounterVec
	unpriced   *prometheus.CounterVec
	errs       *prometheus.CounterVec
	denials    *prometheus.CounterVec
	languages  *prometheus.CounterVec
	transforms *prometheus.CounterVec
	versions   *prometheus.CounterVec

	oauth          *prometheus.CounterVec
	introspections *prometheus.CounterVec

	buffered prometheus.GaugeFunc
	durable  prometheus.GaugeFunc
	stores   *storeMetrics
	limits   *limitMetrics
	caches   *cacheMetrics
	records  *recordMetrics

	spoken languageSeries
	asked  versionSeries

	series sync.Map // seriesKey -> *series
	count  atomic.Int64

	mu        sync.Mutex
	consumers map[string]struct{}
	models    map[string]struct{}
	limit     int
}

type seriesKey struct{ consumer, provider, model, route string }

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "caddy", Subsystem: "gateway", Name: name, Help: help,
		}, append(append([]string{}, seriesLabels...), labels...))
	}
	histogram := func(name, help string, buckets []float64) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "caddy", Subsystem: "gateway", Name: name, Help: help, Buckets: buckets,
		}, seriesLabels)
	}
	seconds := []float64{.005, .025, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120}
	stores := newStoreMetrics()
	return &metrics{
		requests:  counter("requests_total", "Requests by class of status code; aborted where none was sent.", "code"),
		duration:  histogram("request_duration_seconds", "Time from the request to the end of the answer.", seconds),
		firstByte: histogram("time_to_first_byte_seconds", "Time from the request to the header of the answer.", seconds),
		bytesIn:   counter("request_bytes_total", "Bytes of request bodies."),
		bytesOut:  counter("response_bytes_total", "Bytes of response bodies sent."),
		attempts:  counter("upstream_attempts_total", "Attempts to reach an upstream."),
		retries:   counter("upstream_retries_total", "Attempts after the first of a request."),
		tokens:    counter("tokens_total", "Tokens by class, and calls of web search, as reported by the provider.", "class"),
		cost:      counter("cost_usd_total", "Cost of model calls in US dollars, as far as prices are known."),
		unpriced:  counter("unpriced_calls_total", "Model calls whose cost is unknown."),
		errs:      counter("errors_total", "Requests that failed in the upstream, the connection or the gateway.", "reason"),
		denials:   counter("denials_total", "Requests that the gateway refused.", "reason"),
		buffered: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "caddy", Subsystem: "gateway", Name: "buffered_request_bytes",
			Help: "Bytes of memory that request bodies and held answers occupy.",
		}, func() float64 { return float64(state.Buffered()) }),
		durable: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "caddy", Subsystem: "gateway", Name: "ledger_durable",
			Help: "1 while every settled request is as durable as the ledger promises, else 0.",
		}, ledgerDurable),
		transforms: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "caddy", Subsystem: "gateway", Name: "transforms_total",
			Help: "Bodies that request_transform and response_transform were to edit, by what became of them.",
		}, []string{"route", "direction", "outcome"}),
		languages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "caddy", Subsystem: "gateway", Name: "language_requests_total",
			Help: "Requests by language and by what decided on it.",
		}, []string{"route", "language", "source"}),
		versions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "caddy", Subsystem: "gateway", Name: "api_version_requests_total",
			Help: "Requests by the version of the API that they ask for and by what decided on it.",
		}, []string{"route", "version", "source"}),
		oauth: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "caddy", Subsystem: "gateway", Name: "oauth2_requests_total",
			Help: "Requests to the authorization server by endpoint and result.",
		}, []string{"endpoint", "result"}),
		introspections: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "caddy", Subsystem: "gateway", Name: "oauth2_introspections_total",
			Help: "Tokens that another authorization server decides on, by where the answer came from.",
		}, []string{"result"}),
		stores:    stores,
		records:   newRecordMetrics(stores),
		limits:    newLimitMetrics(),
		caches:    newCacheMetrics(),
		consumers: make(map[string]struct{}),
		models:    make(map[string]struct{}),
		limit:     defaultMetricsConsumers,
	}
}

func (m *metrics) vectors() []*prometheus.CounterVec {
	return []*prometheus.CounterVec{
		m.requests, m.bytesIn, m.bytesOut, m.attempts, m.retries,
		m.tokens, m.cost, m.unpriced, m.errs, m.denials, m.languages, m.transforms, m.versions,
		m.oauth, m.introspections,
	}
}

// register adds the metrics to the registry of a config.
func (m *metrics) register(reg *prometheus.Registry) error {
	vectors := m.vectors()
	collectors := make([]prometheus.Collector, 0, len(vectors)+8)
	collectors = append(collectors, m.duration, m.firstByte, m.buffered, m.durable, m.stores, m.caches, m.records)
	collectors = append(collectors, m.limits.collectors()...)
	for _, v := range vectors {
		collectors = append(collectors, v)
	}
	for _, c := range collectors {
		err := reg.Register(c)
		if _, again := errors.AsType[prometheus.AlreadyRegisteredError](err); err != nil && !again {
			return fmt.Errorf("register metrics: %w", err)
		}
	}
	return nil
}

// limitConsumers sets how many consumers get a label value of their own.
func (m *metrics) limitConsumers(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.limit = n
}

// retainConsumers drops the series of consumers that no longer exist, so that
// a long-lived process with changing consumers does not fill its bound.
func (m *metrics) retainConsumers(exists func(string) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	gone := make(map[string]bool)
	for name := range m.consumers {
		if !exists(name) {
			gone[name] = true
			delete(m.consumers, name)
		}
	}
	if len(gone) == 0 {
		return
	}
	m.limits.retainBudgets(func(_, _, consumer string) bool { return !gone[consumer] })
	m.series.Range(func(key, value any) bool {
		if gone[key.(seriesKey).consumer] {
			m.series.Delete(key)
			m.count.Add(-1)
			m.drop(value.(*series))
		}
		return true
	})
}
