// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"net/http"
	"time"
)

// Action is what to do for a request.
type Action uint8

const (
	// Fetch asks the origin as if there were no cache.
	Fetch Action = iota
	// Serve answers from the store.
	Serve
	// ServeStale answers from the store and validates what is stored without
	// having the client wait.
	ServeStale
	// Revalidate asks the origin with [Meta.SetConditions] and serves what is
	// stored after a 304. If the stored answer has no validator, Fetch is
	// decided instead.
	Revalidate
	// Timeout answers 504 without asking the origin (only-if-cached).
	Timeout
)

// Decision is an action with its grounds, for headers, logs and metrics.
type Decision struct {
	Action Action
	Reason Reason
	// Forward is the fwd parameter of Cache-Status; ForwardNone for a hit.
	Forward Forward
	// Age and TTL are those of the stored answer, if there is one; TTL is
	// negative when it is stale.
	Age, TTL time.Duration
}

// Decide says what to do for a request when m is stored, nil if nothing is. The
// caller has matched the key and Vary already. It does not allocate.
func (p *Policy) Decide(rq *Request, m *Meta, now time.Time) Decision {
	if rq.bypass != ReasonNone {
		d := Decision{Action: Fetch, Reason: rq.bypass, Forward: ForwardRequest}
		if rq.bypass == ReasonMethod {
			d.Forward = ForwardMethod
		}
		return rq.withoutOrigin(d)
	}
	if m == nil {
		return rq.withoutOrigin(Decision{Action: Fetch, Reason: ReasonMiss, Forward: ForwardURIMiss})
	}
	d := Decision{Age: m.Age(now)}
	d.TTL = m.Lifetime - d.Age
	d.Action, d.Reason, d.Forward = rq.judge(m, d.Age, d.TTL)
	if d.Action == Revalidate && !m.Validatable() {
		d.Action = Fetch
	}
	return rq.withoutOrigin(d)
}

// judge decides as if every answer could be validated.
func (rq *Request) judge(m *Meta, age, ttl time.Duration) (Action, Reason, Forward) {
	switch {
	case rq.noCache:
		return Revalidate, ReasonRequestNoCache, ForwardRequest
	case m.Has(FlagNoCache):
		return Revalidate, ReasonNoCache, ForwardStale
	case rq.maxAge.set && age > rq.maxAge.d:
		return Revalidate, ReasonRequestMaxAge, ForwardRequest
	case ttl > 0 && rq.minFresh.set && ttl < rq.minFresh.d:
		return Revalidate, ReasonRequestMinFresh, ForwardRequest
	case ttl > 0:
		return Serve, ReasonNone, ForwardNone
	case m.Has(FlagMustRevalidate):
		return Revalidate, ReasonMustRevalidate, ForwardStale
	case rq.minFresh.set:
		return Revalidate, ReasonStale, ForwardStale
	case m.WhileRevalidate > 0 && -ttl <= m.WhileRevalidate:
		return ServeStale, ReasonWhileRevalidating, ForwardNone
	case rq.acceptsStale(-ttl):
		return Serve, ReasonRequestMaxStale, ForwardNone
	default:
		return Revalidate, ReasonStale, ForwardStale
	}
}

// withoutOrigin turns a decision to ask the origin into a 504 where the client
// forbids asking.
func (rq *Request) withoutOrigin(d Decision) Decision {
	if rq.onlyIfCached && (d.Action == Fetch || d.Action == Revalidate) {
		d.Action, d.Reason, d.Forward = Timeout, ReasonOnlyIfCached, ForwardNone
	}
	return d
}

// OnError says whether the stored answer is served instead of an error of the
// origin (RFC 5861 section 4): status is what the origin answered, zero if it
// did not. The action is Serve or, if the error is to be passed on, Fetch.
func (p *Policy) OnError(rq *Request, m *Meta, now time.Time, status int) Decision {
	switch status {
	case 0, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
	default:
		return Decision{Action: Fetch, Reason: ReasonStale, Forward: ForwardStale}
	}
	if m == nil || rq.bypass != ReasonNone {
		return p.Decide(rq, m, now)
	}
	d := Decision{Age: m.Age(now)}
	d.TTL = m.Lifetime - d.Age
	allowed := m.IfError
	if rq.ifError.set {
		allowed = max(allowed, rq.ifError.d)
	}
	switch {
	case m.Has(FlagNoCache):
		d.Reason = ReasonNoCache
	case rq.noCache:
		d.Reason = ReasonRequestNoCache
	case d.TTL <= 0 && m.Has(FlagMustRevalidate):
		d.Reason = ReasonMustRevalidate
	case d.TTL > 0 || -d.TTL <= allowed && allowed > 0:
		d.Action, d.Reason = Serve, ReasonOnError
		return d
	default:
		d.Reason = ReasonStale
	}
	d.Forward = ForwardStale
	return d
}
