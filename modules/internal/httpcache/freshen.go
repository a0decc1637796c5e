// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"maps"
	"net/http"
)

// Freshen takes the 304 of x into the stored answer with the given header
// fields and meta (RFC 9111 section 4.3.4). It returns both anew; stored itself
// is left alone. A reason other than ReasonNone says that what came of it may be
// served to this client but not be stored: for ReasonCredentials and
// ReasonRequestNoStore what is stored stays as it was, for others it goes.
//
// The request must have been sent with [Meta.SetConditions]: it named one
// representation only, so the 304 speaks of that, and another ETag in it is not
// taken over. Cookies in the 304 are for this client; unless the policy keeps
// cookies, the caller passes them on from x.Header.
func (p *Policy) Freshen(x *Exchange, stored http.Header, m *Meta) (http.Header, Meta, Reason) {
	merged := p.merge(x, stored)
	judged := *x
	judged.Status = m.Status
	if judged.Method == http.MethodHead {
		judged.Method = http.MethodGet
	}
	judged.Header = maps.Clone(merged)
	if age := x.Header["Age"]; len(age) > 0 {
		judged.Header["Age"] = age
	}
	fresh, reason := p.Store(&judged)
	if reason != ReasonNone {
		// It is served once more, so that its age and status are needed.
		c, targeted := p.control(judged.Header)
		fresh = p.measure(&judged, &c, targeted)
	}
	return p.StoredHeader(merged, x.Responded), fresh, reason
}

// FreshenHead takes the answer to a HEAD into the stored answer to a GET (RFC
// 9111 section 4.3.5). ReasonStatus says that the answer is no 200 and has
// nothing to say about what is stored; ReasonMismatch that it describes
// another representation, so that what is stored is out of date and to be
// removed. Other reasons are those of Freshen.
func (p *Policy) FreshenHead(x *Exchange, stored http.Header, m *Meta) (http.Header, Meta, Reason) {
	if x.Status != http.StatusOK || m.Status != http.StatusOK {
		return nil, Meta{}, ReasonStatus
	}
	for _, name := range [...]string{"Etag", "Last-Modified", "Content-Length", "Content-Encoding"} {
		was, is := stored[name], x.Header[name]
		if len(is) > 0 && (len(was) == 0 || was[0] != is[0]) {
			return nil, Meta{}, ReasonMismatch
		}
	}
	return p.Freshen(x, stored, m)
}

// merge replaces fields of stored by those of the answer.
func (p *Policy) merge(x *Exchange, stored http.Header) http.Header {
	merged := maps.Clone(stored)
	update := p.StoredHeader(x.Header, x.Responded)
	for name, values := range update {
		if !ofRepresentation(name) {
			merged[name] = values
		}
	}
	return merged
}

// ofRepresentation reports whether a field belongs to the stored bytes, which a
// 304 does not change (RFC 9111 section 3.2).
func ofRepresentation(name string) bool {
	switch name {
	case "Content-Encoding", "Content-Length", "Content-Range", "Content-Md5",
		"Content-Digest", "Repr-Digest", "Etag":
		return true
	}
	return false
}
