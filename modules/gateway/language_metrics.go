// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-gateway/tollgate/modules/internal/state"
	"github.com/caddy-gateway/tollgate/modules/languages"
)

// maxLanguages bounds the combinations of route, language and source that metrics tell
// apart. A gateway for all languages of India has some two hundred.
const maxLanguages = 2000

// languageKey is one combination.
type languageKey struct {
	route    string
	language languages.Code
	source   string
}

// languageSeries are the counters of combinations seen so far, resolved once.
type languageSeries struct {
	counters sync.Map // languageKey -> prometheus.Counter
	count    atomic.Int64
}

// speak counts the language of a request.
func (m *metrics) speak(rq *state.Request) {
	key := languageKey{rq.RouteName(), rq.Language.Code, rq.Language.Source}
	if c, ok := m.spoken.counters.Load(key); ok {
		c.(prometheus.Counter).Inc()
		return
	}
	if m.spoken.count.Add(1) > maxLanguages {
		m.spoken.count.Add(-1)
		key = languageKey{otherName, otherName, otherName}
	}
	c, known := m.spoken.counters.LoadOrStore(key, m.languages.WithLabelValues(key.route, string(key.language), key.source))
	if known && key.route != otherName {
		m.spoken.count.Add(-1)
	}
	c.(prometheus.Counter).Inc()
}
