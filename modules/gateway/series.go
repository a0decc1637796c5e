// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// series holds the metrics of one combination of labels, resolved once, so
// that a request looks up one map entry instead of a dozen.
type series struct {
	key       seriesKey
	labels    [4]string
	duration  prometheus.Observer
	firstByte prometheus.Observer
	bytesIn   prometheus.Counter
	bytesOut  prometheus.Counter
	attempts  prometheus.Counter
	retries   prometheus.Counter
	cost      prometheus.Counter
	unpriced  prometheus.Counter
	codes     [len(codeNames)]atomic.Pointer[prometheus.Counter]
	classes   [usage.NumClasses]atomic.Pointer[prometheus.Counter]
	reasons   sync.Map // of the failures that were counted
	saved     atomic.Pointer[savedSeries]
}

// codeNames are the values of the label code.
var codeNames = [...]string{"aborted", "1xx", "2xx", "3xx", "4xx", "5xx"}

// of returns the series of a request.
func (m *metrics) of(rq *state.Request) *series {
	key := seriesKey{rq.ConsumerName(), rq.LLM.Provider, rq.LLM.Label, rq.RouteName()}
	if s, ok := rq.HostData.(*series); ok && s.key == key {
		return s
	}
	var s *series
	if found, ok := m.series.Load(key); ok {
		s = found.(*series)
	} else {
		s = m.create(key)
	}
	rq.HostData = s
	return s
}

func (m *metrics) create(key seriesKey) *series {
	m.mu.Lock()
	defer m.mu.Unlock()
	key.consumer = within(m.consumers, key.consumer, m.limit)
	key.model = within(m.models, key.model, maxModels)
	if _, ok := m.series.Load(key); !ok && m.count.Load() >= maxSeries {
		key = seriesKey{otherName, otherName, otherName, otherName}
	}
	if s, ok := m.series.Load(key); ok {
		return s.(*series)
	}
	l := [4]string{key.consumer, key.provider, key.model, key.route}
	s := &series{
		key:       key,
		labels:    l,
		duration:  m.duration.WithLabelValues(l[:]...),
		firstByte: m.firstByte.WithLabelValues(l[:]...),
		bytesIn:   m.bytesIn.WithLabelValues(l[:]...),
		bytesOut:  m.bytesOut.WithLabelValues(l[:]...),
		attempts:  m.attempts.WithLabelValues(l[:]...),
		retries:   m.retries.WithLabelValues(l[:]...),
		cost:      m.cost.WithLabelValues(l[:]...),
		unpriced:  m.unpriced.WithLabelValues(l[:]...),
	}
	m.series.Store(key, s)
	m.count.Add(1)
	return s
}

// within returns name if it is in the set or the set has room for it, and
// otherwise the name that stands for all others.
func within(set map[string]struct{}, name string, limit int) string {
	if name == "" || name == otherName {
		return name
	}
	if _, known := set[name]; !known {
		if len(set) >= limit {
			return otherName
		}
		set[name] = struct{}{}
	}
	return name
}

// with returns the labels of s and one more.
func (s *series) with(label string) []string {
	return append(s.labels[:len(s.labels):len(s.labels)], label)
}

// drop removes what s counted from the metrics, label by label: searching all
// metrics for a consumer would take a reload that removes many of them minutes.
func (m *metrics) drop(s *series) {
	l := s.labels[:]
	m.duration.DeleteLabelValues(l...)
	m.firstByte.DeleteLabelValues(l...)
	for _, v := range []*prometheus.CounterVec{m.bytesIn, m.bytesOut, m.attempts, m.retries, m.cost, m.unpriced} {
		v.DeleteLabelValues(l...)
	}
	for _, name := range codeNames {
		m.requests.DeleteLabelValues(s.with(name)...)
	}
	for c := range usage.Class(usage.NumClasses) {
		m.tokens.DeleteLabelValues(s.with(c.String())...)
	}
	m.dropSaved(s)
	s.reasons.Range(func(reason, _ any) bool {
		labels := s.with(reason.(string))
		m.errs.DeleteLabelValues(labels...)
		m.denials.DeleteLabelValues(labels...)
		return true
	})
}

// lazily resolves a counter with one more label on its first use.
func (s *series) lazily(p *atomic.Pointer[prometheus.Counter], v *prometheus.CounterVec, label string) prometheus.Counter {
	if c := p.Load(); c != nil {
		return *c
	}
	c := v.WithLabelValues(s.with(label)...)
	p.Store(&c)
	return c
}

// settled counts what the account of a model call says. It runs at the same
// moment as the ledger's record, so that both tell the same story.
func (m *metrics) settled(rq *state.Request) {
	l := &rq.LLM
	if !l.Metered {
		return
	}
	s := m.of(rq)
	for c, n := range l.Report.Counts {
		if n > 0 {
			s.lazily(&s.classes[c], m.tokens, usage.Class(c).String()).Add(float64(n))
		}
	}
	switch {
	case !l.PriceKnown:
		s.unpriced.Inc()
	case l.Cost > 0:
		s.cost.Add(l.Cost.Float64())
	}
}

// observe counts a request that is over.
func (m *metrics) observe(rq *state.Request, o state.Outcome) {
	s := m.of(rq)
	code := 0
	if o.Status >= 100 && o.Status < 600 {
		code = o.Status / 100
	}
	s.lazily(&s.codes[code], m.requests, codeNames[code]).Inc()
	s.duration.Observe(o.Duration.Seconds())
	if o.FirstByte > 0 {
		s.firstByte.Observe(o.FirstByte.Seconds())
	}
	if o.BytesIn > 0 {
		s.bytesIn.Add(float64(o.BytesIn))
	}
	if o.BytesOut > 0 {
		s.bytesOut.Add(float64(o.BytesOut))
	}
	if o.Attempts > 0 {
		s.attempts.Add(float64(o.Attempts))
		if o.Attempts > 1 {
			s.retries.Add(float64(o.Attempts - 1))
		}
	}
	if reason, denied := failureReason(rq, o); reason != "" {
		v := m.errs
		if denied {
			v = m.denials
		}
		v.WithLabelValues(s.with(reason)...).Inc()
		s.reasons.LoadOrStore(reason, nil)
	}
}

// failureReason is why a request failed, from a closed set: the codes of our
// own denials, and the ways in which an upstream or a connection fails.
func failureReason(rq *state.Request, o state.Outcome) (reason string, denied bool) {
	switch {
	case rq.Failure.Code != "":
		return rq.Failure.Code, rq.Failure.Denied
	case rq.LLM.Truncated:
		return "truncated", false
	case o.Aborted:
		return "aborted", false
	case o.Status >= http.StatusInternalServerError:
		return "upstream_5xx", false
	case o.Status == http.StatusTooManyRequests:
		return "upstream_429", false
	case rq.LLM.Report.Failed:
		return "provider_error", false
	}
	return "", false
}
