// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"net/http"
	"slices"
	"time"
)

// StoredHeader returns the fields of an answer to keep (RFC 9111 section 3.1):
// all but those of the connection, those that Connection names, those that
// no-cache or private name, Age, which is computed on use, and cookies unless
// the policy keeps them. An answer without Date gets the time it came. The
// result shares nothing with h.
func (p *Policy) StoredHeader(h http.Header, responded time.Time) http.Header {
	kept := make(http.Header, len(h)+1)
	for name, values := range h {
		if !ofConnection(name) && name != "Age" {
			kept[name] = slices.Clone(values)
		}
	}
	dropListed(kept, h["Connection"])
	if p.o.Cookies != KeepCookies {
		delete(kept, "Set-Cookie")
		delete(kept, "Set-Cookie2")
	}
	if c, _ := p.control(h); c.fieldLists {
		p.dropRestricted(kept, h)
	}
	if len(kept["Date"]) == 0 {
		kept["Date"] = []string{responded.UTC().Format(http.TimeFormat)}
	}
	return kept
}

// ofConnection reports whether a field speaks of the connection and not of the
// answer (RFC 9110 section 7.6.1, RFC 9111 section 3.1). The name is canonical.
func ofConnection(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
		"Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization", "Proxy-Connection":
		return true
	}
	return false
}

func dropListed(h http.Header, lines []string) {
	for _, line := range lines {
		for name := range listMembers(line) {
			delete(h, http.CanonicalHeaderKey(name))
		}
	}
}

// dropRestricted removes the fields that no-cache="..." and, where others could
// see them, private="..." name.
func (p *Policy) dropRestricted(kept, h http.Header) {
	private := p.o.Scope == Shared || p.o.Scope == Partitioned && !p.o.StorePrivate
	for _, field := range append([]string{"Cache-Control"}, p.o.Targets...) {
		for _, line := range h[field] {
			s := scanner{rest: line}
			for d, ok := s.next(); ok; d, ok = s.next() {
				if d.is("no-cache") && !p.o.Override || d.is("private") && private {
					dropListed(kept, []string{d.value})
				}
			}
		}
	}
}

// DropForNotModified removes from h what a 304 does not carry (RFC 9110 section
// 15.4.5): what describes a body that is not sent.
func DropForNotModified(h http.Header) {
	for _, name := range [...]string{
		"Content-Length", "Content-Type", "Content-Encoding", "Content-Language",
		"Content-Range", "Content-Md5", "Content-Digest", "Repr-Digest",
	} {
		delete(h, name)
	}
}
