// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"net/http"
	"net/url"
	"time"
)

// Exchange is a request and the final answer of the origin to it, as far as a
// cache judges them.
type Exchange struct {
	// Request is what [Policy.Request] read from the client's request.
	Request *Request
	// Method and URL are those of the client's request; the URL is absolute.
	Method string
	URL    *url.URL
	// Credentialed says that the request carried a credential of any kind,
	// also one that has been taken off it since. Authorization in
	// RequestHeader counts besides.
	Credentialed  bool
	RequestHeader http.Header
	// Status and Header are those of the answer.
	Status int
	Header http.Header
	// Requested and Responded are when the request was sent to the origin and
	// when the header of the answer was there.
	Requested, Responded time.Time
}

// Store says whether the answer may be stored and, if the reason is ReasonNone,
// what to keep of it besides [Policy.StoredHeader]. That the body came whole is
// for the caller to see to. If FlagAsGET is set, the answer is stored under the
// key of a GET.
func (p *Policy) Store(x *Exchange) (Meta, Reason) {
	c, targeted := p.control(x.Header)
	var flags Flags
	switch {
	case x.Request != nil && x.Request.noStore:
		return Meta{}, ReasonRequestNoStore
	case x.Method != http.MethodHead && p.methodAllowed(x.Method):
	case p.asGET(x):
		flags = FlagAsGET
	default:
		return Meta{}, ReasonMethod
	}
	if reason := p.statusReason(x.Status, &c); reason != ReasonNone {
		return Meta{}, reason
	}
	if reason := p.sharingReason(x, &c); reason != ReasonNone {
		return Meta{}, reason
	}
	if _, ok := VaryNames(x.Header); !ok {
		return Meta{}, ReasonVary
	}
	m := p.measure(x, &c, targeted)
	m.Flags |= flags
	if flags&FlagAsGET != 0 && m.Has(FlagHeuristic) {
		return Meta{}, ReasonNoFreshness
	}
	return m, p.usable(x, &m, &c)
}

// asGET reports whether the answer to a POST stands for the target itself.
func (p *Policy) asGET(x *Exchange) bool {
	if !p.o.ContentLocationPOST || x.Method != http.MethodPost || !p.get || x.URL == nil {
		return false
	}
	where, present, ok := single(x.Header["Content-Location"])
	if !present || !ok {
		return false
	}
	u, err := x.URL.Parse(where)
	return err == nil && sameResource(u, x.URL)
}

// statusReason judges the status and what binds every cache.
func (p *Policy) statusReason(status int, c *control) Reason {
	switch {
	case status == http.StatusPartialContent:
		return ReasonPartial
	case !p.statusAllowed(status):
		return ReasonStatus
	case p.o.Override:
		return ReasonNone
	case c.mustUnderstand:
		// RFC 9111 section 5.2.2.3: what is understood may be stored, no-store
		// notwithstanding, which is there for caches that know neither.
		if !understood(status) {
			return ReasonStatus
		}
	case c.noStore:
		return ReasonNoStore
	}
	return ReasonNone
}

// sharingReason judges who else might be given the answer.
func (p *Policy) sharingReason(x *Exchange, c *control) Reason {
	if c.private && (p.o.Scope == Shared || p.o.Scope == Partitioned && !p.o.StorePrivate) {
		return ReasonPrivate
	}
	if p.o.Scope == Shared && !p.o.StoreCredentialed &&
		(x.Credentialed || len(x.RequestHeader["Authorization"]) > 0) &&
		!c.public && !c.sMaxAge.set && !c.mustRevalidate {
		return ReasonCredentials
	}
	if p.o.Cookies == RefuseCookies && (len(x.Header["Set-Cookie"]) > 0 || len(x.Header["Set-Cookie2"]) > 0) {
		return ReasonSetCookie
	}
	return ReasonNone
}

// usable refuses what would lie in the store without ever being served.
func (p *Policy) usable(x *Exchange, m *Meta, c *control) Reason {
	explicit := !m.Has(FlagHeuristic)
	switch {
	case !explicit && m.Lifetime == 0 && !cacheableByDefault(x.Status) && !c.public:
		return ReasonNoFreshness
	case m.Validatable():
		return ReasonNone
	case m.Has(FlagNoCache):
		return ReasonNoCache
	case m.Lifetime > m.InitialAge:
		return ReasonNone
	case explicit && !m.Has(FlagMustRevalidate) && m.InitialAge < maxDelta && (m.WhileRevalidate > 0 || m.IfError > 0):
		return ReasonNone
	case explicit:
		return ReasonExpired
	default:
		return ReasonNoFreshness
	}
}

// cacheableByDefault are the statuses of RFC 9110 section 15.1 for which
// freshness may be estimated.
func cacheableByDefault(status int) bool {
	switch status {
	case 200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501:
		return true
	}
	return false
}

// understood reports whether the meaning of status for caching is known here:
// it is one that net/http has a name for.
func understood(status int) bool { return http.StatusText(status) != "" }
