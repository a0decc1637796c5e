// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"net/http"
	"slices"
	"time"
)

// Scope says who may be given what one request stored.
type Scope uint8

const (
	// Shared is one store for everybody, the shared cache of RFC 9111. Answers
	// to credentials are kept only where the origin gives leave.
	Shared Scope = iota
	// Partitioned is a store whose key already holds who asks, so that no
	// answer reaches another. Answers to credentials are kept; private ones
	// only with StorePrivate.
	Partitioned
	// Private is the private cache of RFC 9111: s-maxage and proxy-revalidate
	// are not addressed to it and private does not bind it.
	Private
)

// Cookies says what becomes of answers that set cookies.
type Cookies uint8

const (
	// RefuseCookies keeps no answer with Set-Cookie or Set-Cookie2.
	RefuseCookies Cookies = iota
	// StripCookies keeps the answer without these fields.
	StripCookies
	// KeepCookies keeps and repeats them, as RFC 9111 section 7.3 has it for
	// answers that are marked as storable. Only for origins whose cookies are
	// the same for everybody.
	KeepCookies
)

// Options is what a policy is made of. The zero value is a shared cache that
// does what answers say, keeps nothing without explicit freshness and serves
// nothing stale that the origin does not allow.
type Options struct {
	// Scope says who shares the store; default Shared.
	Scope Scope
	// StorePrivate keeps answers marked private in a Partitioned store.
	StorePrivate bool
	// StoreCredentialed keeps answers to credentials in a Shared store without
	// the origin's leave. Default false.
	StoreCredentialed bool
	// TTL is the freshness lifetime of answers that give none and whose status
	// RFC 9110 section 15.1 lets be cached by default; with Override of all.
	// It counts from when the answer came. Zero leaves it to HeuristicMax.
	TTL time.Duration
	// Override has TTL take the place of Cache-Control and Expires of answers,
	// no-store, no-cache and must-revalidate included. It neither lifts the
	// rules on private answers, credentials, cookies and Vary nor widens the
	// statuses. Without TTL it means nothing.
	Override bool
	// HeuristicMax bounds heuristic freshness, a tenth of the time since
	// Last-Modified (RFC 9111 section 4.2.2). Zero means none.
	HeuristicMax time.Duration
	// IgnoreRequest ignores Cache-Control and Pragma of requests.
	IgnoreRequest bool
	// StaleWhileRevalidate and StaleIfError are what holds for answers that do
	// not say. Zero: nothing is served stale by default.
	StaleWhileRevalidate, StaleIfError time.Duration
	// Methods that are looked up and stored; default GET and HEAD. A handler
	// that adds POST has a key that covers the body.
	Methods []string
	// Statuses that may be stored; default DefaultStatuses. 206, 304,
	// 412 and 416 are never stored.
	Statuses []int
	// AnyStatus allows all final statuses instead.
	AnyStatus bool
	// Cookies says what becomes of Set-Cookie; default RefuseCookies.
	Cookies Cookies
	// ContentLocationPOST stores the answer to a POST for later GETs when its
	// Content-Location is the target itself and its freshness is explicit
	// (RFC 9110 section 9.3.3).
	ContentLocationPOST bool
	// Targets are targeted fields (RFC 9213) in order of preference, such as
	// CDN-Cache-Control; the first that is present and says something replaces
	// Cache-Control and Expires.
	Targets []string
	// IgnoreLanguageOrder takes requests whose Accept-Language differ only in
	// the order of equally weighted languages as asking for the same.
	IgnoreLanguageOrder bool
}

// DefaultStatuses returns the statuses that are stored unless Options say
// otherwise: success and lasting statements about a resource, nothing that
// speaks of a moment or of one caller.
func DefaultStatuses() []int {
	return []int{
		http.StatusOK, http.StatusNonAuthoritativeInfo, http.StatusNoContent,
		http.StatusMultipleChoices, http.StatusMovedPermanently, http.StatusPermanentRedirect,
		http.StatusNotFound, http.StatusGone,
	}
}

// Policy is compiled Options.
type Policy struct {
	o        Options
	statuses [16]uint64 // one bit for each status below 1024
	get      bool
	head     bool
	others   []string // further methods
}

// New compiles o. The slices of o are copied.
func New(o Options) *Policy {
	p := &Policy{o: o}
	p.o.TTL = clamp(o.TTL)
	p.o.Override = o.Override && p.o.TTL > 0
	p.o.HeuristicMax = clamp(o.HeuristicMax)
	p.o.StaleWhileRevalidate = clamp(o.StaleWhileRevalidate)
	p.o.StaleIfError = clamp(o.StaleIfError)
	p.o.Targets = make([]string, len(o.Targets))
	for i, name := range o.Targets {
		p.o.Targets[i] = http.CanonicalHeaderKey(name)
	}
	statuses := o.Statuses
	switch {
	case o.AnyStatus:
		for status := 200; status < 1000; status++ {
			p.setStatus(status)
		}
	case len(statuses) == 0:
		statuses = DefaultStatuses()
		fallthrough
	default:
		for _, status := range statuses {
			p.setStatus(status)
		}
	}
	if len(o.Methods) == 0 {
		p.get, p.head = true, true
	}
	for _, method := range o.Methods {
		switch method {
		case http.MethodGet:
			p.get = true
		case http.MethodHead:
			p.head = true
		default:
			p.others = append(p.others, method)
		}
	}
	p.o.Methods, p.o.Statuses = nil, nil
	return p
}

func (p *Policy) setStatus(status int) {
	switch status {
	case http.StatusPartialContent, http.StatusNotModified,
		http.StatusPreconditionFailed, http.StatusRequestedRangeNotSatisfiable:
		// These answer what one request asked and say nothing to the next.
		return
	}
	if status >= 200 && status < 1000 {
		p.statuses[status>>6] |= 1 << (status & 63)
	}
}

func (p *Policy) statusAllowed(status int) bool {
	return status >= 0 && status < 1024 && p.statuses[status>>6]&(1<<(status&63)) != 0
}

func (p *Policy) methodAllowed(method string) bool {
	switch method {
	case http.MethodGet:
		return p.get
	case http.MethodHead:
		return p.head
	default:
		return slices.Contains(p.others, method)
	}
}
