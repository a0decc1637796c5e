// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"net/http"
	"time"
)

// Request is what a request says about caching, read once by [Policy.Request].
// It is a small value.
type Request struct {
	bypass       Reason // why nothing stored may be looked at
	noCache      bool
	onlyIfCached bool
	noStore      bool
	anyStale     bool // max-stale without a number
	maxAge       limit
	minFresh     limit
	maxStale     limit
	ifError      limit
}

// Request reads the method and the header fields of a request. Fields that the
// policy ignores are not read. It does not allocate.
func (p *Policy) Request(method string, h http.Header) Request {
	var rq Request
	if !p.o.IgnoreRequest {
		rq.readControl(h)
	}
	switch {
	case !p.methodAllowed(method):
		rq.bypass = ReasonMethod
	case rq.noStore:
		rq.bypass = ReasonRequestNoStore
	case len(h["If-Match"]) > 0 || len(h["If-Unmodified-Since"]) > 0:
		rq.bypass = ReasonPrecondition
	}
	return rq
}

// Bypass returns why the cache is not asked for this request at all, ReasonNone
// if it is.
func (rq *Request) Bypass() Reason { return rq.bypass }

// NoCache reports whether the client wants no answer that was asked for before,
// unless the origin says that it is still good.
func (rq *Request) NoCache() bool { return rq.noCache }

func (rq *Request) readControl(h http.Header) {
	lines := h["Cache-Control"]
	if len(lines) == 0 {
		// RFC 9111 section 5.4: Pragma counts where Cache-Control is absent.
		for _, line := range h["Pragma"] {
			s := scanner{rest: line}
			for d, ok := s.next(); ok; d, ok = s.next() {
				rq.noCache = rq.noCache || d.is("no-cache")
			}
		}
		return
	}
	for _, line := range lines {
		s := scanner{rest: line}
		for d, ok := s.next(); ok; d, ok = s.next() {
			rq.take(&d)
		}
	}
}

func (rq *Request) take(d *directive) {
	switch {
	case d.is("no-cache"):
		rq.noCache = true
	case d.is("no-store"):
		rq.noStore = true
	case d.is("only-if-cached"):
		rq.onlyIfCached = true
	case d.is("max-age"):
		rq.maxAge.narrow(d)
	case d.is("min-fresh"):
		// The largest demand counts; one that is no number is ignored.
		if v, ok := d.seconds(); ok && v >= rq.minFresh.d {
			rq.minFresh = limit{set: true, d: v}
		}
	case d.is("max-stale"):
		if !d.hasValue {
			rq.anyStale = true
		} else {
			rq.maxStale.narrow(d)
		}
	case d.is("stale-if-error"):
		rq.ifError.narrow(d)
	}
}

// acceptsStale reports whether max-stale covers an answer that is stale for
// past. A number given besides a bare max-stale bounds it.
func (rq *Request) acceptsStale(past time.Duration) bool {
	if rq.maxStale.set {
		return past <= rq.maxStale.d
	}
	return rq.anyStale
}
