// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"slices"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"

	"github.com/caddy-gateway/tollgate/modules/internal/money"
	"github.com/caddy-gateway/tollgate/modules/limits"
)

// Events of the gateway, which Caddy's events app hands to those who subscribe.
const (
	// EventQuotaExceeded is emitted when a limit denies a request, or would if it
	// was neither soft nor in the shadow: once in ten seconds for each limit and
	// subject.
	EventQuotaExceeded = "quota_exceeded"
	// EventBudgetThreshold is emitted when 80 % and when 100 % of a budget is used:
	// once for each, until so much less is used that a new window must have begun,
	// rather than a reservation have been settled.
	EventBudgetThreshold = "budget_threshold"
)

// LimitOutcome is what became of a request that exceeded a limit.
type LimitOutcome string

// The outcomes.
const (
	LimitDenied LimitOutcome = "denied"
	LimitShadow LimitOutcome = "shadow"
	LimitPassed LimitOutcome = "passed"
)

// LimitEvent describes what has happened to a limit.
type LimitEvent struct {
	// Quota is the name of the quota or plan, By what it counts by, and Key what
	// it is counted under.
	Quota, By string
	Key       limits.Key
	// Veiled says that the subject of the key is a digest, which tells nobody
	// anything.
	Veiled bool
	// Unit, Window and Text are those of the limit.
	Unit         limits.Unit
	Window, Text string
	// Limit and Used in the unit.
	Limit, Used int64
	// Frees is how long until something is free.
	Frees time.Duration
	// Soft says that the limit lets pass.
	Soft bool
	// Consumer, Route and CorrelationID are those of the request.
	Consumer, Route, CorrelationID string
}

const (
	// eventEvery is how often an event about the same limit and subject is emitted.
	eventEvery = 10 * time.Second
	// maxEvents bounds the memory of what was emitted, and queuedEvents what waits
	// for those who subscribe. What is beyond is not emitted.
	maxEvents    = 10_000
	queuedEvents = 256
	// sweepEvery is how often what was emitted is searched for what can be forgotten,
	// where the bound is reached.
	sweepEvery = time.Second
)

// thresholds are percentages of a budget, and below which of them it is told again
// that they are reached.
var thresholds = [...]struct{ percent, again float64 }{{80, 60}, {100, 80}}

// limitEvents emits the events of one config, one after the other and away from
// requests: who subscribes may take his time.
type limitEvents struct {
	app   *caddyevents.App // nil: nobody can subscribe
	ctx   caddy.Context
	queue chan queuedEvent

	mu      sync.Mutex
	emitted map[eventKey]time.Time // of EventQuotaExceeded
	swept   time.Time
	told    map[eventKey][len(thresholds)]bool // which were reached
}

// eventKey stands for a limit and a subject. It has no room for what clients send.
type eventKey struct {
	key    [16]byte
	unit   limits.Unit
	window string
}

type queuedEvent struct {
	name string
	data map[string]any
}

// open finds out whether there is anybody to tell. The goroutine ends with the config.
func (l *limitEvents) open(ctx caddy.Context) {
	app, err := ctx.AppIfConfigured("events")
	if err != nil {
		return
	}
	l.ctx, l.app = ctx, app.(*caddyevents.App)
	l.queue = make(chan queuedEvent, queuedEvents)
	l.emitted, l.told = make(map[eventKey]time.Time), make(map[eventKey][len(thresholds)]bool)
	go func() {
		for {
			select {
			case e := <-l.queue:
				l.app.Emit(l.ctx, e.name, e.data)
			case <-ctx.Done():
				return
			}
		}
	}()
}

// exceeded emits EventQuotaExceeded.
func (l *limitEvents) exceeded(e *LimitEvent, outcome LimitOutcome) {
	if l.app == nil {
		return
	}
	now, key := time.Now(), e.id()
	l.mu.Lock()
	last, known := l.emitted[key]
	emit := now.Sub(last) >= eventEvery
	if emit && !known && len(l.emitted) >= maxEvents {
		l.sweep(now)
		emit = len(l.emitted) < maxEvents
	}
	if emit {
		l.emitted[key] = now
	}
	l.mu.Unlock()
	if emit {
		data := e.data()
		data["outcome"] = string(outcome)
		l.send(EventQuotaExceeded, data)
	}
}

// sweep forgets what no longer matters, unless it has just done so: under a flood of
// subjects nothing may.
func (l *limitEvents) sweep(now time.Time) {
	if now.Sub(l.swept) < sweepEvery {
		return
	}
	l.swept = now
	for k, at := range l.emitted {
		if now.Sub(at) >= eventEvery {
			delete(l.emitted, k)
		}
	}
}

// thresholds emits EventBudgetThreshold for those that are newly reached.
func (l *limitEvents) thresholds(e *LimitEvent) {
	if l.app == nil {
		return
	}
	percent := float64(e.Used) / float64(e.Limit) * 100
	key := e.id()
	var news [len(thresholds)]bool
	l.mu.Lock()
	told, known := l.told[key]
	for i, t := range thresholds {
		switch {
		case percent >= t.percent:
			news[i] = !told[i]
			told[i] = true
		case percent < t.again:
			told[i] = false
		}
	}
	switch {
	case !slices.Contains(told[:], true):
		delete(l.told, key)
	case known || len(l.told) < maxEvents:
		l.told[key] = told
	default:
		clear(news[:])
	}
	l.mu.Unlock()
	for i, t := range thresholds {
		if news[i] {
			data := e.data()
			data["percent"] = int(t.percent)
			l.send(EventBudgetThreshold, data)
		}
	}
}

func (l *limitEvents) send(name string, data map[string]any) {
	select {
	case l.queue <- queuedEvent{name, data}:
	default:
	}
}

func (e *LimitEvent) id() eventKey { return eventKey{e.Key.Hash(), e.Unit, e.Window} }

// data is what subscribers are told.
func (e *LimitEvent) data() map[string]any {
	data := map[string]any{
		"quota": e.Quota, "by": e.By, "unit": e.Unit.String(), "window": e.Window, "limit_text": e.Text,
		"limit": e.Limit, "used": e.Used, "soft": e.Soft,
		"consumer": e.Consumer, "route": e.Route, "correlation_id": e.CorrelationID,
	}
	if !e.Veiled {
		data["subject"] = e.Key.Subject
	}
	if e.Unit == limits.Cost {
		data["limit"], data["used"] = dollars(e.Limit), dollars(e.Used)
	}
	if e.Frees != limits.Never {
		data["frees_in_seconds"] = int64((e.Frees + time.Second - 1) / time.Second)
	}
	return data
}

// dollars writes billionths of a dollar as dollars.
func dollars(nanos int64) string {
	return money.Amount(min(nanos, int64(money.MaxAmount)/1000) * 1000).String()
}
