// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"net/http"
	"time"
)

// measure computes what is kept of an answer: its age, its lifetime and how it
// may be used beyond it.
func (p *Policy) measure(x *Exchange, c *control, targeted bool) Meta {
	m := Meta{Status: x.Status, Received: x.Responded.UnixMilli(), Date: x.Responded.Unix()}
	date, _, dated := dateOf(x.Header["Date"], x.Responded)
	if dated {
		m.Date = date.Unix()
	}
	m.InitialAge = initialAge(ageOf(x.Header["Age"]), m.Date, x.Requested, x.Responded)
	p.validators(&m, x)
	p.lifetime(&m, x, c, targeted)
	m.WhileRevalidate, m.IfError = p.o.StaleWhileRevalidate, p.o.StaleIfError
	if p.o.Override {
		return m
	}
	if c.whileRevalidate.set {
		m.WhileRevalidate = c.whileRevalidate.d
	}
	if c.ifError.set {
		m.IfError = c.ifError.d
	}
	if c.noCache {
		m.Flags |= FlagNoCache
	}
	if c.mustRevalidate || p.o.Scope != Private && (c.proxyRevalidate || c.sMaxAge.set) {
		m.Flags |= FlagMustRevalidate
	}
	return m
}

// initialAge is corrected_initial_age of RFC 9111 section 4.2.3. Dates have no
// fractions of a second, so none count against an answer.
func initialAge(age time.Duration, date int64, requested, responded time.Time) time.Duration {
	apparent := min(max(responded.Unix()-date, 0), int64(maxDelta/time.Second))
	delay := clamp(responded.Sub(requested))
	return max(time.Duration(apparent)*time.Second, clamp(age+delay))
}

func (p *Policy) validators(m *Meta, x *Exchange) {
	if tag, present, ok := single(x.Header["Etag"]); present && ok {
		m.ETag = tag
	}
	if value, present, ok := single(x.Header["Last-Modified"]); present && ok {
		if _, ok := parseDate(value, x.Responded); ok {
			m.LastModified = value
		}
	}
}

// lifetime is RFC 9111 section 4.2.1: s-maxage for caches that are shared, then
// max-age, then Expires, then the policy's own, then an estimate.
func (p *Policy) lifetime(m *Meta, x *Exchange, c *control, targeted bool) {
	switch {
	case p.o.Override:
		m.fromNow(p.o.TTL)
		return
	case c.sMaxAge.set && p.o.Scope != Private:
		m.Lifetime = c.sMaxAge.d
		return
	case c.maxAge.set:
		m.Lifetime = c.maxAge.d
		return
	}
	if lines := x.Header["Expires"]; len(lines) > 0 && !targeted {
		if expires, _, ok := dateOf(lines, x.Responded); ok {
			seconds := min(max(expires.Unix()-m.Date, 0), int64(maxDelta/time.Second))
			m.Lifetime = time.Duration(seconds) * time.Second
		}
		return
	}
	m.Flags |= FlagHeuristic
	if !c.public && !cacheableByDefault(x.Status) || pragmaNoCache(x.Header, c) {
		return
	}
	if p.o.TTL > 0 {
		m.fromNow(p.o.TTL)
		return
	}
	if modified, _, ok := dateOf(x.Header["Last-Modified"], x.Responded); ok && p.o.HeuristicMax > 0 {
		seconds := min(max(m.Date-modified.Unix(), 0), int64(maxDelta/time.Second))
		m.Lifetime = min(time.Duration(seconds)*time.Second/10, p.o.HeuristicMax)
	}
}

// fromNow has the answer fresh for ttl from when it came, whatever its age. An
// age that could not be read is of no account then.
func (m *Meta) fromNow(ttl time.Duration) {
	if m.InitialAge >= maxDelta {
		m.InitialAge = 0
	}
	m.Lifetime = clamp(m.InitialAge + ttl)
}

// pragmaNoCache reports whether an answer without Cache-Control says Pragma:
// no-cache. That has no meaning in the standard, but whoever writes it does not
// want to be guessed about.
func pragmaNoCache(h http.Header, c *control) bool {
	if c.any {
		return false
	}
	for _, line := range h["Pragma"] {
		s := scanner{rest: line}
		for d, ok := s.next(); ok; d, ok = s.next() {
			if d.is("no-cache") {
				return true
			}
		}
	}
	return false
}
