// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

import (
	"net/http"
	"net/textproto"
	"strings"
)

// Identity headers that the gateway asserts to upstreams. Their names are
// Kong's, so that services behind it need no change.
const (
	HeaderConsumerID       = "X-Consumer-Id"
	HeaderConsumerName     = "X-Consumer-Username"
	HeaderConsumerCustomID = "X-Consumer-Custom-Id"
	HeaderConsumerGroups   = "X-Consumer-Groups"
	HeaderCredential       = "X-Credential-Identifier"
	HeaderAnonymous        = "X-Anonymous-Consumer"
)

// identityPrefixes are the reserved names, lower-case with separators folded
// to "-": whatever a client sends under them is removed.
var identityPrefixes = [...]string{
	"x-consumer-", "x-credential-", "x-authenticated-", "x-anonymous-", "x-detected-",
}

// IsIdentityHeader says that name, in any case and with "_" or "." for "-", is
// one that only the gateway may assert.
func IsIdentityHeader(name string) bool {
	if !maybeIdentity(name) {
		return false
	}
	for _, p := range identityPrefixes {
		if hasFoldedPrefix(name, p) {
			return true
		}
	}
	return false
}

func hasFoldedPrefix(name, prefix string) bool {
	if len(name) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		c := name[i]
		switch {
		case 'A' <= c && c <= 'Z':
			c |= 0x20
		case c == '_' || c == '.':
			c = '-'
		}
		if c != prefix[i] {
			return false
		}
	}
	return true
}

// StripIdentity removes identity headers that came with a request.
func StripIdentity(h http.Header) {
	for name := range h {
		if maybeIdentity(name) && IsIdentityHeader(name) {
			delete(h, name)
		}
	}
}

// maybeIdentity is the part of IsIdentityHeader by which most names leave: the
// first letter is x, the third that of consumer, credential, authenticated, anonymous or
// detected.
func maybeIdentity(name string) bool {
	return len(name) >= len("x-consumer-") && name[0]|0x20 == 'x' && name[2]|0x20 >= 'a' && name[2]|0x20 <= 'd'
}

// AssertIdentity tells the upstream who the caller is, in place of anything
// that the client said about it.
func (rq *Request) AssertIdentity(r *http.Request) {
	if !rq.stripped {
		StripIdentity(r.Header)
	}
	rq.stripped = false // what is asserted now has to go when somebody else is
	ProtectHeaders(r.Header)
	c := rq.Credential
	if c == nil {
		return
	}
	// One backing array for all values; each slice is capped at one element
	// so that a later Add copies instead of overwriting its neighbour.
	v := []string{c.Consumer.Name, c.Consumer.CustomID, c.ID, "true"}
	h := r.Header
	h[HeaderConsumerID] = v[0:1:1]
	h[HeaderConsumerName] = v[0:1:1]
	assert(h, HeaderConsumerCustomID, v[1:2:2], v[1] != "")
	assert(h, HeaderCredential, v[2:3:3], v[2] != "" && !rq.Anonymous)
	assert(h, HeaderAnonymous, v[3:4:4], rq.Anonymous)
	delete(h, HeaderConsumerGroups)
}

// assert sets a header, or removes what somebody has put there since the request
// was stripped.
func assert(h http.Header, name string, value []string, holds bool) {
	if holds {
		h[name] = value
	} else {
		delete(h, name)
	}
}

// ProtectHeaders reduces Connection to the tokens that concern the connection
// itself. A client that nominates another header there makes the proxy remove
// that header on the way out, also one that the gateway has asserted (RFC 9110
// section 7.6.1; the class of CVE-2021-32813).
func ProtectHeaders(h http.Header) {
	values, ok := h["Connection"]
	if !ok {
		return
	}
	kept := make([]string, 0, 2)
	changed := false
	for _, v := range values {
		for token := range strings.SplitSeq(v, ",") {
			token = textproto.TrimString(token)
			if isConnectionOption(token) {
				kept = append(kept, token)
			} else if token != "" {
				changed = true
			}
		}
	}
	switch {
	case !changed:
	case len(kept) == 0:
		delete(h, "Connection")
	default:
		h["Connection"] = []string{strings.Join(kept, ", ")}
	}
}

// NominatesHeaders says that Connection names something besides the
// connection's own options.
func NominatesHeaders(h http.Header) bool {
	for _, v := range h["Connection"] {
		for token := range strings.SplitSeq(v, ",") {
			if token = textproto.TrimString(token); token != "" && !isConnectionOption(token) {
				return true
			}
		}
	}
	return false
}

func isConnectionOption(token string) bool {
	return strings.EqualFold(token, "close") || strings.EqualFold(token, "keep-alive") || strings.EqualFold(token, "upgrade")
}
