// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtauth

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
)

// eachParam calls fn for each parameter of a query, decoded, until it returns false. What
// cannot be decoded stays as it is.
func eachParam(raw string, fn func(name, value string) bool) {
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		if !fn(unescaped(name), unescaped(value)) {
			return
		}
	}
}

func unescaped(s string) string {
	if d, err := url.QueryUnescape(s); err == nil {
		return d
	}
	return s
}

// takeParam removes a parameter that holds a token from the URL, from the request line as it
// was received, and from the original request that Caddy keeps for placeholders such as
// {http.request.orig_uri} and for error routes. That one is a value in the request's context,
// which is replaced in the request itself: the replacer and the server hold the same pointer.
func takeParam(r *http.Request, name string) {
	found := false
	eachParam(r.URL.RawQuery, func(n, v string) bool {
		found = n == name && jwtverify.LooksLikeToken(v)
		return !found
	})
	if !found {
		return
	}
	r.URL.RawQuery = withoutParam(r.URL.RawQuery, name)
	r.RequestURI = withoutParamIn(r.RequestURI, name)
	orig, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request)
	if !ok {
		return
	}
	orig.RequestURI = withoutParamIn(orig.RequestURI, name)
	if orig.URL != nil {
		u := *orig.URL
		u.RawQuery = withoutParam(u.RawQuery, name)
		orig.URL = &u
	}
	*r = *r.WithContext(context.WithValue(r.Context(), caddyhttp.OriginalRequestCtxKey, orig))
}

// withoutParam returns a query without the parameters called name; the others keep their
// place and spelling.
func withoutParam(raw, name string) string {
	var kept []string
	for pair := range strings.SplitSeq(raw, "&") {
		if n, _, _ := strings.Cut(pair, "="); unescaped(n) != name {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&")
}

func withoutParamIn(uri, name string) string {
	path, raw, ok := strings.Cut(uri, "?")
	if !ok {
		return uri
	}
	if raw = withoutParam(raw, name); raw == "" {
		return path
	}
	return path + "?" + raw
}
