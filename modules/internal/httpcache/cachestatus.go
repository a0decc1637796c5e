// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"strconv"
	"time"
)

// Forward is why a request went to the origin, the fwd parameter of RFC 9211
// section 2.2.
type Forward uint8

// The values of RFC 9211, ForwardNone for a request that did not go there.
const (
	ForwardNone Forward = iota
	ForwardBypass
	ForwardMethod
	ForwardURIMiss
	ForwardVaryMiss
	ForwardMiss
	ForwardRequest
	ForwardStale
	ForwardPartial
)

// String returns the token of RFC 9211, empty for ForwardNone.
func (f Forward) String() string {
	switch f {
	case ForwardBypass:
		return "bypass"
	case ForwardMethod:
		return "method"
	case ForwardURIMiss:
		return "uri-miss"
	case ForwardVaryMiss:
		return "vary-miss"
	case ForwardMiss:
		return "miss"
	case ForwardRequest:
		return "request"
	case ForwardStale:
		return "stale"
	case ForwardPartial:
		return "partial"
	default:
		return ""
	}
}

// Status is one member of the Cache-Status field (RFC 9211). It is a hit if
// Forward is ForwardNone and Generated is not set.
type Status struct {
	// Cache names the cache; a token stands as it is, else it is quoted.
	Cache string
	// Forward is why the origin was asked.
	Forward Forward
	// ForwardStatus is what the origin answered, if it differs from what the
	// client gets; zero leaves it out.
	ForwardStatus int
	// Generated marks an answer that neither the store nor the origin gave,
	// such as a 504 for only-if-cached: neither hit nor fwd is said.
	Generated bool
	// TTL is the remaining freshness and said if HasTTL.
	TTL    time.Duration
	HasTTL bool
	// Stored and Collapsed are said for requests that were forwarded.
	Stored, Collapsed bool
	// Key is the cache key, left out if empty.
	Key string
	// Detail is a reason, left out for ReasonNone.
	Detail Reason
}

// Append appends the member to dst. It allocates nothing but room in dst.
func (s *Status) Append(dst []byte) []byte {
	if isToken(s.Cache) && isLetterOrStar(s.Cache[0]) {
		dst = append(dst, s.Cache...)
	} else {
		dst = appendQuoted(dst, s.Cache)
	}
	switch {
	case s.Forward != ForwardNone:
		dst = append(dst, "; fwd="...)
		dst = append(dst, s.Forward.String()...)
		if s.ForwardStatus > 0 {
			dst = append(dst, "; fwd-status="...)
			dst = strconv.AppendInt(dst, int64(s.ForwardStatus), 10)
		}
	case !s.Generated:
		dst = append(dst, "; hit"...)
	}
	if s.HasTTL {
		dst = append(dst, "; ttl="...)
		dst = appendSeconds(dst, s.TTL)
	}
	if s.Forward != ForwardNone {
		if s.Stored {
			dst = append(dst, "; stored"...)
		}
		if s.Collapsed {
			dst = append(dst, "; collapsed"...)
		}
	}
	if s.Key != "" {
		dst = append(dst, "; key="...)
		dst = appendQuoted(dst, s.Key)
	}
	if s.Detail != ReasonNone {
		dst = append(dst, "; detail="...)
		dst = append(dst, s.Detail.String()...)
	}
	return dst
}

func isLetterOrStar(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '*'
}

// appendSeconds appends whole seconds, rounded towards minus infinity so that
// nothing looks fresher than it is.
func appendSeconds(dst []byte, d time.Duration) []byte {
	n := int64(d / time.Second)
	if d < 0 && d%time.Second != 0 {
		n--
	}
	return strconv.AppendInt(dst, n, 10)
}

// appendQuoted appends a string of RFC 9651; what such a string cannot hold
// becomes a question mark.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < 0x20 || c > 0x7e:
			dst = append(dst, '?')
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
