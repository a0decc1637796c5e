// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/internal/httpcache"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// Names of fields that tell what a cache did.
const (
	headerStandard = "Cache-Status"
	headerStatus   = "X-Cache-Status"
	headerKey      = "X-Cache-Key"
)

// member is what Cache-Status says of a request. A reason is said that the package
// httpcache does not know.
func (v *visit) member(dst []byte, s *httpcache.Status, reason string) []byte {
	s.Cache = v.h.cache.Name()
	if dst = s.Append(dst); reason != "" && s.Detail == httpcache.ReasonNone {
		dst = append(append(dst, "; detail="...), reason...)
	}
	return dst
}

// tellKong sets the fields that Kong has for it, in place of what an upstream says.
func (v *visit) tellKong(h http.Header, status string) {
	delete(h, headerStatus)
	delete(h, headerKey)
	if !v.h.rules.kong {
		return
	}
	h[headerStatus] = []string{status}
	if v.keyed && status != kongBypass {
		h[headerKey] = []string{v.hexKey()}
	}
}

// Values of X-Cache-Status.
const (
	kongHit     = "Hit"
	kongMiss    = "Miss"
	kongRefresh = "Refresh"
	kongBypass  = "Bypass"
)

// kongStatus is what Kong calls it. Refresh is an answer of the upstream in place of one
// that is stored.
func kongStatus(status state.CacheStatus, fwd httpcache.Forward) string {
	switch {
	case status == state.CacheBypass:
		return kongBypass
	case status == state.CacheRevalidated, status == state.CacheMiss && (fwd == httpcache.ForwardStale || fwd == httpcache.ForwardRequest):
		return kongRefresh
	case status == state.CacheMiss:
		return kongMiss
	}
	return kongHit
}

// ofTheRequest says that a field tells about one request and nothing about the answer, so
// that it is not stored: limits that remain, ids, and what gateways say.
func ofTheRequest(name string) bool {
	switch name {
	case headerStatus, headerKey, "X-Correlation-Id", "X-Request-Id", "Request-Id", "Traceparent", "Tracestate", "Server-Timing":
		return true
	}
	return strings.HasPrefix(name, "X-Gateway-") || strings.HasPrefix(name, "X-Detected-") || strings.HasPrefix(name, "Ratelimit") ||
		strings.Contains(name, "-Ratelimit") || strings.HasPrefix(name, http.TrailerPrefix)
}

// ofACall says that a field belongs to the answer of a model. All others are of one
// request, of a connection or of whoever stands in front of the model.
func ofACall(name string) bool {
	switch name {
	case "Content-Type", "Content-Language", "Openai-Version", "Openai-Model":
		return true
	}
	return false
}

// own returns the fields that have come since before was all there was, which is what the
// upstream and the handlers inside have set. The values are shared with h.
func own(h, before http.Header) http.Header {
	fields := make(http.Header, len(h))
	for name, values := range h {
		if was := before[name]; len(was) > 0 && len(values) >= len(was) && slices.Equal(values[:len(was)], was) {
			values = values[len(was):] // a proxy adds to what is there
		}
		if len(values) > 0 && !ofTheRequest(name) {
			fields[name] = values
		}
	}
	return fields
}

// varyUnsaid has an answer depend on the fields of the request that it was plainly made
// for, where it does not say so: one that is compressed, or that a script of one origin
// may read.
func varyUnsaid(header, asked http.Header) {
	names, _ := httpcache.VaryNames(header)
	add := func(name string) {
		if !slices.Contains(names, name) {
			header["Vary"] = append(slices.Clip(header["Vary"]), name)
		}
	}
	for _, coding := range header["Content-Encoding"] {
		if !strings.EqualFold(coding, "identity") {
			add("Accept-Encoding")
			break
		}
	}
	if allowed, origin := header["Access-Control-Allow-Origin"], asked["Origin"]; len(allowed) == 1 && slices.Equal(allowed, origin) {
		add("Origin")
	}
}

// restore makes h what it was before.
func restore(h, before http.Header) {
	clear(h)
	maps.Copy(h, before)
}

// put adds the fields of a stored answer to those that are there already, as a proxy adds
// those of the upstream; but for its length, and for its type if the body is in another form.
func (a *answer) put(h http.Header, converted bool) {
	values := make([]string, 0, a.pairs)
	last, start, rest := "", 0, a.fields
	for range a.pairs {
		var name, value string
		name, value, rest = cutField(rest)
		if name == "Content-Length" || converted && name == "Content-Type" {
			continue
		}
		if name != last {
			putField(h, last, values[start:])
			last, start = name, len(values)
		}
		values = append(values, value)
	}
	putField(h, last, values[start:])
	if h["Via"] != nil && len(h["Server"]) == 1 && h["Server"][0] == "Caddy" {
		delete(h, "Server") // as for an answer that is being passed on
	}
}

// putField adds the values of one field.
func putField(h http.Header, name string, values []string) {
	if len(values) == 0 {
		return
	}
	if have := h[name]; len(have) > 0 && name != "Server" && name != "Date" {
		values = slices.Concat(have, values)
	}
	h[name] = slices.Clip(values)
}
