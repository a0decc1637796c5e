// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package jwtauth

import (
	"net/http"
	"strings"

	"github.com/caddy-gateway/tollgate/modules/internal/jwtverify"
)

// eachCookie calls fn for each cookie of the lines of Cookie (RFC 6265, section 4.2.1), until
// it returns false. Quotes around a value are not part of it.
func eachCookie(lines []string, fn func(name, value string) bool) {
	for _, line := range lines {
		for pair := range strings.SplitSeq(line, ";") {
			name, value := cookie(pair)
			if name != "" && !fn(name, value) {
				return
			}
		}
	}
}

func cookie(pair string) (name, value string) {
	name, value, _ = strings.Cut(strings.TrimSpace(pair), "=")
	if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
		value = value[1 : len(value)-1]
	}
	return strings.TrimSpace(name), value
}

// takeCookie removes a cookie that holds a token and leaves the others as they are.
func takeCookie(r *http.Request, name string) {
	found := false
	eachCookie(r.Header["Cookie"], func(n, v string) bool {
		found = n == name && jwtverify.LooksLikeToken(v)
		return !found
	})
	if !found {
		return
	}
	var lines []string
	for _, line := range r.Header["Cookie"] {
		var kept []string
		for pair := range strings.SplitSeq(line, ";") {
			if n, _ := cookie(pair); n != name && n != "" {
				kept = append(kept, strings.TrimSpace(pair))
			}
		}
		if len(kept) > 0 {
			lines = append(lines, strings.Join(kept, "; "))
		}
	}
	if len(lines) == 0 {
		delete(r.Header, "Cookie")
		return
	}
	r.Header["Cookie"] = lines
}
