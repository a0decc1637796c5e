// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"net/http"
	"time"
)

// limit is a number of seconds that a directive may or may not give.
type limit struct {
	set bool
	d   time.Duration
}

// narrow takes a further statement of the same directive in: the shortest
// counts, and a broken one counts as zero.
func (l *limit) narrow(d *directive) {
	value, ok := d.seconds()
	if !ok {
		value = 0
	}
	if !l.set || value < l.d {
		l.set, l.d = true, value
	}
}

// control is what Cache-Control of an answer says.
type control struct {
	noStore, noCache, private, public bool
	mustRevalidate, proxyRevalidate   bool
	mustUnderstand                    bool
	maxAge, sMaxAge                   limit
	whileRevalidate, ifError          limit
	fieldLists                        bool // no-cache or private name fields
	any                               bool // at least one directive
}

// parseControl reads the lines of a Cache-Control field or of one that is
// targeted at caches like this one.
func parseControl(lines []string) control {
	var c control
	for _, line := range lines {
		s := scanner{rest: line}
		for d, ok := s.next(); ok; d, ok = s.next() {
			c.take(&d)
		}
	}
	return c
}

func (c *control) take(d *directive) {
	c.any = true
	switch {
	case d.is("max-age"):
		c.maxAge.narrow(d)
	case d.is("s-maxage"):
		c.sMaxAge.narrow(d)
	case d.is("stale-while-revalidate"):
		c.whileRevalidate.narrow(d)
	case d.is("stale-if-error"):
		c.ifError.narrow(d)
	case d.is("no-store"):
		c.noStore = true
	case d.is("public"):
		c.public = true
	case d.is("must-revalidate"):
		c.mustRevalidate = true
	case d.is("proxy-revalidate"):
		c.proxyRevalidate = true
	case d.is("must-understand"):
		c.mustUnderstand = true
	case d.is("no-cache"):
		if namesFields(d) {
			c.fieldLists = true
		} else {
			c.noCache = true
		}
	case d.is("private"):
		if namesFields(d) {
			c.fieldLists = true
		} else {
			c.private = true
		}
	}
}

// namesFields reports whether the value of no-cache or private is a list of
// field names. If it is anything else, the directive holds for all.
func namesFields(d *directive) bool {
	if !d.hasValue || d.spoilt {
		return false
	}
	found := false
	for name := range listMembers(d.value) {
		if !isToken(name) {
			return false
		}
		found = true
	}
	return found
}

// control returns the directives that bind this cache, and whether they come
// from a targeted field, in which case Expires does not count (RFC 9213
// section 2.2).
func (p *Policy) control(h http.Header) (_ control, targeted bool) {
	for _, name := range p.o.Targets {
		if c := parseControl(h[name]); c.any {
			return c, true
		}
	}
	return parseControl(h["Cache-Control"]), false
}
