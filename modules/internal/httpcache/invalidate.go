// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

import (
	"net/http"
	"net/url"
	"strings"
)

// Invalidates reports whether an answer with this status to this method has the
// cache forget what it holds for the target (RFC 9111 section 4.4). Methods
// that nobody here knows are taken for unsafe. Calls whose POST asks for an
// answer rather than for a change, as those of model APIs do, are not to be put
// to this question.
func Invalidates(method string, status int) bool {
	if status < 200 || status > 399 {
		return false
	}
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace,
		"QUERY", "PROPFIND", "REPORT", "SEARCH":
		return false
	}
	return true
}

// AppendInvalidated appends the further URLs to forget after an answer for which
// Invalidates holds: those of Location and Content-Location that have the
// origin of target, which is absolute. The target itself is not appended.
func AppendInvalidated(dst []*url.URL, target *url.URL, h http.Header) []*url.URL {
	for _, name := range [...]string{"Location", "Content-Location"} {
		for _, value := range h[name] {
			u, err := target.Parse(trimSpace(value))
			if err != nil || !sameOrigin(u, target) || sameResource(u, target) {
				continue
			}
			u.Fragment, u.RawFragment = "", ""
			dst = append(dst, u)
		}
	}
	return dst
}

func sameResource(a, b *url.URL) bool {
	return sameOrigin(a, b) && orSlash(a.EscapedPath()) == orSlash(b.EscapedPath()) && a.RawQuery == b.RawQuery
}

func orSlash(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

func sameOrigin(a, b *url.URL) bool {
	return strings.EqualFold(a.Scheme, b.Scheme) &&
		strings.EqualFold(a.Hostname(), b.Hostname()) &&
		portOf(a) == portOf(b)
}

func portOf(u *url.URL) string {
	if port := u.Port(); port != "" {
		return port
	}
	switch strings.ToLower(u.Scheme) {
	case "http":
		return "80"
	case "https":
		return "443"
	}
	return ""
}
