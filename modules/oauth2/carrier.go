// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package oauth2

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
	"github.com/caddy-gateway/tollgate/modules/internal/state"
)

// accessToken is the query parameter of RFC 6750, section 2.3.
const accessToken = "access_token"

// shown is what a request shows: the token, or the first of several.
type shown struct {
	token    string
	n        int
	inHeader bool
	inQuery  bool
}

// find looks for tokens.
func (t *Tokens) find(r *http.Request) (s shown) {
	add := func(token string, where *bool) {
		if token == "" {
			return
		}
		if s.n++; s.n == 1 {
			s.token = token
		}
		*where = true
	}
	for _, line := range r.Header["Authorization"] {
		if token, ok := bearer(line); ok {
			add(token, &s.inHeader)
		}
	}
	if t.Query && strings.Contains(r.URL.RawQuery, "=") {
		for pair := range strings.SplitSeq(r.URL.RawQuery, "&") {
			if name, value, _ := strings.Cut(pair, "="); unescaped(name) == accessToken {
				add(unescaped(value), &s.inQuery)
			}
		}
	}
	return s
}

// bearer returns the token of "Bearer <token>", with the scheme in any case (RFC 9110,
// section 11.1).
func bearer(line string) (string, bool) {
	const scheme = "Bearer "
	if len(line) < len(scheme) || !strings.EqualFold(line[:len(scheme)], scheme) {
		return "", false
	}
	return strings.TrimLeft(line[len(scheme):], " "), true
}

// take removes tokens from the request, and from the address of the page that asks. Tokens of
// the gateway's own server have a form, and what does not have it, such as an API key behind
// Bearer, is somebody else's and stays.
func (t *Tokens) take(r *http.Request, s shown) {
	if !t.hide {
		return
	}
	if t.Query {
		state.HideInReferer(r.Header, func(name, value string) bool { return name == accessToken && t.isOurs(value) })
	}
	ours := s.n > 1 || s.n == 1 && t.isOurs(s.token)
	if ours && s.inHeader {
		delete(r.Header, "Authorization")
	}
	if ours && s.inQuery {
		takeParam(r)
	}
}

// isOurs says that a value can be a token of the server that is asked. Several may stand in one
// line, after a proxy has joined them.
func (t *Tokens) isOurs(value string) bool {
	if t.server == nil {
		return value != ""
	}
	return slices.ContainsFunc(strings.FieldsFunc(value, func(c rune) bool { return c == ' ' || c == ',' || c == '\t' }), jwtverify.LooksLikeToken)
}

// takeParam removes the parameter from the URL, from the request line as it was received,
// and from the original request that Caddy keeps for placeholders and error routes. That one
// is a value in the request's context, which is replaced in the request itself: the replacer
// and the server hold the same pointer.
func takeParam(r *http.Request) {
	r.URL.RawQuery = withoutParam(r.URL.RawQuery)
	r.RequestURI = withoutParamIn(r.RequestURI)
	orig, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request)
	if !ok {
		return
	}
	orig.RequestURI = withoutParamIn(orig.RequestURI)
	if orig.URL != nil {
		u := *orig.URL
		u.RawQuery = withoutParam(u.RawQuery)
		orig.URL = &u
	}
	*r = *r.WithContext(context.WithValue(r.Context(), caddyhttp.OriginalRequestCtxKey, orig))
}

// withoutParam returns a query without the parameter; the others keep place and spelling.
func withoutParam(raw string) string {
	var kept []string
	for pair := range strings.SplitSeq(raw, "&") {
		if name, _, _ := strings.Cut(pair, "="); unescaped(name) != accessToken {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&")
}

func withoutParamIn(uri string) string {
	path, raw, ok := strings.Cut(uri, "?")
	if !ok {
		return uri
	}
	if raw = withoutParam(raw); raw == "" {
		return path
	}
	return path + "?" + raw
}

func unescaped(s string) string {
	if d, err := url.QueryUnescape(s); err == nil {
		return d
	}
	return s
}
