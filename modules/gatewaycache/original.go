// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// originalPath is the path that the client has asked for.
func originalPath(r *http.Request) string {
	if original, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok && original.URL != nil {
		return original.URL.Path
	}
	return r.URL.Path
}

// moved is a GET of another URL of the same site, as the request would be here after the
// prefix was stripped that was stripped from r.
func moved(r *http.Request, u *url.URL) *http.Request {
	to := *r.URL
	to.Path, to.RawPath, to.RawQuery = u.Path, u.RawPath, u.RawQuery
	ctx := r.Context()
	if original, ok := ctx.Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok && original.URL != nil {
		asked := *original.URL
		asked.Path, asked.RawPath, asked.RawQuery = u.Path, u.RawPath, u.RawQuery
		if prefix, stripped := strings.CutSuffix(original.URL.Path, r.URL.Path); stripped {
			to.Path = "/" + strings.TrimPrefix(strings.TrimPrefix(u.Path, prefix), "/")
		}
		original.URL = &asked
		ctx = context.WithValue(ctx, caddyhttp.OriginalRequestCtxKey, original)
	}
	get := r.Clone(ctx)
	get.URL = &to
	return get
}

// replaced is s with its placeholders replaced.
func (v *visit) replaced(s string) string {
	if !strings.Contains(s, "{") {
		return s
	}
	if repl, ok := v.r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		return repl.ReplaceAll(s, "")
	}
	return s
}
